//! How fast the log on Kafka is here: appends, one sender's latency, reading, and the transactions of a member. Each line has the events per second and per CPU-second of this process.
//!
//! `deploy/kafka/start 9092 /tmp/kafka && cargo run --release -p c360-log --example kafka_throughput 127.0.0.1:9092 [records]`
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and may stop")]
use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Appended, Batch, Change, Clock, Consumed, Log, LogError, Member, MemberSpec};
use c360_schemas::Topic;
use futures::executor::block_on;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

const APPEND: usize = 100;
const VALUE_BYTES: usize = 200;
/// Appends that the sender has under way.
const WINDOW: usize = 500;
/// Records of a member's transaction; one in `OUTPUT_EVERY` gives an output.
const TRANSACTION: usize = 10_000;
const OUTPUT_EVERY: usize = 100;

fn main() {
    let brokers = std::env::args().nth(1).expect("host:port of a broker");
    let records: usize = std::env::args().nth(2).map_or(2_000_000, |n| n.parse().unwrap());
    let prefix = format!("bench{}.", Clock::real_ms());
    let config = KafkaConfig { brokers, topic_prefix: prefix, ..KafkaConfig::default() };
    let log = KafkaLog::connect(config, Clock::real()).unwrap();
    latency(&*log);
    rate("append, acknowledged", records, || append(&*log, records));
    rate("a reader reads all", records, || read(&*log, records));
    rate("a member reads all", records, || member(&*log, "reads", records, false));
    rate("a member reads and commits all", records, || member(&*log, "commits", records, true));
}

fn batch(from: usize, n: usize) -> Batch {
    let mut batch = Batch::default();
    for i in from..from + n {
        // Values that compress about as well as events do.
        let value = |out: &mut Vec<u8>| {
            (0..VALUE_BYTES / 8).for_each(|j| out.extend_from_slice(&((i * 31 + j * j) as u64 % 100_003).to_le_bytes()));
        };
        batch.push(Topic::Events, |key| key.extend_from_slice(format!("default/account-{}", i % 100_000).as_bytes()), value);
    }
    batch
}

fn append(log: &dyn Log, records: usize) {
    let mut under_way: VecDeque<BoxFuture<'static, Result<Vec<Appended>, LogError>>> = VecDeque::new();
    for from in (0..records).step_by(APPEND) {
        let batch = batch(from, APPEND.min(records - from));
        loop {
            // The bound answers at once: the oldest is waited for, and it is tried again.
            let mut append = log.append(batch.clone());
            if let Some(Err(LogError::Overloaded)) = futures::FutureExt::now_or_never(&mut append) {
                block_on(under_way.pop_front().unwrap()).unwrap();
                continue;
            }
            under_way.push_back(append);
            break;
        }
        if under_way.len() > WINDOW {
            block_on(under_way.pop_front().unwrap()).unwrap();
        }
    }
    for append in under_way {
        block_on(append).unwrap();
    }
}

fn latency(log: &dyn Log) {
    let mut times: Vec<Duration> = (0..500)
        .map(|i| {
            let since = Instant::now();
            block_on(log.append(batch(i, 1))).unwrap();
            since.elapsed()
        })
        .collect();
    percentiles("append of one record", &mut times);
}

fn read(log: &dyn Log, records: usize) {
    let mut reader = log.reader(&[Topic::Events], &[]).unwrap();
    let (mut seen, mut bytes) = (0, 0);
    while seen < records {
        seen += reader.poll(Duration::from_secs(1), 10_000, &mut |record| bytes += record.value.len()).unwrap();
    }
    assert!(bytes > 0);
}

fn member(log: &dyn Log, group: &str, records: usize, commit: bool) {
    let spec = MemberSpec { group: group.into(), topics: vec![Topic::Events], instance: group.into(), worker: 0, workers: 1 };
    let mut member = log.member(&spec).unwrap();
    let (mut seen, mut times) = (0, Vec::new());
    let mut outputs = Batch::default();
    let mut next = BTreeMap::new();
    let mut pending = 0;
    while seen < records {
        let before = seen;
        let changes = member
            .poll(Duration::from_millis(50), TRANSACTION - pending, &mut |record| {
                seen += 1;
                next.insert(record.partition, record.offset + 1);
                if commit && seen % OUTPUT_EVERY == 0 {
                    outputs.push(
                        Topic::Alerts,
                        |key| key.extend_from_slice(record.key),
                        |value| value.extend_from_slice(&record.value[..100]),
                    );
                }
            })
            .unwrap();
        pending += seen - before;
        for change in changes {
            start(&mut *member, &change);
        }
        if commit && (pending >= TRANSACTION || seen >= records) {
            let consumed: Vec<_> =
                std::mem::take(&mut next).into_iter().map(|(partition, offset)| Consumed::new(Topic::Events, partition, offset)).collect();
            let since = Instant::now();
            member.commit(&outputs, &consumed).unwrap();
            times.push(since.elapsed());
            outputs.clear();
            pending = 0;
        } else if !commit {
            pending = 0;
        }
    }
    if commit {
        percentiles("commit of 10,000", &mut times);
    }
}

fn start(member: &mut dyn Member, change: &Change) {
    if let Change::Assigned(partitions) = change {
        for &partition in partitions {
            let from: Vec<_> = member.committed(partition).unwrap().iter().map(|c| (c.topic, c.next)).collect();
            member.start(partition, &from).unwrap();
        }
    }
}

/// CPU seconds of this process.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    // In clock ticks of 10 ms.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn rate(what: &str, records: usize, run: impl FnOnce()) {
    let (since, cpu) = (Instant::now(), cpu_s());
    run();
    let (wall, cpu) = (since.elapsed().as_secs_f64(), cpu_s() - cpu);
    println!("{what}: {:.0} a second, {:.0} a CPU-second", records as f64 / wall, records as f64 / cpu);
}

fn percentiles(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: p50 {:?}, p99 {:?}, max {:?} of {}", at(0.5), at(0.99), at(1.0), times.len());
}
