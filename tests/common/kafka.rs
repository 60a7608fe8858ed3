//! One real Kafka for a test binary: started when first asked for, stopped when the binary ends, however it ends.
use super::free_port;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kafka").join(name)
}

/// The broker's address.
pub fn broker() -> &'static str {
    static BROKER: OnceLock<String> = OnceLock::new();
    BROKER.get_or_init(|| start(&[]))
}

/// Starts a broker of one's own; it is stopped when this process ends.
pub fn start(overrides: &[&str]) -> String {
    let port = free_port();
    let data = tempfile::Builder::new().prefix("c360-kafka-").tempdir().unwrap().keep();
    let mut settings = vec!["group.min.session.timeout.ms=1000"];
    settings.extend(overrides);
    let status = Command::new(script("start"))
        .arg(port.to_string())
        .arg(&data)
        .env("KAFKA_OVERRIDES", settings.join("\n"))
        .env("KAFKA_LIGHT", "1")
        .stdout(Stdio::null())
        .status()
        .expect("deploy/kafka/start");
    assert!(status.success(), "kafka does not start; see {}", data.join("broker.log").display());
    // A guard that outlives us and ends the broker when our end of the pipe closes, even by kill -9.
    let guard = format!("cat >/dev/null; {} {}; rm -rf {}", script("stop").display(), data.display(), data.display());
    let guard = Command::new("setsid").args(["sh", "-c", &guard]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    std::mem::forget(guard.expect("setsid"));
    format!("127.0.0.1:{port}")
}
