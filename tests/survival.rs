//! Whatever dies, and whenever: real processes on both logs under load, killed, frozen, out of disk, and with bugs planted in them. The oracle recomputes what must have come of it.
//! `make soak` runs many more rounds.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test breaks loudly")]
mod common;
#[path = "survival/mod.rs"]
mod survival;

use c360_engine::planted::Bug;
use common::LogKind;
use survival::faults::deck_len;
use survival::planted::is_caught;
use survival::report::Report;
use survival::rounds::survive;

fn survived(log: LogKind, seed: u64, rounds: usize) {
    let report = deck(log, seed, rounds);
    assert!(report.is_clean(), "{report}");
    assert!(report.acknowledged > 1_000 && report.alerts > 20, "there was little to lose: {report}");
}

/// One installation; what breaks down is unfinished.
fn deck(log: LogKind, seed: u64, rounds: usize) -> Report {
    let report = std::panic::catch_unwind(|| survive(log, seed, rounds)).unwrap_or_else(|_| Report {
        rounds,
        unfinished: vec![format!("seed {seed} broke down, see above")],
        ..Report::default()
    });
    eprintln!("{log:?}, seed {seed}: {report}");
    report
}

/// A deck of faults: 20 kills, and some of what is no kill.
#[test]
fn the_embedded_log_survives_20_kills() {
    survived(LogKind::Embedded, 360, deck_len(LogKind::Embedded));
}

#[test]
fn kafka_survives_20_kills() {
    survived(LogKind::Kafka, 360, deck_len(LogKind::Kafka));
}

/// Where there was a disk to be had: a test that was not run has said so.
fn full(report: Option<Report>) {
    if let Some(report) = report {
        eprintln!("a full disk: {report}");
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn a_full_disk_loses_nothing_of_the_embedded_log_and_all_goes_on_when_there_is_space() {
    full(survival::full::of_the_embedded_log(1));
}

#[test]
fn a_full_disk_of_a_processor_loses_nothing_and_all_goes_on_when_there_is_space() {
    full(survival::full::of_a_processor(1));
}

#[test]
fn a_bug_that_nobody_knows_is_refused_and_a_planted_one_is_said_aloud() {
    let run = |bug: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_c360"));
        let dir = tempfile::tempdir().unwrap();
        // A role by itself without Kafka: it ends at once, after it has said what it is.
        command.args(["process", "--data", dir.path().to_str().unwrap()]).env("C360_PLANTED_BUG", bug);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = run("no-such-bug");
    assert!(told.contains("no-such-bug is not a bug that can be planted; these are: state-before-commit"), "{told}");
    let told = run("no-fencing");
    assert!(told.contains("A BUG IS PLANTED IN THIS PROCESS") && told.contains("no-fencing"), "{told}");
}

#[test]
fn the_binary_that_is_shipped_has_no_bugs_in_it() {
    // As `make build` builds it: the binary's own dependencies, not those of its tests.
    let mut tree = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    tree.args(["tree", "--offline", "--locked", "--package", "c360", "--edges", "normal", "--format", "{p} [{f}]", "--manifest-path"]);
    let output = tree.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("c360-log"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("planted-bugs"), "{text}");
}

/// On each log where it can show; docs/reliability.md says where one cannot, and why.
fn each_is_caught(bug: Bug, logs: &[LogKind]) {
    logs.iter().for_each(|log| is_caught(bug, *log));
}

const BOTH: [LogKind; 2] = [LogKind::Embedded, LogKind::Kafka];

#[test]
fn rows_that_are_written_before_the_log_are_caught() {
    each_is_caught(Bug::StateBeforeCommit, &[LogKind::Embedded]);
}

#[test]
fn an_offset_that_is_one_too_far_is_caught() {
    each_is_caught(Bug::OffsetPlusOne, &BOTH);
}

#[test]
fn an_offset_that_is_one_too_short_is_caught() {
    each_is_caught(Bug::OffsetMinusOne, &BOTH);
}

#[test]
fn a_zombie_that_may_still_commit_is_caught() {
    each_is_caught(Bug::NoFencing, &[LogKind::Kafka]);
}

#[test]
fn message_ids_that_are_forgotten_are_caught() {
    each_is_caught(Bug::DedupMarkLost, &BOTH);
}

#[test]
fn replayed_ticks_that_tell_the_time_of_the_replay_are_caught() {
    each_is_caught(Bug::TickFromWallClock, &BOTH);
}

fn shows(bug: Bug, log: LogKind) -> bool {
    !matches!((bug, log), (Bug::NoFencing, LogKind::Embedded) | (Bug::StateBeforeCommit, LogKind::Kafka))
}

/// Else a bug might be caught for what its faults do without it.
#[test]
#[ignore = "make soak: it takes long"]
fn soak_of_what_exposes_the_bugs_without_them() {
    let mut total = Report::default();
    for log in BOTH {
        for bug in Bug::ALL.into_iter().filter(|bug| shows(*bug, log)) {
            total.add(survival::planted::without_it(bug, log, number("SEED", 1)).unwrap_or_default());
        }
    }
    assert!(total.is_clean(), "{total}");
}

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {value:?}")))
}

/// `ROUNDS` rounds on each log, or on the one that `LOG` names; a new installation for each deck, from `SEED` on. Both logs at once: rounds on Kafka mostly wait.
#[test]
#[ignore = "make soak: it takes long"]
fn soak_of_both_logs() {
    let (rounds, seed) = (number("ROUNDS", 200) as usize, number("SEED", 1));
    let logs: Vec<LogKind> = match std::env::var("LOG").as_deref() {
        Ok("embedded") => vec![LogKind::Embedded],
        Ok("kafka") => vec![LogKind::Kafka],
        _ => BOTH.to_vec(),
    };
    let totals: Vec<Report> = std::thread::scope(|scope| {
        let running: Vec<_> = logs.iter().map(|log| scope.spawn(move || soak_on(*log, rounds, seed))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for (log, total) in logs.iter().zip(&totals) {
        eprintln!("soak on {log:?}: {total}");
    }
    assert!(totals.iter().all(Report::is_clean), "see above");
}

fn soak_on(log: LogKind, rounds: usize, mut seed: u64) -> Report {
    let mut total = Report::default();
    while total.rounds < rounds {
        let wanted = deck_len(log).min(rounds - total.rounds);
        let report = deck(log, seed, wanted);
        if !report.is_clean() {
            eprintln!("again: LOG={} SEED={seed} ROUNDS={wanted} SEEDS=0 make soak", format!("{log:?}").to_lowercase());
        }
        total.add(report);
        seed += 1;
    }
    total
}
