//! What the benchmarks share: the binary under test, its CPU time, and the events.
#![allow(dead_code, clippy::print_stdout, clippy::unwrap_used, reason = "each benchmark uses its part, prints, and breaks loudly")]
pub(crate) mod bare;
pub(crate) mod http;

use bytes::Bytes;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const WRITE_KEY: &str = "wk_bench";
const ACCOUNTS: usize = 2_000;
/// No benchmark takes longer than this for one thing.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn env_number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.replace('_', "").parse().ok()).unwrap_or(default)
}

/// A port that nobody listens on now, with a free one after it. Below the range that connections get theirs from, so that it stays free while a server is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let base = 20_000 + (std::process::id() % 600) as u16 * 20;
    (0..1_000)
        .map(|_| base + NEXT.fetch_add(2, std::sync::atomic::Ordering::Relaxed) % 700)
        .find(|port| [*port, port + 1].iter().all(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()))
        .unwrap()
}

/// Sends a signal, named as `kill` names it, to one process.
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success(), "kill {name} {pid}");
}

pub(crate) fn print_row(what: &str, figures: &[(&str, f64)]) {
    let figures: Vec<String> = figures
        .iter()
        .map(|(name, value)| if *value < 10.0 { format!("{name} {value:.3}") } else { format!("{name} {value:.0}") })
        .collect();
    println!("{what}: {}", figures.join(", "));
}

/// CPU seconds of a process, user and system.
pub(crate) struct Cpu;

impl Cpu {
    pub(crate) fn of(pid: u32) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
        // Clock ticks are 1/100 s on every Linux that c360 runs on.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

/// A batch of track calls of some 440 bytes each, as an SDK writes them.
pub(crate) fn track_batch(batch: usize, size: usize) -> Bytes {
    let now = jiff::Timestamp::now();
    let calls: Vec<String> = (0..size)
        .map(|n| {
            let id = batch * size + n;
            let account = id * 7919 % ACCOUNTS;
            format!(
                r#"{{"type":"track","messageId":"node-next-{id:016}","timestamp":"{now}","userId":"u{account}-{}","event":"Report Viewed","properties":{{"path":"/reports/monthly","rows":120,"format":"pdf","filters":["region","owner"],"duration_ms":{}}},"context":{{"groupId":"a{account}","library":{{"name":"@segment/analytics-node","version":"3.1.0"}},"ip":"203.0.113.7","locale":"en-GB","timezone":"Europe/Berlin"}},"integrations":{{}}}}"#,
                id % 9,
                id % 1_000
            )
        })
        .collect();
    format!(r#"{{"batch":[{}],"sentAt":"{now}","writeKey":"{WRITE_KEY}"}}"#, calls.join(",")).into()
}

/// The binary under test, on data of its own.
pub(crate) struct Server {
    child: Child,
    _data: tempfile::TempDir,
    listen: String,
    admin: String,
}

impl Server {
    pub(crate) fn up(args: &[&str]) -> Self {
        Self::role("up", args)
    }

    pub(crate) fn role(role: &str, args: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (listen, admin) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let child = Command::new(env!("CARGO_BIN_EXE_c360"))
            .arg(role)
            .args(["--data", data.path().join("data").to_str().unwrap(), "--listen", &listen, "--admin-listen", &admin])
            .args(args)
            .env("C360_BOOTSTRAP_WRITE_KEY", WRITE_KEY)
            .env("C360_BOOTSTRAP_API_TOKEN", "at_bench")
            .env("C360_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, _data: data, listen, admin };
        let started = Instant::now();
        while server.metrics().is_none() {
            assert!(started.elapsed() < PATIENCE, "c360 does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    /// Host and port of the public port.
    pub(crate) fn address(&self) -> String {
        self.listen.clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn peak_mb(&self) -> f64 {
        self.memory_mb("VmHWM")
    }

    pub(crate) fn memory_mb(&self, what: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    fn metrics(&self) -> Option<String> {
        reqwest::blocking::get(format!("http://{}/metrics", self.admin)).ok()?.text().ok()
    }

    pub(crate) fn wait_for_metric(&self, name: &str, value: f64) {
        let started = Instant::now();
        loop {
            let now = self.metrics().and_then(|text| text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok()));
            if now.is_some_and(|now| now >= value) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{name} is {now:?} and not {value}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
