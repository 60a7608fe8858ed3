//! Faults under load, round by round, then the oracle.
use super::drain::{PATIENCE, drain_and_judge};
use super::faults::{Fault, deal, recovered, some_more};
use super::installation::{Installation, START_MS, Wish};
use super::load::Load;
use super::report::Report;
use crate::common::LogKind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const HOUR_MS: i64 = 3_600_000;

/// Runs as many rounds as wanted, all of it from one seed.
pub fn survive(log: LogKind, seed: u64, rounds: usize) -> Report {
    let mut installation = Installation::start(log, seed, &Wish::default());
    let load = Load::new(installation.ingest().url("/v1/batch"), seed);
    let mut random = StdRng::seed_from_u64(seed ^ 0x5eed);
    let mut clock = (log == LogKind::Embedded).then_some(START_MS);
    load.now.store(clock.unwrap_or(0), Ordering::Relaxed);
    load.introduce();
    load.during(|| {
        for (number, fault) in deal(log, seed, rounds).into_iter().enumerate() {
            let since = Instant::now();
            round(&mut installation, &load, &mut random, fault, &mut clock, &format!("probe-{number}"));
            let (log, number) = (format!("{log:?}").to_lowercase(), number + 1);
            let acknowledged = load.acknowledged.load(Ordering::Relaxed);
            eprintln!(
                "{log}, seed {seed}, round {number} of {rounds}: {fault:?} in {:.1} s, {acknowledged} events acknowledged",
                since.elapsed().as_secs_f64()
            );
        }
    });
    let ledger = load.ledger.lock().unwrap();
    let report = Report { rounds, ..drain_and_judge(&installation, &ledger, PATIENCE) };
    if !report.is_clean() {
        eprintln!("the processes' own words: {}", installation.keep_words(seed).display());
    }
    report
}

/// Load for a while, the fault at a seeded moment, recovery; where there is a clock, some hours pass, now and then while the fault strikes.
fn round(installation: &mut Installation, load: &Load, random: &mut StdRng, fault: Fault, clock: &mut Option<i64>, probe: &str) {
    some_more(load, load.acknowledged.load(Ordering::Relaxed) + random.random_range(50..500));
    std::thread::park_timeout(Duration::from_millis(random.random_range(0..60)));
    let hours = random.random_range(1..12);
    let meanwhile = clock.filter(|_| random.random_bool(0.5)).map(|_| asked_to_advance(installation, hours));
    fault.strike(installation, load, random);
    if let Some(meanwhile) = meanwhile {
        // Whether it was heard is not known.
        let _ = meanwhile.join().unwrap();
    }
    recovered(installation, load, probe);
    if let Some(now) = clock {
        *now += hours * HOUR_MS;
        installation.servers["up"].advance_to(*now);
        load.now.store(*now, Ordering::Relaxed);
    }
}

/// Asks for time to pass, in a thread of its own: the answer may never come.
fn asked_to_advance(installation: &Installation, hours: i64) -> std::thread::JoinHandle<bool> {
    let server = &installation.servers["up"];
    let request = server.api(reqwest::Method::POST, "/api/v1/clock").json(&serde_json::json!({ "advance_s": hours * 3_600 }));
    std::thread::spawn(move || request.send().is_ok())
}
