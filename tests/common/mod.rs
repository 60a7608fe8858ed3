//! What the whole-system tests stand on: the real binary, a real Kafka, the real clients.
#![allow(dead_code, unreachable_pub, clippy::print_stderr, reason = "each test uses its part")]
pub mod clients;
pub mod kafka;
pub mod server;

use serde_json::Value;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A port that nobody listens on now, with a free one after it. Below the range that connections get theirs from, so that it stays free while a server is down.
pub fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let base = 20_000 + (std::process::id() % 600) as u16 * 20;
    (0..1_000)
        .map(|_| base + NEXT.fetch_add(2, Ordering::Relaxed) % 700)
        .find(|port| [*port, port + 1].iter().all(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()))
        .expect("two free ports")
}

/// Asks until the answer is there, at most for a minute; says the last answer when it is not.
pub fn eventually<T, E: std::fmt::Debug>(what: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    eventually_within(Duration::from_secs(60), what, &mut ask)
}

pub fn eventually_within<T, E: std::fmt::Debug>(limit: Duration, what: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match ask() {
            Ok(found) => return found,
            Err(error) if started.elapsed() > limit => panic!("{what}: not within {limit:?}: {error:?}"),
            Err(_) => std::thread::park_timeout(Duration::from_millis(20)),
        }
    }
}

/// Sends a signal, named as `kill` names it, to one process.
pub fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill").args([name, &pid.to_string()]).status().expect("kill");
    assert!(status.success(), "kill {name} {pid}");
}

pub fn chromium() -> &'static str {
    ["/usr/bin/chromium", "/usr/bin/google-chrome"].into_iter().find(|path| std::path::Path::new(path).exists()).unwrap_or("chromium")
}

/// Sets a flag when it goes, also by a panic: threads that run until then must not be waited for in vain.
pub struct StopAtEnd<'a>(pub &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where a log comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    Embedded,
    Kafka,
}

/// The value at a JSON pointer; `null` where there is none.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
