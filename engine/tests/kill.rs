//! kill -9 at seeded moments: each output stands in the log once, and the sums are right.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod support;
use c360_log::Clock;
use c360_schemas::Topic;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{append, engine, open_log, read_all, runtime, start, wait_until_done};

/// Set for the process that is to be killed: the folder it works in.
const CHILD: &str = "C360_ENGINE_KILL_DIR";
const KEYS: usize = 20;
const RECORDS: usize = 100_000;
const ROUNDS: usize = 8;

/// Not a test by itself: what the killed process does. Without the variable it does nothing.
#[test]
fn the_process_that_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let (clock, runtime) = (Clock::real(), runtime());
    let log = open_log(Path::new(&dir), &clock);
    // Rows go to disk often and at odd moments, so that S lags C by all amounts.
    let engine = engine(Path::new(&dir), log.clone(), &clock, &runtime, |c| c.flush_every = Duration::from_millis(37));
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    log.close();
}

#[test]
fn outputs_are_exactly_once_whenever_it_is_killed() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let mut random = StdRng::seed_from_u64(360);
    {
        let log = open_log(dir.path(), &Clock::real());
        for chunk in 0..RECORDS / 1_000 {
            for key in 0..KEYS {
                append(runtime.handle(), &*log, &format!("k{key}"), (0..1_000 / KEYS).map(|i| (chunk + i).to_string()));
            }
        }
        log.close();
    }
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::park_timeout(Duration::from_millis(random.random_range(40..300)));
        if child.try_wait().unwrap().is_none() {
            killed += 1;
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }
    assert!(killed >= 2, "too quick to be killed: {killed} of {ROUNDS}");
    // The last one is left alone.
    let clock = Clock::real();
    let log = open_log(dir.path(), &clock);
    let engine = engine(dir.path(), log.clone(), &clock, &runtime, |_| {});
    let (running, _) = start(&engine);
    wait_until_done(&*log);
    running.stop();
    let inputs = read_all(&*log, Topic::Events);
    let outputs = read_all(&*log, Topic::Alerts);
    assert_eq!(inputs.len(), RECORDS);
    assert_eq!(outputs.len(), inputs.len(), "lost or doubled");
    let mut sums: HashMap<&str, u64> = HashMap::new();
    let mut expected: HashMap<&str, Vec<(String, u64)>> = HashMap::new();
    for (key, value) in &inputs {
        let sum = sums.entry(key).or_default();
        *sum += value.parse::<u64>().unwrap();
        expected.entry(key).or_default().push((value.clone(), *sum));
    }
    let mut said: HashMap<&str, Vec<(String, u64)>> = HashMap::new();
    for (key, value) in &outputs {
        let mut words = value.split(' ').skip(1);
        said.entry(key).or_default().push((words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap()));
    }
    assert_eq!(said, expected, "an output is out of order, or a sum is wrong");
}
