//! Ingest by itself: events per CPU-second of its process with the log's acknowledgement awaited, at batches of 1, 20 and 100, on the embedded log and on Kafka, beside a bare axum
//! handler in a process of its own that parses the same bodies and keeps nothing. Then how long an answer takes at a pace.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and breaks loudly")]
#[path = "../tests/common/kafka.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
mod kafka;
#[path = "support/mod.rs"]
mod support;

use bytes::Bytes;
use comfy_table::{Table, presets};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::bare::Bare;
use support::http::{flood, pace, request};
use support::{Cpu, Server, env_number, free_port, signal, track_batch};

const CONNECTIONS: usize = 64;
const SIZES: [usize; 3] = [1, 20, 100];
/// Requests that are rendered before, and sent in turn.
const RENDERED: usize = 1_000;
const PACED_PER_S: usize = 2_000;
const PACED_FOR: Duration = Duration::from_secs(10);

struct Under {
    name: &'static str,
    address: String,
    pid: u32,
}

fn main() {
    if let Some(port) = std::env::var_os("BENCH_BARE") {
        return support::bare::serve(port.to_str().unwrap().parse().unwrap());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bare = Bare::start();
    let embedded = Server::up(&[]);
    let on_kafka = Server::role("ingest", &["--kafka", kafka::broker(), "--topic-prefix", "bench."]);
    let all = [
        Under { name: "bare handler", address: bare.address.clone(), pid: bare.pid() },
        Under { name: "c360 ingest, kafka", address: on_kafka.address(), pid: on_kafka.pid() },
        Under { name: "c360 up, embedded", address: embedded.address(), pid: embedded.pid() },
    ];
    println!("{CONNECTIONS} connections, 440-byte track calls; per CPU-second of the process, of which `up` folds the events besides");
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "batch", "events/s", "per CPU-second", "of the bare handler's", "p50 ms", "p99 ms"]);
    for size in SIZES {
        let mut baseline = None;
        for under in &all {
            let figures = measure(&runtime, under, size);
            let baseline = *baseline.get_or_insert(figures.per_cpu_s);
            let numbers = [figures.per_s, figures.per_cpu_s].map(|number| format!("{number:.0}"));
            let rest = [figures.per_cpu_s / baseline, figures.p50_ms, figures.p99_ms].map(|number| format!("{number:.2}"));
            table.add_row([under.name.to_owned(), size.to_string()].into_iter().chain(numbers).chain(rest));
        }
    }
    println!("{table}\n\none event a request, {PACED_PER_S} a second");
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["", "p50 ms", "p99 ms", "p99.9 ms"]);
    for under in &all {
        let mut times = runtime.block_on(pace(&under.address, rendered(1), 16, PACED_PER_S, PACED_FOR));
        let row = [0.5, 0.99, 0.999].map(|quantile| format!("{:.2}", times.quantile_ms(quantile)));
        table.add_row([under.name.to_owned()].into_iter().chain(row));
    }
    println!("{table}");
}

struct Figures {
    per_s: f64,
    per_cpu_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn rendered(size: usize) -> Arc<Vec<Bytes>> {
    Arc::new((0..RENDERED).map(|n| request(&track_batch(n, size))).collect())
}

fn measure(runtime: &tokio::runtime::Runtime, under: &Under, size: usize) -> Figures {
    let events = env_number("EVENTS", 1_000_000) / 10 * [1, 5, 10][SIZES.iter().position(|s| *s == size).unwrap()];
    let once = rendered(size);
    let requests: Arc<Vec<Bytes>> = Arc::new((0..events / size).map(|n| once[n % RENDERED].clone()).collect());
    let (cpu, began) = (Cpu::of(under.pid), Instant::now());
    let mut times = runtime.block_on(flood(&under.address, requests, CONNECTIONS));
    let (cpu, wall) = (Cpu::of(under.pid) - cpu, began.elapsed().as_secs_f64());
    let events = (times.len() * size) as f64;
    Figures { per_s: events / wall, per_cpu_s: events / cpu, p50_ms: times.quantile_ms(0.5), p99_ms: times.quantile_ms(0.99) }
}
