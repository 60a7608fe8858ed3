//! One Apache Kafka broker, started with the scripts under `deploy/kafka` by the first test that needs it. A guard process stops it and removes its data when this process ends,
//! however it ends.
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

static BROKER: LazyLock<Broker> = LazyLock::new(Broker::start);
/// Held by every test that uses the broker; alone by one that breaks it.
static USERS: RwLock<()> = RwLock::new(());

/// A broker out of the box looks for transactions that ran out every 10 s; the tests would wait.
const OVERRIDES: &str = "transaction.abort.timed.out.transaction.cleanup.interval.ms=500";

pub struct Broker {
    pub address: String,
    data: PathBuf,
    port: u16,
}

/// The broker, shared with other tests.
pub fn shared() -> (&'static Broker, RwLockReadGuard<'static, ()>) {
    let user = USERS.read();
    (&BROKER, user)
}

/// Waits until no other test uses the broker, and keeps them off.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    USERS.write()
}

fn script(name: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kafka").join(name));
    command.env("KAFKA_OVERRIDES", OVERRIDES).env("KAFKA_LIGHT", "1");
    command
}

fn run(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A port that nobody listens on now, with a free one after it. Below the range that connections get theirs from, so that it stays free while a server is down.
fn free_ports() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let base = 20_000 + (std::process::id() % 600) as u16 * 20;
    (0..1_000)
        .map(|_| base + NEXT.fetch_add(2, std::sync::atomic::Ordering::Relaxed) % 700)
        .find(|port| [*port, port + 1].iter().all(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()))
        .expect("two free ports")
}

impl Broker {
    fn start() -> Self {
        let data = std::env::temp_dir().join(format!("c360-test-kafka-{}", std::process::id()));
        let port = free_ports();
        let this = Self { address: format!("127.0.0.1:{port}"), data, port };
        this.guard();
        this.up();
        this
    }

    /// Ends the broker when this process is gone. In a session of its own, so that what kills the tests does not kill the guard.
    fn guard(&self) {
        let stop = script("stop").get_program().to_owned();
        let mut command = Command::new("setsid");
        command.args(["--fork", "sh", "-c", "while kill -0 \"$0\" 2>/dev/null; do sleep 0.3; done; \"$1\" \"$2\"; rm -rf \"$2\""]);
        command.arg(std::process::id().to_string()).arg(stop).arg(&self.data);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "setsid (util-linux) is needed");
    }

    pub fn up(&self) {
        let mut start = script("start");
        start.arg(self.port.to_string()).arg(&self.data);
        run(start);
    }

    pub fn down(&self) {
        let mut stop = script("stop");
        stop.arg(&self.data);
        run(stop);
    }

    /// Stands still: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.data.join("broker.pid")).unwrap();
        let mut kill = Command::new("kill");
        kill.args([signal, pid.trim()]);
        run(kill);
    }
}
