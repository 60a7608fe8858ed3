//! Connections that do nothing or little: what 10,000 idle ones cost in memory, and how a good client fares beside slowhttptest (Debian's package) in its three modes.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and breaks loudly")]
#[path = "support/mod.rs"]
mod support;

use bytes::Bytes;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::http::{Connection, Times, pace, request};
use support::{Server, env_number, print_row, track_batch};

const GOOD_PER_S: usize = 200;
const GOOD_FOR: Duration = Duration::from_secs(20);
const SLOW: usize = 2_000;
/// slowhttptest's modes.
const MODES: [(&str, &[&str]); 3] = [
    ("slow heads", &["-H", "-i", "3", "-x", "24"]),
    ("slow bodies", &["-B", "-i", "3", "-x", "24", "-s", "8192", "-t", "POST"]),
    ("slow reading", &["-X", "-w", "64", "-y", "512", "-n", "5", "-z", "32", "-k", "3"]),
];

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::up(&[]);
    let good: Arc<Vec<Bytes>> = Arc::new((0..100).map(|n| request(&track_batch(n, 1))).collect());
    let serve_good = || runtime.block_on(pace(&server.address(), Arc::clone(&good), 8, GOOD_PER_S, GOOD_FOR));

    let quiet = row("a good client by itself", serve_good(), None);
    if Command::new("slowhttptest").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("slowhttptest is not here: apt-get install slowhttptest");
    } else {
        for (name, args) in MODES {
            let mut slow = Command::new("slowhttptest")
                .args(args)
                .args(["-c", &SLOW.to_string(), "-r", "1000", "-l", &(GOOD_FOR.as_secs() + 5).to_string(), "-u", &server.url("/v1/batch")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            row(&format!("beside {SLOW} connections with {name}"), serve_good(), Some(quiet));
            let _ = slow.kill();
            slow.wait().unwrap();
        }
    }
    idle(&runtime, &good[0]);
}

/// Prints what the good client saw; its p99.
fn row(what: &str, mut times: Times, quiet: Option<f64>) -> f64 {
    let p99 = times.quantile_ms(0.99);
    let mut figures = vec![("requests", times.len() as f64), ("p50 ms", times.quantile_ms(0.5)), ("p99 ms", p99)];
    figures.extend(quiet.map(|quiet| ("p99 above the quiet one's, ms", p99 - quiet)));
    print_row(what, &figures);
    p99
}

fn idle(runtime: &tokio::runtime::Runtime, request: &Bytes) {
    let count = env_number("CONNECTIONS", 10_000);
    for (what, used) in [("idle connections that have sent nothing", false), ("idle connections that have sent a request", true)] {
        // A server of its own for each, with nothing in memory from before.
        let server = Server::up(&[]);
        let address = server.address();
        let before = server.memory_mb("VmRSS");
        let began = Instant::now();
        let connections = runtime.block_on(async {
            let mut connections = Vec::with_capacity(count);
            for n in 0..count {
                // From several addresses: one has not enough ports for everything on this machine.
                connections.push(Connection::open_from(&format!("127.0.0.{}:0", n / 5_000 + 1), &address).await);
                if used {
                    let status = connections[n].send(request).await;
                    assert_eq!(status, 200);
                }
            }
            connections
        });
        let cost = server.memory_mb("VmRSS") - before;
        let label = format!("{} {what}", connections.len());
        print_row(
            &label,
            &[("MB more", cost), ("kB each", cost * 1024.0 / count as f64), ("opened within s", began.elapsed().as_secs_f64())],
        );
    }
}
