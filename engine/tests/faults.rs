//! What the engine does when things go wrong, on the embedded log.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod support;
use c360_log::simulated::{CommitFate, Faults, SimulatedLog};
use c360_log::{Clock, ClockSpec, Log};
use c360_schemas::{DeadLetter, Topic, Wire};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::{append, engine, open_log, read_all, runtime, start, wait_until_done};

#[test]
fn poison_and_panics_go_to_the_dead_letters_and_the_rest_goes_on() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", ["1", "poison", "2", "panic", "3"].map(String::from));
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, shell) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let said: Vec<_> = read_all(&*log, Topic::Alerts).into_iter().map(|(_, v)| v).collect();
    assert_eq!(said, ["0 1 1", "2 2 3", "4 3 6"]);
    assert_eq!(shell.0.load(Ordering::Relaxed), 3);
    let mut reasons = Vec::new();
    let mut reader = log.reader(&[Topic::DeadLetters], &[]).unwrap();
    while reasons.len() < 2 {
        reader
            .poll(Duration::from_secs(5), 10, &mut |record| {
                let letter = DeadLetter::decode(record.value).unwrap();
                assert_eq!(record.headers.get("__connect.errors.stage"), Some(&b"summing"[..]));
                reasons.push((letter.reason, String::from_utf8(letter.original).unwrap()));
            })
            .unwrap();
    }
    assert_eq!(reasons, [("undecodable".to_owned(), "poison".to_owned()), ("panic".to_owned(), "panic".to_owned())]);
    let metrics = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap();
    for reason in ["undecodable", "panic"] {
        assert!(metrics.contains(&format!("c360_dead_letters_total{{reason=\"{reason}\"}}")), "{metrics}");
    }
}

#[test]
fn what_breaks_the_machine_in_one_partition_is_good_in_another() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    // The same offsets in both partitions, which one worker has.
    for (partition, values) in [["1", "panic", "2"], ["3", "4", "5"]].into_iter().enumerate() {
        let mut batch = c360_log::Batch::default();
        for value in values {
            let key = format!("k{partition}");
            let value = |v: &mut Vec<u8>| v.extend_from_slice(value.as_bytes());
            batch.push_with(Topic::Events, Some(partition as u32), |k| k.extend_from_slice(key.as_bytes()), |_| (), value);
        }
        runtime.block_on(log.append(batch)).unwrap();
    }
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |c| c.workers = 1);
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let of = |key: &str| read_all(&*log, Topic::Alerts).into_iter().filter(|(k, _)| k == key).map(|(_, v)| v).collect::<Vec<_>>();
    assert_eq!((of("k0"), of("k1")), (vec!["0 1 1".into(), "2 2 3".into()], vec!["0 3 3".into(), "1 4 7".into(), "2 5 12".into()]));
    assert_eq!(read_all(&*log, Topic::DeadLetters).len(), 1);
}

/// Each commit of a worker's first seats meets one of these.
struct Fates(Vec<CommitFate>);

impl Faults for Fates {
    fn commit(&mut self) -> CommitFate {
        self.0.pop().unwrap_or(CommitFate::Goes)
    }
}

#[test]
fn whatever_a_commit_comes_to_the_worker_goes_on_and_each_output_stands_once() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    for (fate, reason) in [
        (CommitFate::Fatal, "fatal"),
        (CommitFate::Expelled, "fenced"),
        (CommitFate::Unanswered { took_effect: true }, "unknown"),
        (CommitFate::Unanswered { took_effect: false }, "unknown"),
        (CommitFate::Aborted, "aborted"),
        (CommitFate::Unavailable, ""),
    ] {
        let dir = dir.path().join(format!("{fate:?}"));
        let log = SimulatedLog::new(support::PARTITIONS, clock.clone());
        append(runtime.handle(), &log, "a", (0..20).map(|_| "1".to_owned()));
        log.misbehave(Box::new(Fates(vec![fate, CommitFate::Goes, fate])));
        let engine = engine(&dir, Arc::new(log.clone()), &clock, &runtime, |c| (c.workers, c.batch_records_max) = (1, 5));
        let before = rebuilds(reason);
        let (running, shell) = start(&engine);
        wait_until_done(&log);
        assert!(!running.is_dead(), "{fate:?}: the process goes on");
        running.stop();
        let said: Vec<String> = read_all(&log, Topic::Alerts).into_iter().map(|(_, v)| v).collect();
        let expected: Vec<String> = (0..20).map(|n| format!("{n} 1 {}", n + 1)).collect();
        assert_eq!(said, expected, "{fate:?}");
        assert!(shell.0.load(Ordering::Relaxed) <= 20, "{fate:?}");
        assert!(reason.is_empty() || rebuilds(reason) >= before + 2.0, "{fate:?} is counted as {reason}");
    }
}

/// Nothing can be read while the switch is on.
struct Deaf(Arc<AtomicBool>);

impl Faults for Deaf {
    fn poll(&mut self, max: usize) -> Option<usize> {
        (!self.0.load(Ordering::Relaxed)).then_some(max)
    }
}

#[test]
fn what_the_log_drops_under_a_reader_is_passed_over_and_all_else_goes_on() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = SimulatedLog::new(support::PARTITIONS, clock.clone());
    let deaf = Arc::new(AtomicBool::new(false));
    log.misbehave(Box::new(Deaf(Arc::clone(&deaf))));
    append(runtime.handle(), &log, "a", ["1".to_owned()]);
    let engine = engine(dir.path(), Arc::new(log.clone()), &clock, &runtime, |c| c.workers = 1);
    let (running, _) = start(&engine);
    wait_until_done(&log);
    deaf.store(true, Ordering::Relaxed);
    append(runtime.handle(), &log, "a", (0..10).map(|_| "1".to_owned()));
    let ends = log.bounds(Topic::Events).unwrap();
    let partition = ends.iter().position(|bounds| bounds.end > 0).unwrap();
    log.drop_before(Topic::Events, partition as u32, 6);
    let before = rebuilds("offset");
    deaf.store(false, Ordering::Relaxed);
    wait_until_done(&log);
    running.stop();
    let said: Vec<String> = read_all(&log, Topic::Alerts).into_iter().map(|(_, v)| v).collect();
    assert_eq!(said, ["0 1 1", "6 1 2", "7 1 3", "8 1 4", "9 1 5", "10 1 6"]);
    assert!(rebuilds("offset") > before);
}

/// `c360_processor_rebuilds_total` of a reason.
fn rebuilds(reason: &str) -> f64 {
    let metrics = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap();
    let line = format!("c360_processor_rebuilds_total{{machine=\"summing\",reason=\"{reason}\"}} ");
    metrics.lines().find_map(|l| l.strip_prefix(&line)).map_or(0.0, |n| n.parse().unwrap())
}

#[test]
fn a_lost_state_is_rebuilt_from_the_log_and_nothing_is_said_again() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", (0..500).map(|_| "1".to_owned()));
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    append(runtime.handle(), &*log, "a", ["5".to_owned()]);
    let (running, shell) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let said = read_all(&*log, Topic::Alerts);
    assert_eq!(said.len(), 501);
    assert_eq!(said.last().unwrap().1, "500 5 505");
    assert_eq!(shell.0.load(Ordering::Relaxed), 1, "effects of what was committed before are not performed again");
}

#[test]
fn a_corrupt_state_is_put_aside_and_rebuilt() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    for partition in 0..support::PARTITIONS {
        let partition = dir.path().join("state/summing").join(partition.to_string());
        for entry in std::fs::read_dir(&partition).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with("MANIFEST") {
                std::fs::write(entry.path(), b"garbage").unwrap();
            }
        }
    }
    append(runtime.handle(), &*log, "a", ["5".to_owned()]);
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    assert_eq!(read_all(&*log, Topic::Alerts).last().unwrap().1, "100 5 105");
}

#[test]
fn a_snapshot_saves_the_replay() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let fast = engine(dir.path(), log.clone(), &clock, &runtime, |c| c.snapshot_every = Some(Duration::from_millis(1)));
    let (running, _) = start(&fast);
    wait_until_done(&*log);
    let store = c360_engine::SnapshotStore::local(&dir.path().join("snapshots"), runtime.handle().clone()).unwrap();
    let started = Instant::now();
    let at = |s: &c360_engine::SnapshotInfo| s.positions.iter().map(|p| p.next_offset).sum::<u64>();
    // One of each partition, and one that has all the work.
    let enough = |list: &[c360_engine::SnapshotInfo]| {
        (0..support::PARTITIONS).all(|p| list.iter().any(|s| s.partition == p)) && list.iter().any(|s| at(s) == 100)
    };
    while !store.list().is_ok_and(|list| enough(&list)) {
        assert!(started.elapsed() < Duration::from_secs(30), "no snapshot after half a minute");
        std::thread::yield_now();
    }
    running.stop();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let quiet = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    append(runtime.handle(), &*log, "a", ["5".to_owned()]);
    let (running, _) = start(&quiet);
    wait_until_done(&*log);
    running.stop();
    assert_eq!(read_all(&*log, Topic::Alerts).last().unwrap().1, "100 5 105");
    let metrics = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap();
    assert!(metrics.contains("c360_processor_snapshots_total{machine=\"summing\",outcome=\"restored\"} 2"), "{metrics}");
}

#[test]
fn timers_fire_in_a_silent_partition_each_at_its_own_time() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let clock = Clock::manual(ClockSpec { start: 1_000_000, rate: 0.0 });
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", ["timer:5000", "timer:1000", "timer:9000"].map(String::from));
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    assert_eq!(read_all(&*log, Topic::Alerts), [], "nothing is due yet");
    clock.advance(6_000);
    let started = Instant::now();
    while read_all(&*log, Topic::Alerts).len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(10), "no tick came");
        std::thread::yield_now();
    }
    running.stop();
    let said: Vec<_> = read_all(&*log, Topic::Alerts).into_iter().map(|(_, v)| v).collect();
    assert_eq!(said, ["fired 1001000 due 1001000", "fired 1005000 due 1005000"]);
}

#[test]
fn a_state_with_a_corrupt_block_is_rebuilt_without_a_person() {
    let (dir, clock, runtime) = (tempfile::tempdir().unwrap(), Clock::real(), runtime());
    let log = open_log(dir.path(), &clock);
    append(runtime.handle(), &*log, "a", (0..100).map(|_| "1".to_owned()));
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let mut damaged = 0;
    for partition in 0..support::PARTITIONS {
        let folder = dir.path().join("state/summing").join(partition.to_string());
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap).filter(|e| e.path().extension().is_some_and(|x| x == "sst")) {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            // The first block: rows; the index and the footer stay, so it can be opened.
            bytes[..8].iter_mut().for_each(|b| *b = !*b);
            std::fs::write(entry.path(), bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    append(runtime.handle(), &*log, "a", ["5".to_owned()]);
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    assert_eq!(read_all(&*log, Topic::Alerts).last().unwrap().1, "100 5 105");
}

#[test]
fn more_timers_than_a_batch_takes_are_told_in_several_transactions_and_once() {
    const TIMERS: usize = 500;
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let clock = Clock::manual(ClockSpec { start: 1_000_000, rate: 0.0 });
    let log = open_log(dir.path(), &clock);
    for n in 0..TIMERS {
        append(runtime.handle(), &*log, &format!("k{n}"), ["timer:1000".to_owned()]);
    }
    let few = |c: &mut c360_engine::EngineConfig| {
        c.batch_timers_max = 7;
        // Nothing goes to disk by itself, so that the state of the first run is lost with it, and all is replayed.
        c.flush_every = Duration::from_secs(3_600);
    };
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, few);
    let (running, shell) = start(&engine);
    wait_until_done(&*log);
    clock.advance(2_000);
    let started = Instant::now();
    // Stopped in the middle, between two of its transactions.
    while read_all(&*log, Topic::Alerts).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10), "no tick came");
        std::thread::yield_now();
    }
    running.stop();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let told_before = read_all(&*log, Topic::Alerts).len();
    assert_eq!(shell.0.load(Ordering::Relaxed), 0);
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let mut told: Vec<String> = read_all(&*log, Topic::Alerts).into_iter().map(|(key, _)| key).collect();
    assert_eq!(told.len(), TIMERS, "of which {told_before} were told before");
    told.sort();
    told.dedup();
    assert_eq!(told.len(), TIMERS, "one is told twice");
    let progress = read_all(&*log, Topic::Progress).len();
    assert!(progress >= support::PARTITIONS as usize, "{progress}");
}
