//! How fast the embedded log is here: syncs of the disk, appends by several senders, one sender's latency, and reading from memory and from disk.
//!
//! `cargo run --release -p c360-log --example embedded_throughput [records]`
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and may stop")]
use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::{Appended, Batch, Change, Clock, Consumed, Log, LogError, MemberSpec};
use c360_schemas::Topic;
use futures::executor::block_on;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const BATCH: usize = 100;
const VALUE_BYTES: usize = 200;
const SENDERS: usize = 2;
/// Batches that each sender has under way.
const WINDOW: usize = 100;

fn main() {
    let records: usize = std::env::args().nth(1).map_or(3_000_000, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    syncs(dir.path());
    let config = EmbeddedConfig { dir: dir.path().join("log"), ..EmbeddedConfig::default() };
    let log = EmbeddedLog::open(config.clone(), Clock::real()).unwrap();
    latency(&log);
    rate("append, acknowledged", records, || append(&log, records));
    rate("one member reads and commits, while it is written", records, || {
        std::thread::scope(|scope| {
            scope.spawn(|| append(&log, records));
            consume(&log, "tail", records * 2);
        });
    });
    rate("one member reads all again", records * 2, || consume(&log, "again", records * 2));
    drop(log);
    let log = EmbeddedLog::open(config, Clock::real()).unwrap();
    rate("the same from disk after a restart", records * 2, || consume(&log, "disk", records * 2));
}

fn rate(what: &str, records: usize, work: impl FnOnce()) {
    let (since, cpu_before) = (Instant::now(), cpu_seconds());
    work();
    let (seconds, cpu) = (since.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    let per = |seconds: f64| records as f64 / seconds.max(0.01);
    println!("{what}: {records} records in {seconds:.2} s = {:.0}/s; {cpu:.2} CPU-s = {:.0} per CPU-s", per(seconds), per(cpu));
}

/// What the process has used, user and system: on a busy machine it says more than time does. Linux counts it in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn syncs(dir: &Path) {
    let mut file = std::fs::File::create(dir.join("sync")).unwrap();
    let since = Instant::now();
    for _ in 0..200 {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    println!("the disk syncs 4 KiB in {:.2} ms", since.elapsed().as_secs_f64() * 1000.0 / 200.0);
}

/// Values differ and compress somewhat, as Avro does; making them is not what is measured.
fn batch(from: usize) -> Batch {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| (0..1 << 16).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect());
    let mut batch = Batch::default();
    for n in from..from + BATCH {
        let key = |b: &mut Vec<u8>| write!(b, "tenant/account-{}", n % 5000).unwrap();
        let at = n * 37 % (NOISE.len() - VALUE_BYTES);
        batch.push(Topic::Events, key, |b| b.extend_from_slice(&NOISE[at..at + VALUE_BYTES]));
    }
    batch
}

fn latency(log: &EmbeddedLog) {
    let mut ms: Vec<f64> = (0..200)
        .map(|n| {
            let since = Instant::now();
            block_on(log.append(batch(n))).unwrap();
            since.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    ms.sort_by(f64::total_cmp);
    println!("one sender, one batch of {BATCH} at a time: median {:.2} ms, 99th {:.2} ms", ms[100], ms[198]);
}

fn append(log: &EmbeddedLog, records: usize) {
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut under_way: VecDeque<BoxFuture<'static, Result<Vec<Appended>, LogError>>> = VecDeque::new();
                for from in (0..records / SENDERS).step_by(BATCH) {
                    if under_way.len() == WINDOW {
                        block_on(under_way.pop_front().unwrap()).unwrap();
                    }
                    under_way.push_back(log.append(batch(from)));
                }
                under_way.into_iter().for_each(|answer| drop(block_on(answer).unwrap()));
            });
        }
    });
}

fn consume(log: &EmbeddedLog, group: &str, records: usize) {
    let spec = MemberSpec { group: group.into(), topics: vec![Topic::Events], instance: "bench".into(), worker: 0, workers: 1 };
    let mut member = log.member(&spec).unwrap();
    let (mut seen, mut bytes, mut ends) = (0, 0, vec![0; log.partitions() as usize]);
    while seen < records {
        let on_record = &mut |r: c360_log::RecordRef<'_>| {
            seen += 1;
            bytes += r.value.len();
            ends[r.partition as usize] = r.offset + 1;
        };
        for change in member.poll(Duration::from_secs(1), 10_000, on_record).unwrap() {
            let Change::Assigned(partitions) = change else { continue };
            for p in partitions {
                let from: Vec<_> = member.committed(p).unwrap().iter().map(|c| (c.topic, c.next)).collect();
                member.start(p, &from).unwrap();
            }
        }
    }
    let consumed: Vec<_> = ends.iter().enumerate().map(|(p, end)| Consumed::new(Topic::Events, p as u32, *end)).collect();
    member.commit(&Batch::default(), &consumed).unwrap();
    assert!(bytes >= records * VALUE_BYTES);
}
