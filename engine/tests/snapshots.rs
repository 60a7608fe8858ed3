//! Snapshots of real states: what is uploaded, what a new machine replays, and what the log keeps for it.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod support;
use c360_engine::{
    Actions, ApplyError, At, Choice, Engine, EngineConfig, Machine, Running, SnapshotInfo, SnapshotOutcome, SnapshotStore, State,
    StateError, Timer,
};
use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::simulated::SimulatedLog;
use c360_log::{Batch, Clock, Log, RecordRef};
use c360_schemas::Topic;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Counting, PARTITIONS, Summing, Told, append, open_log, read_all, runtime, wait_until_done};
use tokio::runtime::Runtime;

const WAIT: Duration = Duration::from_secs(60);

/// The sums, and how many records were folded in for them.
struct Counted(Arc<AtomicU64>);

impl Machine for Counted {
    type Effect = Told;
    const NAME: &'static str = Summing::NAME;
    const INPUTS: &'static [Topic] = Summing::INPUTS;

    fn apply(&mut self, at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Told>) -> Result<(), ApplyError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Summing.apply(at, record, state, actions)
    }

    fn on_timer(&mut self, at: At, timer: &Timer, state: &mut State, actions: &mut Actions<Told>) -> Result<(), StateError> {
        Summing.on_timer(at, timer, state, actions)
    }
}

/// One process: its engine, and how many records it has folded in.
struct Process {
    engine: Engine,
    running: Option<Running>,
    folded: Arc<AtomicU64>,
}

impl Process {
    /// Starts it with its state under `dir`.
    fn start(dir: &Path, node: &str, log: &Arc<dyn Log>, store: &SnapshotStore, change: impl FnOnce(&mut EngineConfig)) -> Self {
        let mut config = EngineConfig::new(dir.join("state"), node.into());
        (config.batch_records_max, config.snapshot_every) = (500, None);
        change(&mut config);
        let engine = Engine::new(Arc::clone(log), Clock::real(), config, Some(store.clone()));
        let folded = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&folded);
        let running = engine.start(move || Counted(Arc::clone(&counter)), Arc::new(Counting::default())).unwrap();
        Self { engine, running: Some(running), folded }
    }

    /// Takes a snapshot of each of its partitions, once it has `partitions` of them.
    fn snapshot(&self, runtime: &Runtime, partitions: usize) -> Vec<SnapshotInfo> {
        let started = Instant::now();
        loop {
            let answers = runtime.block_on(self.engine.snapshot(WAIT));
            if answers.len() == partitions {
                let taken = answers.into_iter().map(|answer| match answer.outcome {
                    SnapshotOutcome::Taken { snapshot } | SnapshotOutcome::Unchanged { snapshot } => snapshot,
                    SnapshotOutcome::Failed { message } => panic!("{message}"),
                });
                return taken.collect();
            }
            assert!(started.elapsed() < WAIT, "{answers:?}");
            std::thread::yield_now();
        }
    }

    fn folded(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }

    fn stop(&mut self) {
        self.running.take().unwrap().stop();
    }
}

fn store(dir: &Path, runtime: &Runtime) -> SnapshotStore {
    SnapshotStore::local(&dir.join("snapshots"), runtime.handle().clone()).unwrap()
}

/// Appends `1` under each of these keys.
fn append_ones(runtime: &Runtime, log: &dyn Log, keys: impl Iterator<Item = String>) {
    let mut batch = Batch::default();
    for key in keys {
        batch.push(Topic::Events, |k| k.extend_from_slice(key.as_bytes()), |v| v.extend_from_slice(b"1"));
    }
    runtime.block_on(log.append(batch)).unwrap();
}

/// The last sum that was said of each key, and how often something was said.
fn sums(log: &dyn Log) -> (BTreeMap<String, u64>, usize) {
    let said = read_all(log, Topic::Alerts);
    let count = said.len();
    (said.into_iter().map(|(key, value)| (key, value.rsplit(' ').next().unwrap().parse().unwrap())).collect(), count)
}

fn files(dir: &Path) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_none_or(|x| x != "json") {
                bytes += entry.metadata().unwrap().len();
            }
        }
    }
    bytes
}

#[test]
fn a_second_snapshot_uploads_the_new_files_only() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    let store = store(dir.path(), &runtime);
    append_ones(&runtime, &*log, (0..20_000).map(|n| format!("customer-{n}")));
    let process = Process::start(dir.path(), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    let first = process.snapshot(&runtime, PARTITIONS as usize);
    append_ones(&runtime, &*log, (0..20).map(|n| format!("another-{n}")));
    wait_until_done(&*log);
    let second = process.snapshot(&runtime, PARTITIONS as usize);
    for (first, second) in first.iter().zip(&second) {
        assert_eq!((first.sequence, second.sequence), (1, 2));
        assert_eq!(first.new_bytes, first.bytes);
        assert!(second.bytes > first.bytes, "all of it is in the second one too");
        assert!(second.new_bytes < second.bytes / 2, "{} of {} bytes are new", second.new_bytes, second.bytes);
    }
    let uploaded: u64 = first.iter().chain(&second).map(|snapshot| snapshot.new_bytes).sum();
    assert_eq!(files(&dir.path().join("snapshots")), uploaded, "nothing lies there twice");
}

#[test]
fn a_new_machine_replays_only_what_came_after_the_snapshot() {
    let (dir, other, third, runtime) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), runtime());
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    let store = store(dir.path(), &runtime);
    append_ones(&runtime, &*log, (0..5_000).map(|n| format!("c{}", n % 100)));
    let mut old = Process::start(dir.path(), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    old.snapshot(&runtime, PARTITIONS as usize);
    append_ones(&runtime, &*log, (0..700).map(|n| format!("c{}", n % 100)));
    wait_until_done(&*log);
    old.stop();

    // 700 records were committed after the snapshot, and 50 come now.
    append_ones(&runtime, &*log, (0..50).map(|n| format!("c{n}")));
    let mut new = Process::start(other.path(), "two", &log, &store, |_| {});
    wait_until_done(&*log);
    new.stop();
    assert_eq!(new.folded(), 750);
    let (said, count) = sums(&*log);
    assert_eq!(count, 5_750, "each output once");
    assert!((0..100).all(|n| said[&format!("c{n}")] == 57 + u64::from(n < 50)), "{said:?}");

    // The fetched files are known: the next snapshot uploads what is new, also from there.
    append_ones(&runtime, &*log, std::iter::once("c1".to_owned()));
    let process = Process::start(third.path(), "three", &log, &store, |_| {});
    wait_until_done(&*log);
    let taken = process.snapshot(&runtime, PARTITIONS as usize);
    assert!(taken.iter().all(|snapshot| snapshot.new_bytes < snapshot.bytes), "{taken:?}");
}

#[test]
fn a_broken_snapshot_is_passed_over_and_the_log_brings_more() {
    let (dir, other, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), runtime());
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    let store = store(dir.path(), &runtime);
    append_ones(&runtime, &*log, (0..1_000).map(|n| format!("c{}", n % 10)));
    let mut old = Process::start(dir.path(), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    old.snapshot(&runtime, PARTITIONS as usize);
    let before = std::time::SystemTime::now();
    append_ones(&runtime, &*log, (0..100).map(|n| format!("c{}", n % 10)));
    wait_until_done(&*log);
    old.snapshot(&runtime, PARTITIONS as usize);
    old.stop();
    // One bit of each file that only the second one has.
    let mut spoilt = 0;
    for partition in 0..PARTITIONS {
        for entry in std::fs::read_dir(dir.path().join(format!("snapshots/summing/{partition}/files"))).unwrap().map(Result::unwrap) {
            if entry.metadata().unwrap().modified().unwrap() > before {
                let mut bytes = std::fs::read(entry.path()).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                std::fs::write(entry.path(), bytes).unwrap();
                spoilt += 1;
            }
        }
    }
    assert!(spoilt > 0);
    let mut new = Process::start(other.path(), "two", &log, &store, |_| {});
    append_ones(&runtime, &*log, std::iter::once("c0".to_owned()));
    wait_until_done(&*log);
    new.stop();
    assert_eq!(new.folded(), 101);
    assert_eq!(sums(&*log).0["c0"], 111);
}

#[test]
fn the_state_goes_with_the_partition_from_one_process_to_two() {
    const MANY: u32 = 4;
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let simulated = SimulatedLog::new(MANY, Clock::real());
    let log: Arc<dyn Log> = Arc::new(simulated.clone());
    let store = store(dir.path(), &runtime);
    append_ones(&runtime, &*log, (0..4_000).map(|n| format!("c{}", n % 200)));
    let mut one = Process::start(&dir.path().join("1"), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    assert_eq!(one.snapshot(&runtime, MANY as usize).len(), MANY as usize);
    one.stop();
    simulated.empty_seats();

    append_ones(&runtime, &*log, (0..200).map(|n| format!("c{n}")));
    let mut two = ["two", "three"].map(|node| Process::start(&dir.path().join(node), node, &log, &store, |_| {}));
    wait_until_done(&*log);
    append_ones(&runtime, &*log, (0..200).map(|n| format!("c{n}")));
    wait_until_done(&*log);
    two.iter_mut().for_each(Process::stop);
    let (said, count) = sums(&*log);
    assert_eq!((count, said.len()), (4_400, 200), "each output once");
    assert!(said.values().all(|sum| *sum == 22), "{said:?}");
    let folded = two.each_ref().map(Process::folded);
    // Partitions may go back and forth while the two meet; the 4,000 before the snapshot are never replayed.
    assert!(folded.iter().sum::<u64>() < 4_000 && folded.iter().all(|n| *n > 0), "{folded:?}");
}

#[test]
fn the_log_keeps_what_the_oldest_snapshot_has_not_got_and_lets_go_of_the_rest() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let config =
        EmbeddedConfig { dir: dir.path().join("log"), partitions: 1, retention_bytes: Some(256 << 10), ..EmbeddedConfig::default() };
    let log: Arc<dyn Log> = EmbeddedLog::open(config, Clock::real()).unwrap();
    let store = store(dir.path(), &runtime);
    let mut random = StdRng::seed_from_u64(7);
    // Four times what retention keeps: keys do not compress.
    let mut fill = |log: &dyn Log| {
        for _ in 0..16 {
            let mut key = vec![0; 32 << 10];
            random.fill_bytes(&mut key);
            append_ones(&runtime, log, std::iter::once(key.iter().map(|b| char::from(b'a' + b % 26)).collect::<String>()));
            append_ones(&runtime, log, std::iter::once("total".to_owned()));
        }
    };
    let start = |log: &dyn Log| log.bounds(Topic::Events).unwrap()[0].start;
    let often = |c: &mut EngineConfig| {
        (c.snapshot_every, c.snapshots_kept) = (Some(Duration::from_secs(3_600)), 1);
    };
    let mut process = Process::start(dir.path(), "one", &log, &store, often);
    for _ in 0..4 {
        fill(&*log);
        wait_until_done(&*log);
    }
    assert_eq!(start(&*log), 0, "there is no snapshot yet: all of it may be needed");
    let taken = process.snapshot(&runtime, 1).remove(0).positions[0].next_offset;
    for _ in 0..8 {
        fill(&*log);
        wait_until_done(&*log);
    }
    let kept = start(&*log);
    assert!(kept > 0 && kept <= taken, "{kept} of {taken}");
    process.stop();

    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let end = log.bounds(Topic::Events).unwrap()[0].end;
    append_ones(&runtime, &*log, std::iter::once("total".to_owned()));
    let mut again = Process::start(dir.path(), "one", &log, &store, often);
    wait_until_done(&*log);
    again.stop();
    assert_eq!(again.folded(), end + 1 - taken, "from the snapshot on, and all of it");
    assert_eq!(sums(&*log).0["total"], 12 * 16 + 1);
}

#[test]
fn a_store_that_does_not_answer_is_waited_for() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    let store = store(dir.path(), &runtime);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let mut process = Process::start(dir.path(), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    process.snapshot(&runtime, PARTITIONS as usize);
    process.stop();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    // A file where a folder should be: each question fails.
    let (snapshots, away) = (dir.path().join("snapshots"), dir.path().join("away"));
    std::fs::rename(&snapshots, &away).unwrap();
    std::fs::write(&snapshots, "").unwrap();
    append(runtime.handle(), &*log, "a", ["1".to_owned()]);
    let mut process = Process::start(dir.path(), "one", &log, &store, |_| {});
    let started = Instant::now();
    let rebuilds = || {
        let text = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap();
        let line = text.lines().find(|line| line.starts_with("c360_processor_rebuilds_total{machine=\"summing\",reason=\"state\"}"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = rebuilds();
    while rebuilds() < before + 2 {
        assert!(started.elapsed() < WAIT, "it goes on without its snapshot");
        std::thread::yield_now();
    }
    assert_eq!(process.folded(), 0);
    std::fs::remove_file(&snapshots).unwrap();
    std::fs::rename(&away, &snapshots).unwrap();
    wait_until_done(&*log);
    process.stop();
    assert_eq!(process.folded(), 1);
}

#[test]
fn a_snapshot_of_another_log_is_not_taken_for_ours() {
    let (dir, other, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), runtime());
    let log: Arc<dyn Log> = open_log(dir.path(), &Clock::real());
    let store = store(dir.path(), &runtime);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let mut process = Process::start(dir.path(), "one", &log, &store, |_| {});
    wait_until_done(&*log);
    process.snapshot(&runtime, PARTITIONS as usize);
    process.stop();
    let new_log: Arc<dyn Log> = open_log(other.path(), &Clock::real());
    append(runtime.handle(), &*new_log, "a", ["1".to_owned()]);
    let mut process = Process::start(other.path(), "two", &new_log, &store, |_| {});
    wait_until_done(&*new_log);
    process.stop();
    assert_eq!(sums(&*new_log).0["a"], 1);
    let chosen = store.restore(("summing", 0), &Choice::Sequence(1), &other.path().join("x"), &|_| ()).unwrap();
    assert!(chosen.is_some(), "it is there for whoever asks for it");
}
