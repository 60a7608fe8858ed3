//! The processor's events per CPU-second on a real Kafka, beside a plain loop that consumes and decodes the same topic in the same run.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and breaks loudly")]
#[path = "../tests/common/kafka.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
mod kafka;
#[path = "support/mod.rs"]
mod support;

use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Batch, Clock, Log};
use c360_schemas::{Event, Key, Kind, Payload, Topic};
use smallvec::SmallVec;
use std::time::{Duration, Instant};
use support::{Cpu, env_number, free_port, print_row};

const PREFIX: &str = "bench.";
const BATCH: usize = 500;
const ACCOUNTS: usize = 10_000;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let events = env_number("EVENTS", 1_000_000);
    let broker = kafka::broker();
    let config = KafkaConfig { brokers: broker.into(), topic_prefix: PREFIX.into(), ..KafkaConfig::default() };
    let log = KafkaLog::connect(config, Clock::real()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    fill(&*log, &runtime, events);
    println!("{events} events over {ACCOUNTS} accounts, {} partitions", log.partitions());

    let (started, cpu) = (Instant::now(), Cpu::of(std::process::id()));
    let mut reader = log.reader(&[Topic::Events], &[]).unwrap();
    let (mut seen, mut sum) = (0, 0);
    while seen < events {
        reader
            .poll(Duration::from_millis(100), 10_000, &mut |record| {
                sum += Event::decode(record.value).unwrap().occurred_at & 1;
                seen += 1;
            })
            .unwrap();
    }
    let cpu = Cpu::of(std::process::id()) - cpu;
    let baseline = events as f64 / cpu;
    std::hint::black_box(sum);
    print_row("consume and decode", &[("events per CPU-second", baseline), ("events/s", events as f64 / started.elapsed().as_secs_f64())]);

    let started = Instant::now();
    let server = support::Server::role("process", &["--kafka", broker, "--topic-prefix", PREFIX]);
    server.wait_for_metric("c360_processor_records_total{machine=\"aggregate\"}", events as f64);
    let (cpu, wall) = (Cpu::of(server.pid()), started.elapsed().as_secs_f64());
    print_row(
        "c360 process (from its start)",
        &[
            ("events per CPU-second", events as f64 / cpu),
            ("events/s", events as f64 / wall),
            ("of consume and decode", events as f64 / cpu / baseline),
            ("peak MB", server.peak_mb()),
        ],
    );
}

fn fill(log: &dyn Log, runtime: &tokio::runtime::Runtime, events: usize) {
    let now = Clock::real_ms();
    for start in (0..events).step_by(BATCH) {
        let mut batch = Batch::default();
        for n in start..(start + BATCH).min(events) {
            // A few accounts are much busier than the rest.
            let account = format!("a{}", (n * n / 7 + n * 31) % ACCOUNTS % (1 + n % ACCOUNTS));
            let (message_id, user) = (format!("m{n}"), format!("{account}-u{}", n % 9));
            let event = Event {
                message_id: &message_id,
                tenant: "default",
                account_id: Some(&account),
                foreign_ids: SmallVec::new(),
                user_id: Some(&user),
                anonymous_id: None,
                kind: Kind::Usage,
                name: ["Report Viewed", "Export Started", "Dashboard Opened"][n % 3],
                occurred_at: now - 86_400_000 * (n as i64 * 30 / events as i64),
                received_at: now,
                source: "api",
                payload: Payload::None,
                properties: "{\"path\":\"/reports/monthly\",\"rows\":120}",
            };
            let key = Key { tenant: "default", id: &account };
            batch.push(Topic::Events, |k| key.write(k), |v| event.encode(v));
        }
        runtime.block_on(log.append(batch)).unwrap();
    }
}
