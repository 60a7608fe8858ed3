//! A `c360` process on data of its own, and how a user talks to it.
use super::{LogKind, eventually, free_port, kafka, signal};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

pub const WRITE_KEY: &str = "wk_test";
pub const API_TOKEN: &str = "at_test";
pub const STRIPE_SECRET: &str = "whsec_stripe_test";
pub const ZENDESK_SECRET: &str = "zendesk-test";
/// `whsec_` and the base64 of 32 bytes.
pub const WEBHOOK_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    pub role: &'static str,
    pub log: LogKind,
    pub clock: Option<String>,
    pub env: Vec<(String, String)>,
    /// Shared by processes that belong together on Kafka.
    pub prefix: String,
    /// A broker of one's own; else the one that all tests share.
    pub broker: Option<String>,
    /// Where the data folder lies; else in a temporary folder.
    pub disk: Option<PathBuf>,
}

impl Setup {
    pub fn up(log: LogKind) -> Self {
        let prefix = format!("t{}-{}.", std::process::id(), free_port());
        Self { role: "up", log, clock: None, env: Vec::new(), prefix, broker: None, disk: None }
    }

    pub fn role(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    pub fn clock(self, start: &str) -> Self {
        Self { clock: Some(start.into()), ..self }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }
}

/// A running server; killed when dropped.
pub struct Server {
    setup: Setup,
    data: tempfile::TempDir,
    listen: String,
    admin: String,
    child: Mutex<Option<Child>>,
    pub client: Client,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub fn start(setup: Setup) -> Self {
        rustls_provider();
        let client = Client::builder().no_proxy().timeout(ANSWER_WITHIN).build().unwrap();
        let server = Self {
            setup,
            data: tempfile::Builder::new().prefix("c360-test-").tempdir().unwrap(),
            listen: format!("127.0.0.1:{}", free_port()),
            admin: format!("127.0.0.1:{}", free_port()),
            child: Mutex::new(None),
            client,
        };
        server.spawn();
        server.wait_ready();
        server
    }

    /// Starts it, and does not wait for it.
    pub fn spawn(&self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_c360"));
        command
            .arg(self.setup.role)
            .args(["--data", self.data_folder().to_str().unwrap(), "--listen", &self.listen, "--admin-listen", &self.admin])
            .env("C360_BOOTSTRAP_WRITE_KEY", WRITE_KEY)
            .env("C360_BOOTSTRAP_API_TOKEN", API_TOKEN)
            .env("C360_HOOK_STRIPE_SECRET", STRIPE_SECRET)
            .env("C360_HOOK_ZENDESK_SECRET", ZENDESK_SECRET)
            .envs(self.setup.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if self.setup.log == LogKind::Kafka {
            let broker = self.setup.broker.as_deref().unwrap_or_else(|| kafka::broker());
            command.args(["--kafka", broker, "--topic-prefix", &self.setup.prefix]);
        }
        if let Some(clock) = &self.setup.clock {
            command.args(["--clock", clock]);
        }
        *self.child.lock().unwrap() = Some(command.spawn().unwrap());
    }

    pub fn log_file(&self) -> PathBuf {
        self.data.path().join("c360.log")
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// What `--data` names.
    pub fn data_folder(&self) -> PathBuf {
        self.setup.disk.as_deref().unwrap_or(self.data.path()).join("data")
    }

    /// What `/readyz` answers; `None` where nobody answers in time.
    pub fn readiness(&self) -> Option<StatusCode> {
        Some(self.client.get(self.admin_url("/readyz")).timeout(Duration::from_secs(5)).send().ok()?.status())
    }

    pub fn wait_ready(&self) {
        eventually("readyz", || match self.client.get(self.admin_url("/readyz")).send() {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            other => {
                if let Some(status) = self.child.lock().unwrap().as_mut().and_then(|c| c.try_wait().unwrap()) {
                    panic!("c360 ended with {status}:\n{}", self.log_text());
                }
                Err(format!("{other:?}"))
            }
        });
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().as_ref().unwrap().id()
    }

    /// kill -9, and no word.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Whether it ended though nobody ended it.
    pub fn has_ended(&self) -> bool {
        self.child.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_some())
    }

    /// kill -9, and up again on the same data.
    pub fn kill_and_restart(&self) {
        self.kill();
        self.spawn();
        self.wait_ready();
    }

    /// SIGTERM; the exit status.
    pub fn terminate(&self) -> std::process::ExitStatus {
        let mut child = self.child.lock().unwrap().take().unwrap();
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        eventually("an end after SIGTERM", || child.try_wait().unwrap().ok_or("still runs"))
    }

    pub fn restart(&self) {
        self.spawn();
        self.wait_ready();
    }

    /// A request to the private port with the token.
    pub fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.admin_url(path)).bearer_auth(API_TOKEN)
    }

    /// GET from the API: status and JSON.
    pub fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.api(Method::GET, path).send().unwrap();
        (answer.status(), answer.json().unwrap_or(Value::Null))
    }

    /// The 360 view.
    pub fn view(&self, account: &str) -> Value {
        let (status, view) = self.get(&format!("/api/v1/customers/{account}"));
        assert_eq!(status, StatusCode::OK, "{account}: {view}");
        view
    }

    /// Moves the clock on; when everything acknowledged before shows, the new now in UTC ms.
    pub fn advance(&self, seconds: i64) -> Result<i64, String> {
        self.advance_within(seconds, ANSWER_WITHIN)
    }

    /// The same, for those who cannot wait as long as most.
    pub fn advance_within(&self, seconds: i64, limit: Duration) -> Result<i64, String> {
        let request = self.api(Method::POST, "/api/v1/clock").json(&json!({ "advance_s": seconds })).timeout(limit);
        let answer = request.send().map_err(|e| e.to_string())?;
        let (status, body) = (answer.status(), answer.text().unwrap_or_default());
        if status != StatusCode::OK {
            return Err(format!("{status}: {body}"));
        }
        let body: Value = serde_json::from_str(&body).map_err(|e| e.to_string())?;
        Ok(body["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    /// Moves the clock to a time, whatever dies on the way.
    pub fn advance_to(&self, target_ms: i64) {
        eventually("the clock moves", || {
            let now = self.advance(0)?;
            assert!(now <= target_ms, "the clock is ahead: {now} of {target_ms}");
            if now < target_ms {
                self.advance((target_ms - now) / 1_000)?;
            }
            Ok::<(), String>(())
        });
    }

    /// POSTs JSON to the public port with the write key.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(self.url(path)).basic_auth(WRITE_KEY, Some("")).json(body).send().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let text = self.log_text();
            let tail: Vec<_> = text.lines().rev().take(40).collect();
            eprintln!("--- the last of c360's log ({})", self.setup.role);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// reqwest is built without a TLS provider of its own.
fn rustls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
