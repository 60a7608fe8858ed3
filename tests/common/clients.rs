//! The clients that users have: Segment's SDK, Stripe's library, a receiver with the `standardwebhooks` package. All run in Node.
use super::server::{STRIPE_SECRET, Server, WEBHOOK_SECRET, WRITE_KEY};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script)).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn feed(command: &mut Command, lines: &[Value]) -> String {
    let mut child = command.spawn().expect("node is needed: deploy/setup/install test");
    let mut stdin = child.stdin.take().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Sends calls with `@segment/analytics-node`; every one of them must be acknowledged.
pub fn segment(server: &Server, calls: &[Value]) {
    let mut command = node("segment.mjs");
    command.args(["--host", &server.url(""), "--write-key", WRITE_KEY, "--flush-at", "20", "--timeout-ms", "60000"]);
    let said: Value = serde_json::from_str(&feed(&mut command, calls)).unwrap();
    assert_eq!(said, json!({"sent": calls.len(), "errors": []}));
}

/// Posts Stripe events, signed by Stripe's own library, each again until it is acknowledged, as Stripe does.
pub fn stripe(server: &Server, now_s: i64, events: &[Value]) {
    let bodies: Vec<String> = events.iter().map(Value::to_string).collect();
    let to_sign: Vec<Value> = bodies.iter().map(|body| json!({"payload": body, "secret": STRIPE_SECRET, "timestamp": now_s})).collect();
    let signatures = feed(&mut node("stripe-sign.mjs"), &to_sign);
    let signatures: Vec<&str> = signatures.lines().collect();
    assert_eq!(signatures.len(), bodies.len());
    for (body, signature) in bodies.iter().zip(signatures) {
        super::eventually("a webhook is acknowledged", || {
            let answer =
                server.client.post(server.url("/hooks/stripe/stripe")).header("stripe-signature", signature).body(body.clone()).send();
            match answer {
                Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
}

/// Looks at pages of the console in headless Chromium, wide and as on a phone; nothing may be broken there. `C360_TEST_SHOTS` names a folder for pictures of them.
pub fn look(server: &Server, paths: &[&str]) {
    let mut command = node("pages.mjs");
    command.env("CHROMIUM", super::chromium()).args(["--url", &server.admin_url(""), "--token", super::server::API_TOKEN]);
    if let Ok(folder) = std::env::var("C360_TEST_SHOTS") {
        command.args(["--shots", &folder]);
    }
    let said: Value = serde_json::from_str(&feed(command.args(paths), &[])).unwrap();
    assert_eq!(said, json!([]));
}

/// An endpoint for alerts that checks signatures with the `standardwebhooks` package.
pub struct Receiver {
    child: Child,
    pub url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub fn start(args: &[&str]) -> Self {
        let mut command = node("receiver.mjs");
        command.args(["--secret", WEBHOOK_SECRET]).args(args);
        let mut child = command.spawn().expect("node is needed: deploy/setup/install test");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, url: format!("http://127.0.0.1:{}/alerts", first["port"]), seen }
    }

    /// All requests so far: `{"id","verified","status","attempt","body"}`.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
