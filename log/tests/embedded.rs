//! The embedded log, held to what holds for every log, and to what is its own.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
mod conformance;

use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::{Clock, ClockSpec, Log, LogError, Member};
use c360_schemas::Topic;
use conformance::kit::{PATIENCE, alone, append, batch, join, join_at, one_in, read_all, until, upto};
use conformance::{Fixture, PARTITIONS};
use rand::RngCore;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The folder that a child process opens.
const DIR: &str = "C360_EMBEDDED_DIR";
const RETENTION_BYTES: u64 = 256 << 10;

fn config(dir: &Path) -> EmbeddedConfig {
    EmbeddedConfig { dir: dir.to_owned(), partitions: PARTITIONS, retention_bytes: Some(64 << 20), ..EmbeddedConfig::default() }
}

struct Embedded {
    dir: TempDir,
    config: EmbeddedConfig,
    log: Option<Arc<EmbeddedLog>>,
}

impl Embedded {
    fn new() -> Self {
        Self::with(|config| config)
    }

    fn with(change: impl FnOnce(EmbeddedConfig) -> EmbeddedConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = change(config(dir.path()));
        let mut fixture = Self { dir, config, log: None };
        fixture.open();
        fixture
    }

    /// With so little retention that it can be pressed.
    fn forgetful() -> Self {
        Self::with(|config| EmbeddedConfig { retention_bytes: Some(RETENTION_BYTES), ..config })
    }
}

impl Fixture for Embedded {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(self.log.as_ref().unwrap()) as Arc<dyn Log>
    }

    fn close(&mut self) {
        self.log.take().unwrap().close();
    }

    fn open(&mut self) {
        self.log = Some(EmbeddedLog::open(self.config.clone(), Clock::real()).unwrap());
    }

    fn child(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", "a_child_that_writes_until_it_is_killed"]).env(DIR, self.dir.path());
        command
    }

    /// The process may not make files any larger: what a full disk is, without a disk.
    fn breakdown(&mut self) {
        limit_files("--fsize=0:unlimited");
    }

    fn mend(&mut self) {
        limit_files("--fsize=unlimited:unlimited");
    }

    fn press_retention(&mut self, topic: Topic) {
        let mut filler = vec![0; 64 << 10];
        rand::rng().fill_bytes(&mut filler);
        let mut records = c360_log::Batch::default();
        records.push_with(topic, Some(0), |k| k.extend_from_slice(b"t/filler"), |_| (), |v| v.extend_from_slice(&filler));
        append(&*self.log(), records);
    }

    fn log_without(&mut self, _topic: Topic) -> Option<Arc<dyn Log>> {
        None
    }
}

fn limit_files(limit: &str) {
    let status = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), limit]).status().unwrap();
    assert!(status.success(), "prlimit (util-linux) is needed");
}

conformance::suite!(Embedded::forgetful());

#[test]
fn a_partition_is_read_anew_from_an_earlier_offset_and_the_others_go_on() {
    conformance::members::a_partition_is_read_anew_from_an_earlier_offset_and_the_others_go_on(&mut Embedded::new());
}

#[test]
#[ignore = "a child process of the crash test"]
fn a_child_that_writes_until_it_is_killed() {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let config = EmbeddedConfig { retention_bytes: None, ..config(&dir) };
    conformance::crash::child(EmbeddedLog::open(config, Clock::real()).unwrap());
}

#[test]
#[ignore = "a child process of the next test: it limits the whole process"]
fn an_outage_in_a_process_of_its_own() {
    conformance::outage::appends_fail_in_bounded_time_and_health_is_red_until_it_is_back(&mut Embedded::new());
    a_commit_in_an_outage_is_whole_or_not_there(&mut Embedded::new());
}

fn a_commit_in_an_outage_is_whole_or_not_there(fixture: &mut Embedded) {
    let log = fixture.log();
    let spec = alone("g", &[Topic::Unresolved]);
    let output = |n: u64| one_in(Topic::Alerts, 0, &n.to_string());
    let start = |_: &mut dyn Member, _| vec![(Topic::Unresolved, 0)];
    let (mut member, _) = join_at(&*log, &spec, start);
    member.commit(&output(1), &[upto(Topic::Unresolved, 0, 1)]).unwrap();
    fixture.breakdown();
    let outcome = member.commit(&output(2), &[upto(Topic::Unresolved, 0, 2)]);
    assert!(matches!(outcome, Err(LogError::Unknown(_) | LogError::Aborted(_))), "{outcome:?}");
    let outcome = member.commit(&output(3), &[upto(Topic::Unresolved, 0, 3)]);
    assert!(matches!(outcome, Err(LogError::Unavailable(_) | LogError::Aborted(_))), "{outcome:?}");
    fixture.mend();
    until("health is green again", || log.healthy().is_ok());
    let (mut heir, _) = join_at(&*log, &spec, start);
    let committed = log.committed("g", Topic::Unresolved).unwrap()[0].unwrap();
    assert!(committed <= 2, "what was refused is not there");
    heir.commit(&output(4), &[upto(Topic::Unresolved, 0, 4)]).unwrap();
    let values: Vec<u64> = read_all(&*log, &[Topic::Alerts]).iter().map(|r| r.text().parse().unwrap()).collect();
    assert_eq!(values, (1..=committed).chain([4]).collect::<Vec<_>>());
}

#[test]
fn appends_fail_in_bounded_time_and_health_is_red_until_it_is_back() {
    // A write beyond the limit sends SIGXFSZ, which kills unless it is ignored; what the shell ignores, its child ignores too.
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(exe);
    let output = command.args(["--exact", "--ignored", "--nocapture", "an_outage_in_a_process_of_its_own"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_folder_that_is_open_already_is_refused_with_what_to_do() {
    let fixture = Embedded::new();
    match EmbeddedLog::open(fixture.config.clone(), Clock::real()) {
        Err(LogError::Setup(message)) => assert!(message.contains("open in another process"), "{message}"),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn a_damaged_folder_is_refused_and_not_taken_for_a_new_one() {
    for damage in ["CURRENT", "MANIFEST"] {
        let mut fixture = Embedded::new();
        append(&*fixture.log(), one_in(Topic::Events, 0, "kept"));
        fixture.close();
        for file in std::fs::read_dir(fixture.dir.path()).unwrap() {
            let file = file.unwrap();
            if file.file_name().to_str().unwrap().starts_with(damage) {
                if damage == "CURRENT" {
                    std::fs::remove_file(file.path()).unwrap();
                } else {
                    std::fs::write(file.path(), "garbage").unwrap();
                }
            }
        }
        match EmbeddedLog::open(fixture.config.clone(), Clock::real()) {
            Err(LogError::Setup(message)) => assert!(message.contains("restore the folder"), "{message}"),
            other => panic!("{damage}: {:?}", other.map(drop)),
        }
    }
}

#[test]
fn a_folder_keeps_its_number_of_partitions() {
    let mut fixture = Embedded::new();
    append(&*fixture.log(), batch(Topic::Events, (0..50).map(|i| (format!("t/{i}"), "v"))));
    fixture.close();
    fixture.config.partitions = 9;
    fixture.open();
    assert_eq!(fixture.log().partitions(), PARTITIONS);
    assert_eq!(read_all(&*fixture.log(), &[Topic::Events]).len(), 50);
}

#[test]
fn stamps_do_not_go_back_when_the_clock_does() {
    let mut fixture = Embedded::new();
    fixture.close();
    let mut stamps = Vec::new();
    for start in [5_000_000, 1_000] {
        let clock = Clock::manual(ClockSpec { start, rate: 0.0 });
        let log = EmbeddedLog::open(fixture.config.clone(), clock.clone()).unwrap();
        append(&*log, one_in(Topic::Events, 0, "a"));
        clock.advance(7);
        append(&*log, one_in(Topic::Events, 0, "b"));
        stamps = read_all(&*log, &[Topic::Events]).iter().map(|r| r.recorded_at).collect();
    }
    assert_eq!(stamps, [5_000_000, 5_000_007, 5_000_007, 5_000_007]);
    fixture.open();
}

#[test]
fn a_compacted_topic_keeps_the_newest_record_of_each_key() {
    let mut fixture = Embedded::new();
    for round in 0..5 {
        // Twice in one batch too.
        append(&*fixture.log(), batch(Topic::Profiles, (0..40).map(|i| (format!("t/{}", i % 20), format!("{round}-{i}")))));
    }
    // From disk: nothing is in memory after a restart.
    fixture.reopen();
    let mut kept: Vec<_> =
        read_all(&*fixture.log(), &[Topic::Profiles]).into_iter().map(|r| (r.key.clone(), r.text().to_owned())).collect();
    kept.sort();
    let mut expected: Vec<_> = (0..20).map(|i| (format!("t/{i}").into_bytes(), format!("4-{}", i + 20))).collect();
    expected.sort();
    assert_eq!(kept, expected);
}

#[test]
fn what_is_no_longer_in_memory_is_read_from_disk() {
    let fixture = Embedded::with(|config| EmbeddedConfig { tail_bytes: 10_000, chunk_bytes: 1000, fetch_bytes: 5000, ..config });
    let log = fixture.log();
    for round in 0..30 {
        append(&*log, batch(Topic::Events, (0..100).map(|i| (format!("t/{i}"), format!("{:06}", round * 100 + i)))));
    }
    let mut values: Vec<_> = read_all(&*log, &[Topic::Events]).into_iter().map(|r| r.text().parse::<u32>().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..3000).collect::<Vec<_>>());
}

#[test]
fn who_is_overtaken_by_retention_is_told_so_while_other_partitions_go_on() {
    let mut fixture = Embedded::with(|config| EmbeddedConfig { retention_bytes: Some(RETENTION_BYTES), tail_bytes: 1000, ..config });
    let log = fixture.log();
    for i in 0..10 {
        append(&*log, one_in(Topic::Events, 0, &i.to_string()));
    }
    let mut reader = log.reader(&[Topic::Events], &[]).unwrap();
    assert_eq!(reader.poll(PATIENCE, 3, &mut |_| ()).unwrap(), 3);
    until("the start is beyond the reader", || {
        fixture.press_retention(Topic::Events);
        log.bounds(Topic::Events).unwrap()[0].start > 9
    });
    let (mut told, mut others) = (0, 0);
    until("it is told of the loss, again and again, and gets the rest", || {
        append(&*log, one_in(Topic::Events, 1, "other"));
        match reader.poll(Duration::from_secs(1), 10, &mut |r| others += u32::from(r.partition == 1)) {
            Err(LogError::OffsetGone { partition: 0, .. }) => told += 1,
            other => drop(other.unwrap()),
        }
        told > 2 && others > 2
    });
}

#[test]
fn what_a_group_still_needs_stays_whatever_the_retention_also_after_a_reopening() {
    let mut fixture = Embedded::forgetful();
    let log = fixture.log();
    let spec = alone("g", &[Topic::Events]);
    for partition in 0..PARTITIONS {
        append(&*log, one_in(Topic::Events, partition, "first"));
        log.keep_from("g", Topic::Events, partition, 0);
    }
    let press = |fixture: &mut Embedded| (0..40).for_each(|_| fixture.press_retention(Topic::Events));
    let start = |fixture: &Embedded| fixture.log().bounds(Topic::Events).unwrap()[0].start;
    press(&mut fixture);
    assert_eq!(start(&fixture), 0, "ten times the retention, and all of it needed");
    // After a reopening nothing is known of the group but that it has committed something.
    let (mut member, _) = join_at(&*log, &spec, |_: &mut dyn Member, _| vec![(Topic::Events, 0)]);
    member.commit(&c360_log::Batch::default(), &[upto(Topic::Events, 0, 1)]).unwrap();
    drop((member, log));
    fixture.close();
    fixture.open();
    press(&mut fixture);
    assert_eq!(start(&fixture), 0, "it has not told yet");
    // Nothing of the others, and of partition 0 what came after the first 20.
    let log = fixture.log();
    for partition in 0..PARTITIONS {
        log.keep_from("g", Topic::Events, partition, if partition == 0 { 60 } else { 1 });
    }
    press(&mut fixture);
    let kept = start(&fixture);
    assert!(kept <= 60, "{kept}");
    until("what nobody needs any more goes", || {
        let end = log.bounds(Topic::Events).unwrap()[0].end;
        log.keep_from("g", Topic::Events, 0, end);
        fixture.press_retention(Topic::Events);
        start(&fixture) > 60
    });
}

#[test]
fn a_full_queue_is_told_at_once_and_what_it_took_is_written() {
    let fixture = Embedded::with(|config| EmbeddedConfig { queue_records: 100, group_bytes: 1, ..config });
    let log = fixture.log();
    let answers: Vec<_> = (0..2000).map(|i| log.append(batch(Topic::Events, [(format!("t/{i}"), "v")]))).collect();
    let outcomes: Vec<_> = answers.into_iter().map(futures::executor::block_on).collect();
    let taken = outcomes.iter().filter(|o| o.is_ok()).count();
    assert!(outcomes.iter().all(|o| matches!(o, Ok(_) | Err(LogError::Overloaded))));
    assert!((100..2000).contains(&taken), "{taken} of 2000 were taken");
    assert_eq!(read_all(&*log, &[Topic::Events]).len(), taken);
}

#[test]
fn closing_writes_what_is_queued_and_ends_those_who_wait() {
    let mut fixture = Embedded::new();
    let log = Arc::clone(fixture.log.as_ref().unwrap());
    let answers: Vec<_> = (0..50).map(|i| log.append(one_in(Topic::Events, 0, &i.to_string()))).collect();
    let (mut member, _) = join(&*log, &alone("g", &[Topic::Alerts]));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || member.poll(PATIENCE, 1, &mut |_| ()));
        log.close();
        assert!(matches!(waiting.join().unwrap(), Err(LogError::Fatal(_))));
    });
    for answer in answers {
        assert!(futures::executor::block_on(answer).is_ok(), "it was queued before");
    }
    assert!(matches!(futures::executor::block_on(log.append(one_in(Topic::Events, 0, "late"))), Err(LogError::Unavailable(_))));
    assert!(log.healthy().is_err());
    fixture.log = None;
    fixture.open();
    assert_eq!(read_all(&*fixture.log(), &[Topic::Events]).len(), 50);
}

#[test]
fn a_busy_partition_does_not_keep_the_others_waiting() {
    let fixture = Embedded::new();
    let log = fixture.log();
    append(&*log, batch(Topic::Events, (0..20_000).map(|_| ("same key", "v"))));
    let quiet = (c360_schemas::partition_of(b"same key", PARTITIONS) + 1) % PARTITIONS;
    append(&*log, one_in(Topic::Events, quiet, "quiet"));
    let (mut member, _) = join(&*log, &alone("fair", &[Topic::Events]));
    let (mut before, mut found) = (0, false);
    until("the quiet partition's record comes", || {
        member
            .poll(Duration::from_secs(1), 500, &mut |r| {
                found |= r.partition == quiet;
                before += usize::from(!found);
            })
            .unwrap();
        found
    });
    assert!(before <= 1000, "{before} records of the busy partition came first");
}
