//! Planted bugs: each is switched on in real processes, under the fault that exposes it, and the oracle must tell of a mistake.
use super::disk::Disk;
use super::drain::{self, drain_and_judge};
use super::faults::{Fault, some_more};
use super::installation::{Installation, Pace, SESSION_MS, START_MS, Wish};
use super::load::Load;
use super::report::Report;
use crate::common::LogKind;
use c360_engine::planted::Bug;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Seeds that are tried before a bug counts as unseen.
const SEEDS: u64 = 5;
/// With a bug planted it may never be through.
const PATIENCE: Duration = Duration::from_secs(8);
const DAY_MS: i64 = 86_400_000;
const DISK_MB: u32 = 128;

/// How a bug is brought to light on one log.
struct Stage<'a> {
    installation: Installation,
    load: Load,
    disk: Option<&'a Disk>,
    random: StdRng,
}

/// Tries seed after seed until the oracle tells of a mistake.
///
/// # Panics
/// Where none did.
pub fn is_caught(bug: Bug, log: LogKind) {
    let since = Instant::now();
    let name = format!("{} on {log:?}", bug.as_str());
    let disk = if needs_disk(bug, log) { Disk::mount(DISK_MB, &name) } else { None };
    if needs_disk(bug, log) && disk.is_none() {
        return;
    }
    for seed in 1..=SEEDS {
        let report = run(bug, true, log, seed, disk.as_ref());
        eprintln!("{name}, seed {seed}, after {:.1} s: {report}", since.elapsed().as_secs_f64());
        if report.is_wrong() {
            return;
        }
    }
    panic!("{name}: not seen in {SEEDS} runs");
}

fn needs_disk(bug: Bug, log: LogKind) -> bool {
    bug == Bug::StateBeforeCommit && log == LogKind::Embedded
}

/// The same faults, and no bug: what the oracle finds then.
pub fn without_it(bug: Bug, log: LogKind, seed: u64) -> Option<Report> {
    let disk = if needs_disk(bug, log) { Some(Disk::mount(DISK_MB, "faults without a bug")?) } else { None };
    let report = run(bug, false, log, seed, disk.as_ref());
    eprintln!("without {} on {log:?}, seed {seed}: {report}", bug.as_str());
    Some(report)
}

fn run(bug: Bug, planted: bool, log: LogKind, seed: u64, disk: Option<&Disk>) -> Report {
    let whole = bug != Bug::NoFencing;
    let wish = Wish {
        bug: planted.then(|| bug.as_str()),
        disk: disk.map(|disk| ("up", disk.path())),
        pace: if bug == Bug::TickFromWallClock { Pace::Lazy } else { Pace::Seeded },
        whole,
        shared_broker: true,
    };
    let installation = Installation::start(log, seed, &wish);
    let load = Load::new(installation.ingest().url("/v1/batch"), seed);
    if whole {
        load.now.store(START_MS, Ordering::Relaxed);
    }
    let mut stage = Stage { installation, load, disk, random: StdRng::seed_from_u64(seed) };
    stage.load.introduce();
    stage.expose(bug);
    let ledger = stage.load.ledger.lock().unwrap();
    let patience = if planted { PATIENCE } else { drain::PATIENCE };
    Report { rounds: 1, ..drain_and_judge(&stage.installation, &ledger, patience) }
}

impl Stage<'_> {
    fn expose(&mut self, bug: Bug) {
        let Self { installation, load, disk, random } = self;
        load.during(|| {
            more(load, 300);
            match bug {
                Bug::StateBeforeCommit => disks_are_full(disk.expect("a disk"), load),
                Bug::NoFencing => zombie_awakes(installation, load),
                Bug::TickFromWallClock => days_are_replayed(installation, load, random),
                Bug::OffsetPlusOne | Bug::OffsetMinusOne | Bug::DedupMarkLost => killed(installation, load, random),
            }
            more(load, 300);
        });
    }
}

fn more(load: &Load, events: u64) {
    some_more(load, load.acknowledged.load(Ordering::Relaxed) + events);
}

fn killed(installation: &mut Installation, load: &Load, random: &mut StdRng) {
    Fault::Kill("up").strike(installation, load, random);
    installation.servers["up"].wait_ready();
}

/// Commits fail.
fn disks_are_full(disk: &Disk, load: &Load) {
    for _ in 0..3 {
        disk.fill();
        std::thread::park_timeout(Duration::from_millis(300));
        disk.free();
        more(load, 200);
    }
}

/// It has records at hand that were not committed when it is stopped for so long that another takes them over; then it goes on as if nothing had been.
fn zombie_awakes(installation: &Installation, load: &Load) {
    let zombie = &installation.servers["process-a"];
    // What comes meanwhile waits for it, and it gets hold of all of it.
    zombie.signal("-STOP");
    std::thread::park_timeout(Duration::from_millis(SESSION_MS / 2));
    zombie.signal("-CONT");
    std::thread::park_timeout(Duration::from_millis(30));
    zombie.signal("-STOP");
    std::thread::park_timeout(Duration::from_millis(SESSION_MS + 1_500));
    zombie.signal("-CONT");
    more(load, 300);
}

/// Days go by, and are lived through again after a crash.
fn days_are_replayed(installation: &mut Installation, load: &Load, random: &mut StdRng) {
    for _ in 0..2 {
        a_day_goes_by(installation, load);
        more(load, 200);
    }
    killed(installation, load, random);
    more(load, 200);
    // With the bug it may never get there.
    let now = load.now.load(Ordering::Relaxed) + DAY_MS;
    let _ = installation.servers["up"].advance_within(DAY_MS / 1_000, PATIENCE);
    load.now.store(now, Ordering::Relaxed);
}

fn a_day_goes_by(installation: &Installation, load: &Load) {
    let now = load.now.load(Ordering::Relaxed) + DAY_MS;
    installation.servers["up"].advance_to(now);
    load.now.store(now, Ordering::Relaxed);
}
