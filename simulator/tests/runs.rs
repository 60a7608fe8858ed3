//! Many seeds hold; and each planted bug is found, so that the check is known to see something.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
use c360_engine::planted::{Bug, plant};
use c360_simulator::{Scenario, run, shrink};
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds that must hold.
const SEEDS: u64 = 1_000;
/// Seeds among which a planted bug must be found.
const SEEDS_WITH_A_BUG: u64 = 1_500;

/// The seeds below `seeds` that fail with `bug` planted; the first will do where `first` says so.
fn failing(seeds: u64, bug: Option<Bug>, first: bool) -> Vec<(u64, Vec<String>)> {
    let (next, found) = (AtomicU64::new(0), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                plant(bug);
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds) {
                    let problems = run(&Scenario::of(seed)).problems;
                    if !problems.is_empty() {
                        found.lock().unwrap().push((seed, problems));
                        if first {
                            next.store(seeds, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

#[test]
fn a_thousand_seeds_lose_nothing_double_nothing_and_come_to_rest() {
    assert_eq!(failing(SEEDS, None, false), []);
}

#[test]
fn every_planted_bug_is_found() {
    let unseen: Vec<Bug> = Bug::ALL.into_iter().filter(|bug| failing(SEEDS_WITH_A_BUG, Some(*bug), true).is_empty()).collect();
    assert_eq!(unseen, []);
}

#[test]
fn a_failing_seed_becomes_small_and_stays_failing() {
    plant(Some(Bug::DedupMarkLost));
    let scenario = Scenario::of(1);
    let (small, verdict) = shrink(&scenario);
    assert!(!verdict.problems.is_empty() && !run(&small).problems.is_empty());
    assert!(small.events.len() < 5 && small.events.len() < scenario.events.len(), "{} events are left", small.events.len());
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 0..20 {
        let (once, again) = (run(&Scenario::of(seed)), run(&Scenario::of(seed)));
        assert_eq!((once.story, once.figures), (again.story, again.figures), "seed {seed}");
    }
}
