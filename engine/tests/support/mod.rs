//! A small machine whose every answer can be recomputed, and the log it runs on.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
use c360_engine::{Actions, ApplyError, At, Engine, EngineConfig, Machine, Running, Shell, SnapshotStore, State, StateError, Timer};
use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::{Batch, Clock, Log, RecordRef};
use c360_schemas::Topic;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime};

/// Partitions of the test's log.
pub const PARTITIONS: u32 = 2;

/// Sums numbers by key and says each sum; `poison` and `panic` are what they say; `timer:N` sets a timer N ms ahead, which says so when it fires.
#[derive(Default)]
pub struct Summing;

/// What the shell is told of.
pub struct Told;

fn row(key: &[u8]) -> Vec<u8> {
    [b"\x10", key].concat()
}

impl Machine for Summing {
    type Effect = Told;
    const NAME: &'static str = "summing";
    const INPUTS: &'static [Topic] = &[Topic::Events];

    fn apply(&mut self, at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Told>) -> Result<(), ApplyError> {
        let text = std::str::from_utf8(record.value).unwrap();
        if text == "poison" {
            return Err(ApplyError::Poison { reason: "undecodable", message: "as planned".into() });
        }
        assert!(text != "panic", "as planned");
        if let Some(ms) = text.strip_prefix("timer:") {
            state.set_timer(at.now + ms.parse::<i64>().unwrap(), record.key);
            return Ok(());
        }
        let sum = state.get(&row(record.key))?.map_or(0, |v| String::from_utf8(v).unwrap().parse::<u64>().unwrap())
            + text.parse::<u64>().unwrap();
        state.put(row(record.key), sum.to_string().into_bytes());
        let said = format!("{} {text} {sum}", record.offset);
        actions.outputs.push(Topic::Alerts, |k| k.extend_from_slice(record.key), |v| v.extend_from_slice(said.as_bytes()));
        actions.effects.push(Told);
        Ok(())
    }

    fn on_timer(&mut self, at: At, timer: &Timer, _state: &mut State, actions: &mut Actions<Told>) -> Result<(), StateError> {
        let said = format!("fired {} due {}", at.now, timer.due);
        actions.outputs.push(Topic::Alerts, |k| k.extend_from_slice(&timer.key), |v| v.extend_from_slice(said.as_bytes()));
        Ok(())
    }
}

/// Counts effects.
#[derive(Default)]
pub struct Counting(pub AtomicU64);

impl Shell<Told> for Counting {
    fn perform(&self, _partition: u32, effects: Vec<Told>) {
        self.0.fetch_add(effects.len() as u64, Ordering::Relaxed);
    }
}

/// The embedded log under `dir`.
pub fn open_log(dir: &Path, clock: &Clock) -> Arc<EmbeddedLog> {
    EmbeddedLog::open(EmbeddedConfig { dir: dir.join("log"), partitions: PARTITIONS, ..EmbeddedConfig::default() }, clock.clone()).unwrap()
}

/// An engine under `dir`, with small batches.
pub fn engine(dir: &Path, log: Arc<dyn Log>, clock: &Clock, runtime: &Runtime, change: impl FnOnce(&mut EngineConfig)) -> Engine {
    let mut config = EngineConfig::new(dir.join("state"), "test".into());
    config.batch_records_max = 50;
    config.workers = 2;
    config.snapshot_every = None;
    change(&mut config);
    let snapshots = SnapshotStore::local(&dir.join("snapshots"), runtime.handle().clone()).unwrap();
    Engine::new(log, clock.clone(), config, Some(snapshots))
}

pub fn start(engine: &Engine) -> (Running, Arc<Counting>) {
    let shell = Arc::new(Counting::default());
    (engine.start(Summing::default, Arc::<Counting>::clone(&shell)).unwrap(), shell)
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Appends values under a key.
pub fn append(runtime: &Handle, log: &dyn Log, key: &str, values: impl IntoIterator<Item = String>) {
    let mut batch = Batch::default();
    for value in values {
        batch.push(Topic::Events, |k| k.extend_from_slice(key.as_bytes()), |v| v.extend_from_slice(value.as_bytes()));
    }
    runtime.block_on(log.append(batch)).unwrap();
}

/// All that stands in a topic: key and value, in order within a partition.
pub fn read_all(log: &dyn Log, topic: Topic) -> Vec<(String, String)> {
    let ends = log.bounds(topic).unwrap();
    let mut reader = log.reader(&[topic], &[]).unwrap();
    let mut all = Vec::new();
    let mut next = vec![0; ends.len()];
    while ends.iter().enumerate().any(|(p, b)| next[p] < b.end) {
        reader
            .poll(Duration::from_millis(100), 10_000, &mut |record| {
                next[record.partition as usize] = record.offset + 1;
                all.push((String::from_utf8(record.key.to_vec()).unwrap(), String::from_utf8_lossy(record.value).into_owned()));
            })
            .unwrap();
    }
    all
}

/// Waits until the machine has committed everything in its topic.
pub fn wait_until_done(log: &dyn Log) {
    let started = Instant::now();
    loop {
        let committed = log.committed("summing", Topic::Events).unwrap();
        let ends = log.bounds(Topic::Events).unwrap();
        if ends.iter().zip(committed).all(|(b, c)| b.end == 0 || c == Some(b.end)) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "not done after a minute");
        std::thread::yield_now();
    }
}
