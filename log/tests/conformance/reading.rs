//! Readers keep their own positions.
use super::kit::{POLL, append, batch, one_in, read_all, read_from, until};
use super::{Fixture, PARTITIONS};
use c360_log::{LogError, Reader};
use c360_schemas::Topic;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn a_reader_resumes_exactly_where_it_was_told(fixture: &mut dyn Fixture) {
    let topics = [Topic::Events, Topic::Alerts];
    let log = fixture.log();
    for topic in topics {
        for round in 0..7 {
            append(&*log, batch(topic, (0..43).map(|i| (format!("t/{i}"), format!("{round}-{i}")))));
        }
    }
    let mut seen = Vec::new();
    let mut from: Vec<(Topic, u32, u64)> = Vec::new();
    // Few records at a time, and a new reader each time, half of them after a restart.
    drop(log);
    for life in 0..20 {
        let mut reader = fixture.log().reader(&topics, &from).unwrap();
        let before = seen.len();
        until("a reader gets records", || {
            reader.poll(POLL, 17, &mut |r| seen.push((r.topic, r.partition, r.offset, r.value.to_vec()))).unwrap();
            seen.len() > before
        });
        assert!(seen.len() - before <= 17, "no more than was asked for");
        for topic in topics {
            for p in 0..PARTITIONS {
                let mine = seen.iter().rfind(|s| (s.0, s.1) == (topic, p)).map(|s| s.2 + 1);
                assert!(reader.position(topic, p) >= mine.unwrap_or(0));
                from.retain(|f| (f.0, f.1) != (topic, p));
                from.extend(mine.map(|next| (topic, p, next)));
            }
        }
        drop(reader);
        if life % 10 == 9 {
            fixture.reopen();
        }
    }
    let log = fixture.log();
    seen.extend(read_from(&*log, &topics, &from).into_iter().map(|r| (r.topic, r.partition, r.offset, r.value)));
    let mut all: Vec<_> = read_all(&*log, &topics).into_iter().map(|r| (r.topic, r.partition, r.offset, r.value)).collect();
    assert_eq!(all.len(), 2 * 7 * 43);
    all.sort();
    seen.sort();
    assert_eq!(seen, all);
}

pub fn a_reader_that_goes_on_from_where_it_stood_misses_nothing(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, one_in(Topic::Alerts, 0, "before"));
    let mut reader = log.reader(&[Topic::Alerts], &[]).unwrap();
    let mut came = 0;
    until("what is there comes", || {
        came += reader.poll(POLL, 10, &mut |_| ()).unwrap();
        came == 1
    });
    // At the end of each, where nothing comes and that is said now and then.
    let mut nothing = 0;
    until("nothing comes for a while", || {
        nothing += usize::from(reader.poll(Duration::from_millis(100), 10, &mut |_| ()).unwrap() == 0);
        nothing == 8
    });
    let at: Vec<(Topic, u32, u64)> = (0..PARTITIONS).map(|p| (Topic::Alerts, p, reader.position(Topic::Alerts, p))).collect();
    let ends: Vec<(Topic, u32, u64)> =
        (0..).zip(log.bounds(Topic::Alerts).unwrap()).map(|(p, bounds)| (Topic::Alerts, p, bounds.end)).collect();
    assert_eq!(at, ends, "it stands at the ends, and not past them");
    drop(reader);
    for partition in 0..PARTITIONS {
        append(&*log, one_in(Topic::Alerts, partition, "after"));
    }
    let values: Vec<_> = read_from(&*log, &[Topic::Alerts], &at).into_iter().map(|r| r.text().to_owned()).collect();
    assert_eq!(values, vec!["after"; PARTITIONS as usize]);
}

pub fn a_reader_waits_for_what_comes_later(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut reader = log.reader(&[Topic::Alerts], &[]).unwrap();
    let mut came = Vec::new();
    until("an empty log has nothing", || reader.poll(POLL, 10, &mut |r| came.push(r.offset)).unwrap() == 0);
    assert_eq!(came, [0_u64; 0]);
    let writer = Arc::clone(&log);
    let since = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || append(&*writer, one_in(Topic::Alerts, 2, "late")));
        let mut wait = || poll(&mut *reader, Duration::from_secs(20));
        let mut values = wait();
        until("the late record comes", || {
            if values.is_empty() {
                values = wait();
            }
            !values.is_empty()
        });
        assert_eq!(values, ["late"]);
    });
    assert!(since.elapsed() < Duration::from_secs(15), "it is woken by the record, not by the timeout");
}

fn poll(reader: &mut dyn Reader, timeout: Duration) -> Vec<String> {
    let mut values = Vec::new();
    reader.poll(timeout, 10, &mut |r| values.push(String::from_utf8_lossy(r.value).into_owned())).unwrap();
    values
}

pub fn an_unknown_topic_is_said_to_be_unknown(fixture: &mut dyn Fixture) {
    let Some(log) = fixture.log_without(Topic::History) else {
        // Topics are always there: then even one that was never written answers.
        assert_eq!(fixture.log().bounds(Topic::History).unwrap().len(), PARTITIONS as usize);
        return;
    };
    let unknown = |what: &str, outcome: Result<(), LogError>| match outcome {
        Err(LogError::UnknownTopic(name)) => assert!(name.contains(Topic::History.suffix()), "{name}"),
        other => panic!("{what}: {other:?}"),
    };
    unknown("reader", log.reader(&[Topic::History], &[]).map(drop));
    unknown("member", log.member(&super::kit::alone("g", &[Topic::History])).map(drop));
    unknown("append", super::kit::try_append(&*log, one_in(Topic::History, 0, "x")).map(drop));
}
