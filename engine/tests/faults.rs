//! What the engine does when things go wrong, on the embedded log.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod support;
use c360_log::{Clock, ClockSpec, Log};
use c360_schemas::{DeadLetter, Topic, Wire};
use std::sync::atomic::Ordering;
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
    // Each partition's snapshots after the work was done: the sequence moves on.
    let enough =
        |list: &[c360_engine::SnapshotInfo]| (0..support::PARTITIONS).all(|p| list.iter().any(|s| s.partition == p && s.sequence > 3));
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
