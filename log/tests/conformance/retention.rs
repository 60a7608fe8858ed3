//! The oldest records go.
use super::Fixture;
use super::kit::{PATIENCE, POLL, alone, append, join, one_in, until};
use c360_log::LogError;
use c360_schemas::Topic;
use std::time::Instant;

pub fn the_start_moves_on_and_a_gone_offset_is_said_to_be_gone(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for i in 0..10 {
        append(&*log, one_in(Topic::Events, 0, &i.to_string()));
    }
    let (mut member, _) = join(&*log, &alone("slow", &[Topic::Events]));
    until("the start moves on", || {
        fixture.press_retention(Topic::Events);
        log.bounds(Topic::Events).unwrap()[0].start > 0
    });
    let start = log.bounds(Topic::Events).unwrap()[0].start;
    let gone = |e: LogError, what: &str| match e {
        LogError::OffsetGone { topic, partition, wanted, start: first } => {
            assert!(topic.ends_with(Topic::Events.suffix()), "{topic}");
            assert_eq!((partition, wanted), (0, 0), "{what}");
            assert!(first >= start, "{what}: {first}");
        }
        other => panic!("{what}: {other}"),
    };
    gone(member.start(0, &[(Topic::Events, 0)]).unwrap_err(), "a member's start");
    // A reader says so when it is made or when it reads, whichever comes first.
    match log.reader(&[Topic::Events], &[(Topic::Events, 0, 0)]) {
        Err(e) => gone(e, "a reader"),
        Ok(mut reader) => {
            let since = Instant::now();
            let error = loop {
                assert!(since.elapsed() < PATIENCE, "nothing is said of the gone offset");
                if let Err(e) = reader.poll(POLL, 10, &mut |r| assert_ne!(r.partition, 0, "it went on as if nothing were missing")) {
                    break e;
                }
            };
            gone(error, "a reader's poll");
        }
    }
    // Who names no offset starts at what is kept; so does a group that never committed.
    let kept = super::kit::read_all(&*log, &[Topic::Events]);
    assert!(kept.iter().filter(|r| r.partition == 0).all(|r| r.offset >= start));
    assert!(member.committed(0).unwrap()[0].next >= start);
}

pub fn offsets_go_on_after_everything_was_dropped_and_a_restart(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for i in 0..5 {
        append(&*log, one_in(Topic::Alerts, 3, &i.to_string()));
    }
    until("all of partition 3 is dropped", || {
        fixture.press_retention(Topic::Alerts);
        log.bounds(Topic::Alerts).unwrap()[3].start == 5
    });
    drop(log);
    fixture.reopen();
    let log = fixture.log();
    let bounds = log.bounds(Topic::Alerts).unwrap()[3];
    assert_eq!((bounds.start, bounds.end), (5, 5));
    assert_eq!(append(&*log, one_in(Topic::Alerts, 3, "next"))[0].offset, 5);
}
