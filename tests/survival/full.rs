//! A disk that is full under load: nothing that was acknowledged is lost, it is said, and when there is space again all goes on without a restart.
use super::disk::Disk;
use super::drain::{PATIENCE, drain_and_judge};
use super::faults::{recovered, some_more};
use super::installation::{Installation, Pace, START_MS, Wish};
use super::load::Load;
use super::report::Report;
use crate::common::{LogKind, eventually};
use reqwest::StatusCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const DISK_MB: u32 = 192;
/// How often it is full.
const TIMES: usize = 3;
/// For how long.
const FULL: Duration = Duration::from_millis(1_500);

/// `up` with everything on one small disk. `None` where none can be had.
pub fn of_the_embedded_log(seed: u64) -> Option<Report> {
    let disk = Disk::mount(DISK_MB, "a full disk under the embedded log")?;
    let wish = Wish { disk: Some(("up", disk.path())), pace: Pace::Eager, ..Wish::default() };
    let (installation, load) = start(LogKind::Embedded, seed, &wish);
    load.during(|| {
        for time in 0..TIMES {
            more(&load, 300);
            let before = load.acknowledged.load(Ordering::Relaxed);
            load.refused.lock().unwrap().take();
            disk.fill();
            eventually("clients are told to come again later", || refused(&load));
            not_ready(&installation, "up");
            std::thread::park_timeout(FULL);
            assert!(!installation.servers["up"].has_ended(), "{}", installation.servers["up"].log_text());
            goes_on(&disk, &installation, &load, time);
            some_more(&load, before + 300);
        }
    });
    Some(end(&installation, &load))
}

/// One of the processors on Kafka. What it folds is in the log; only its rows cannot be kept.
pub fn of_a_processor(seed: u64) -> Option<Report> {
    let disk = Disk::mount(DISK_MB, "a full disk under a processor")?;
    let wish = Wish { disk: Some(("process-a", disk.path())), pace: Pace::Eager, shared_broker: true, ..Wish::default() };
    let (installation, load) = start(LogKind::Kafka, seed, &wish);
    load.during(|| {
        for time in 0..TIMES {
            more(&load, 300);
            disk.fill();
            not_ready(&installation, "process-a");
            // Events are taken all the same.
            more(&load, 300);
            assert!(!installation.servers["process-a"].has_ended(), "{}", installation.servers["process-a"].log_text());
            goes_on(&disk, &installation, &load, time);
        }
    });
    Some(end(&installation, &load))
}

fn goes_on(disk: &Disk, installation: &Installation, load: &Load, time: usize) {
    disk.free();
    let since = Instant::now();
    recovered(installation, load, &format!("full-{time}"));
    eprintln!("full disk {} of {TIMES}: all went on {:.1} s after there was space", time + 1, since.elapsed().as_secs_f64());
}

fn start(log: LogKind, seed: u64, wish: &Wish) -> (Installation, Load) {
    let installation = Installation::start(log, seed, wish);
    let load = Load::new(installation.ingest().url("/v1/batch"), seed);
    if installation.has_clock() {
        load.now.store(START_MS, Ordering::Relaxed);
    }
    load.introduce();
    (installation, load)
}

fn end(installation: &Installation, load: &Load) -> Report {
    let ledger = load.ledger.lock().unwrap();
    Report { rounds: TIMES, ..drain_and_judge(installation, &ledger, PATIENCE) }
}

fn more(load: &Load, events: u64) {
    some_more(load, load.acknowledged.load(Ordering::Relaxed) + events);
}

fn not_ready(installation: &Installation, name: &str) {
    eventually("readiness is red", || match installation.servers[name].readiness() {
        Some(StatusCode::SERVICE_UNAVAILABLE) => Ok(()),
        other => Err(other),
    });
}

/// With 429 or 503, and when to come again.
fn refused(load: &Load) -> Result<(), String> {
    match &*load.refused.lock().unwrap() {
        Some((429 | 503, Some(retry_after))) if retry_after.parse::<u64>().is_ok_and(|s| s > 0) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
