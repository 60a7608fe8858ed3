//! What the whole-system tests stand on: the real binary, a real Kafka, the real clients.
#![allow(dead_code, unreachable_pub, clippy::print_stderr, reason = "each test uses its part")]
pub mod clients;
pub mod kafka;
pub mod server;

use serde_json::Value;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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
