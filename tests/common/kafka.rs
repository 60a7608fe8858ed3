//! One real Kafka for a test binary: started when first asked for, stopped when the binary ends, however it ends.
use super::{free_port, signal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kafka").join(name)
}

/// The broker's address.
pub fn broker() -> &'static str {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    &BROKER.get_or_init(|| Broker::start(&[])).address
}

/// Ports are asked for and then used: another may come between, so it is tried again with others.
const START_TRIES: usize = 5;

/// A broker of one's own, which may be broken; it is stopped when this process ends.
pub struct Broker {
    pub address: String,
    port: u16,
    data: PathBuf,
    overrides: String,
}

impl Broker {
    pub fn start(overrides: &[&str]) -> Self {
        (0..START_TRIES).find_map(|_| Self::try_start(overrides)).expect("kafka does not start; deploy/kafka/start says why")
    }

    fn try_start(overrides: &[&str]) -> Option<Self> {
        let port = free_port();
        let data = tempfile::Builder::new().prefix("c360-kafka-").tempdir().unwrap().keep();
        let overrides = [&["group.min.session.timeout.ms=1000"], overrides].concat().join("\n");
        let broker = Self { address: format!("127.0.0.1:{port}"), port, data, overrides };
        let is_up = broker.try_up();
        // A guard that outlives us and ends the broker when our end of the pipe closes, even by kill -9.
        let data = broker.data.display();
        let guard = format!("cat >/dev/null; {} {data}; rm -rf {data}", script("stop").display());
        let guard =
            Command::new("setsid").args(["sh", "-c", &guard]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut guard = guard.expect("setsid");
        if is_up {
            std::mem::forget(guard);
            Some(broker)
        } else {
            drop(guard.stdin.take());
            guard.wait().expect("the guard ends");
            None
        }
    }

    fn try_up(&self) -> bool {
        let mut start = Command::new(script("start"));
        start.arg(self.port.to_string()).arg(&self.data).env("KAFKA_OVERRIDES", &self.overrides).env("KAFKA_LIGHT", "1");
        start.stdout(Stdio::null()).status().expect("deploy/kafka/start").success()
    }

    /// Starts it again on its data.
    pub fn up(&self) {
        assert!(self.try_up(), "kafka does not start again; deploy/kafka/start says why");
    }

    /// kill -9.
    pub fn kill(&self) {
        signal(self.pid(), "-KILL");
    }

    /// Stands still: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        signal(self.pid(), "-STOP");
    }

    pub fn thaw(&self) {
        signal(self.pid(), "-CONT");
    }

    fn pid(&self) -> u32 {
        std::fs::read_to_string(self.data.join("broker.pid")).unwrap().trim().parse().unwrap()
    }
}
