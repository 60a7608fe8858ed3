//! The process under test, `c360 up` on the embedded log, and how its users talk to it.
use anyhow::{Context, bail, ensure};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WRITE_KEY: &str = "wk_recovery";
const API_TOKEN: &str = "at_recovery";
const LOOK_EVERY: Duration = Duration::from_millis(2);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Where it lives, and how it is started.
#[derive(Clone)]
pub struct Place {
    pub binary: PathBuf,
    pub dir: PathBuf,
    listen: String,
    admin: String,
    client: Client,
}

impl Place {
    /// # Errors
    /// Where there is no free port.
    pub fn new(binary: PathBuf, dir: PathBuf) -> anyhow::Result<Self> {
        let address = || -> anyhow::Result<String> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string()) };
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { binary, dir, listen: address()?, admin: address()?, client })
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Starts it with a snapshot every so many seconds; 0: none.
    ///
    /// # Errors
    /// Where the binary cannot be run.
    pub fn start(&self, snapshot_every_s: u64) -> anyhow::Result<Server> {
        let config = self.dir.join("c360.toml");
        std::fs::write(&config, format!("[engine.snapshots]\nevery_s = {snapshot_every_s}\n"))?;
        let output = File::options().create(true).append(true).open(self.dir.join("c360.log"))?;
        let started = Instant::now();
        let child = Command::new(&self.binary)
            .arg("up")
            .args(["--listen", &self.listen, "--admin-listen", &self.admin, "--config"])
            .arg(&config)
            .arg("--data")
            .arg(self.data())
            .env("C360_BOOTSTRAP_WRITE_KEY", WRITE_KEY)
            .env("C360_BOOTSTRAP_API_TOKEN", API_TOKEN)
            .env("C360_LOG", std::env::var("C360_LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} cannot be run", self.binary.display()))?;
        Ok(Server { place: self.clone(), child, started })
    }

    /// Sends calls; true where they were acknowledged, false where the server is busy or away.
    ///
    /// # Errors
    /// Where they are refused.
    pub fn send(&self, calls: &[Value]) -> anyhow::Result<bool> {
        let request = self.client.post(format!("http://{}/v1/batch", self.listen)).basic_auth(WRITE_KEY, Some(""));
        let Ok(answer) = request.json(&json!({ "batch": calls })).send() else { return Ok(false) };
        match answer.status().as_u16() {
            200 => Ok(true),
            429 | 503 => Ok(false),
            status => bail!("calls are refused with {status}: {}", answer.text().unwrap_or_default()),
        }
    }

    /// What the API answers; `None` where it does not, or knows nothing of it.
    pub fn ask(&self, path: &str) -> Option<Value> {
        let answer = self.client.get(format!("http://{}{path}", self.admin)).bearer_auth(API_TOKEN).send().ok()?;
        if answer.status().is_success() { answer.json().ok() } else { None }
    }

    /// The sum of a metric's series that start with `name`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.client.get(format!("http://{}/metrics", self.admin)).send().ok()?.text().ok()?;
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Some(values.sum())
    }
}

/// The running process; killed when dropped.
pub struct Server {
    pub place: Place,
    child: Child,
    started: Instant,
}

impl Server {
    /// Seconds from its start until `holds`.
    ///
    /// # Errors
    /// Where it ends, or takes longer than `patience`.
    pub fn until(&mut self, patience: Duration, mut holds: impl FnMut(&Place) -> bool) -> anyhow::Result<f64> {
        loop {
            if holds(&self.place) {
                return Ok(self.started.elapsed().as_secs_f64());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("c360 ended ({status}): see {}", self.place.dir.join("c360.log").display());
            }
            ensure!(self.started.elapsed() < patience, "c360 did not come to it in {patience:?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// Where it is gone already.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let since = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(since.elapsed() < STOP_PATIENCE, "c360 does not stop");
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes of the files under `dir`.
pub fn folder_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { folder_bytes(&entry.path()) } else { entry.metadata().map_or(0, |m| m.len()) }).sum()
}
