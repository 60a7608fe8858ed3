//! The log on a real Kafka, held to what holds for every log, and to what is its own.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test may stop, and the suite is shared by test binaries")]

mod conformance;
mod kafka_support;

use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Batch, Change, Clock, ClockSpec, Keeps, Log, LogError, Member, MemberSpec, RecordRef};
use c360_schemas::Topic;
use conformance::kit::{
    PATIENCE, add_in, alone, append, batch, committed, join, one_in, poll_passing, read_all, take, try_append, until, upto,
};
use conformance::{Fixture, PARTITIONS};
use futures::executor::block_on;
use kafka_support::fixture::{self, Kafka};
use rdkafka::admin::{NewTopic, TopicReplication};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

conformance::suite!(Kafka::new());

#[test]
fn appends_fail_in_bounded_time_and_health_is_red_until_it_is_back() {
    conformance::outage::appends_fail_in_bounded_time_and_health_is_red_until_it_is_back(&mut Kafka::alone());
}

#[test]
#[ignore = "a child process of the crash test"]
fn a_child_that_writes_until_it_is_killed() {
    conformance::crash::child(fixture::of_child());
}

#[test]
fn no_broker_is_said_within_the_time_to_connect() {
    let config = KafkaConfig { brokers: "127.0.0.1:1".into(), connect_timeout_ms: 500, ..KafkaConfig::default() };
    match KafkaLog::connect(config, Clock::real()) {
        Err(LogError::Unavailable(message)) => assert!(message.contains("127.0.0.1:1"), "{message}"),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn a_transaction_may_not_outlive_the_session() {
    let config = KafkaConfig { transaction_timeout_ms: Some(10_000), ..KafkaConfig::default() };
    assert!(matches!(KafkaLog::connect(config, Clock::real()), Err(LogError::Setup(_))));
}

#[test]
fn topics_with_another_number_of_partitions_are_refused_by_name() {
    let fixture = Kafka::unopened();
    let names = [fixture.name(Topic::Events), fixture.name(Topic::Alerts)];
    let topics = [(&names[0], 3), (&names[1], 5)].map(|(name, count)| NewTopic::new(name, count, TopicReplication::Fixed(1)));
    block_on(fixture.admin().create_topics(&topics, &fixture::options())).unwrap();
    match KafkaLog::connect(fixture.config.clone(), Clock::real()) {
        Err(LogError::Setup(message)) => {
            assert!(message.contains(&format!("{} has 3", names[0])) && message.contains(&format!("{} has 5", names[1])), "{message}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn topics_keep_the_partitions_that_they_have() {
    let mut fixture = Kafka::new();
    fixture.close();
    fixture.config.partitions = 9;
    fixture.open();
    assert_eq!(fixture.log().partitions(), PARTITIONS);
}

#[test]
fn it_tells_how_long_a_topic_keeps_its_records() {
    let mut fixture = Kafka::unopened();
    fixture.config.retention.events_ms = 86_400_000;
    fixture.config.retention.alerts_ms = -1;
    fixture.open();
    let log = fixture.log();
    assert_eq!(log.keeps(Topic::Events).unwrap(), Keeps::ByItself { ms: Some(86_400_000), bytes: None });
    assert_eq!(log.keeps(Topic::Alerts).unwrap(), Keeps::ByItself { ms: None, bytes: None });
}

#[test]
fn under_a_clock_of_ones_own_the_stamps_are_its_and_real_time_is_refused_after() {
    let mut fixture = Kafka::unopened();
    // A year from now, which brokers do not take by default.
    fixture.clock = Clock::manual(ClockSpec { start: Clock::real_ms() + 365 * 86_400_000, rate: 0.0 });
    fixture.open();
    let log = fixture.log();
    let start = fixture.clock.now_ms();
    append(&*log, one_in(Topic::Events, 0, "a"));
    fixture.clock.advance(86_400_000);
    append(&*log, one_in(Topic::Events, 0, "b"));
    let (mut member, _) = join(&*log, &alone("stamps", &[Topic::Unresolved]));
    let mut outputs = Batch::default();
    add_in(&mut outputs, Topic::Events, 0, "c");
    member.commit(&outputs, &[]).unwrap();
    let stamps: Vec<i64> = read_all(&*log, &[Topic::Events]).iter().map(|r| r.recorded_at - start).collect();
    assert_eq!(stamps, [0, 86_400_000, 86_400_000]);
    drop(member);
    drop(log);
    fixture.close();
    match KafkaLog::connect(fixture.config.clone(), Clock::real()) {
        Err(LogError::Setup(message)) => assert!(message.contains("CreateTime"), "{message}"),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn a_members_lag_comes_to_nothing_past_the_marks_of_transactions() {
    let fixture = Kafka::new();
    let log = fixture.log();
    let (mut writer, _) = join(&*log, &alone("writer", &[Topic::Unresolved]));
    for i in 0..5 {
        let mut outputs = Batch::default();
        add_in(&mut outputs, Topic::Events, 1, &i.to_string());
        writer.commit(&outputs, &[]).unwrap();
    }
    let (mut member, _) = join(&*log, &alone("reader", &[Topic::Events]));
    let next = take(&mut *member, 5).last().unwrap().offset + 1;
    // The last mark lies behind the last record.
    assert_eq!(log.bounds(Topic::Events).unwrap()[1].end, next + 1);
    until("the end is the next record's offset", || {
        assert_eq!(poll_passing(&mut *member, &mut |_| panic!("nothing more comes")), []);
        member.end(Topic::Events, 1) == Some(next)
    });
}

#[test]
fn a_large_batch_comes_whole_through_an_append_and_through_a_transaction() {
    let fixture = Kafka::new();
    let log = fixture.log();
    let records = || (0..50_000).map(|i| (format!("t/{}", i % 1000), format!("{i}")));
    append(&*log, batch(Topic::Events, records()));
    let (mut member, _) = join(&*log, &alone("large", &[Topic::Events]));
    let came = take(&mut *member, 50_000);
    let mut next = vec![0; PARTITIONS as usize];
    for record in &came {
        assert_eq!(record.offset, next[record.partition as usize]);
        next[record.partition as usize] += 1;
    }
    let consumed: Vec<_> = (0..PARTITIONS).map(|p| upto(Topic::Events, p, next[p as usize])).collect();
    member.commit(&batch(Topic::Alerts, records()), &consumed).unwrap();
    assert_eq!(read_all(&*log, &[Topic::Alerts]).len(), 50_000);
    assert_eq!(log.committed("large", Topic::Events).unwrap(), next.into_iter().map(Some).collect::<Vec<_>>());
}

/// Where the child stops: its transaction is open then.
const OPEN: &str = "the transaction is open";

#[test]
#[ignore = "a child process of the next test"]
fn a_child_that_dies_with_an_open_transaction() {
    let log = fixture::of_child();
    let (mut member, _) = join(&*log, &alone("takeover", &[Topic::Events]));
    take(&mut *member, 8);
    println!("\n{OPEN}");
    // Until it is killed, which is inside of one of them.
    for n in 0u64.. {
        let mut outputs = Batch::default();
        for i in 0..2000 {
            add_in(&mut outputs, Topic::Alerts, i % PARTITIONS, &n.to_string());
        }
        let _ = member.commit(&outputs, &[upto(Topic::Events, 0, 1)]);
    }
}

#[test]
fn another_instance_takes_over_from_one_that_was_killed_for_good() {
    let fixture = Kafka::new();
    let log = fixture.log();
    append(&*log, batch(Topic::Events, (0..8).map(|i| (format!("t/{i}"), i.to_string()))));
    let mut child = fixture.child_running("a_child_that_dies_with_an_open_transaction").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == OPEN), "the child got its records");
    until("the child committed", || log.committed("takeover", Topic::Events).unwrap()[0].is_some());
    child.kill().unwrap();
    child.wait().unwrap();

    let spec = MemberSpec { instance: "another".into(), ..alone("takeover", &[Topic::Events]) };
    let (mut member, assigned) = join(&*log, &spec);
    assert_eq!(assigned.len(), PARTITIONS as usize);
    let from: Vec<u64> = (0..PARTITIONS).map(|p| member.committed(p).unwrap()[0].next).collect();
    assert_eq!(from, [1, 0, 0, 0]);
    member.commit(&Batch::default(), &[upto(Topic::Events, 0, 2)]).unwrap();
    // Whole transactions only, and none stays open.
    let mut counts = std::collections::HashMap::new();
    for record in read_all(&*log, &[Topic::Alerts]) {
        *counts.entry(record.value).or_insert(0) += 1;
    }
    assert!(!counts.is_empty() && counts.values().all(|n| *n == 2000), "{:?}", counts.values());
}

#[test]
fn a_member_that_the_group_gave_up_cannot_commit() {
    let mut fixture = Kafka::unopened();
    fixture.config.poll_interval_max_ms = fixture.config.session_timeout_ms;
    fixture.open();
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 0, "in"));
    let (mut stuck, _) = join(&*log, &alone("stuck", &[Topic::Events]));
    take(&mut *stuck, 1);
    let spec = MemberSpec { instance: "heir".into(), ..alone("stuck", &[Topic::Events]) };
    let mut heir = Seat::join(&*log, &spec);
    // It may be given a part of them first: the group waits a while for the one that is stuck.
    let mut seen = 0;
    until("the heir has all of it", || {
        heir.poll(&mut |_| seen += 1);
        heir.owned.len() == PARTITIONS as usize && seen > 0
    });
    let outcome = stuck.commit(&batch(Topic::Alerts, [("t/k", "late")]), &[upto(Topic::Events, 0, 1)]);
    assert!(matches!(outcome, Err(LogError::Fenced(_))), "{outcome:?}");
    heir.member.commit(&batch(Topic::Alerts, [("t/k", "heir")]), &[upto(Topic::Events, 0, 1)]).unwrap();
    assert_eq!(read_all(&*log, &[Topic::Alerts]).iter().map(conformance::kit::Owned::text).collect::<Vec<_>>(), ["heir"]);
}

/// A member, and what it owns.
struct Seat {
    member: Box<dyn Member>,
    owned: BTreeSet<u32>,
}

impl Seat {
    fn join(log: &dyn Log, spec: &MemberSpec) -> Self {
        Self { member: log.member(spec).unwrap(), owned: BTreeSet::new() }
    }

    fn poll(&mut self, on_record: &mut dyn FnMut(RecordRef<'_>)) {
        for change in poll_passing(&mut *self.member, on_record) {
            match change {
                Change::Revoked(partitions) => self.owned.retain(|p| !partitions.contains(p)),
                Change::Assigned(partitions) => {
                    for &partition in &partitions {
                        let from = committed(&mut *self.member, partition);
                        self.member.start(partition, &from).unwrap();
                    }
                    self.owned.extend(partitions);
                }
            }
        }
    }
}

#[test]
fn a_restart_of_the_broker_costs_nothing_but_time() {
    let fixture = Kafka::alone();
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 0, "before"));
    let (mut member, _) = join(&*log, &alone("restart", &[Topic::Events]));
    let mut reader = log.reader(&[Topic::Alerts], &[]).unwrap();
    take(&mut *member, 1);
    fixture.broker.down();
    fixture.broker.up();
    until("appends are taken again", || try_append(&*log, one_in(Topic::Events, 0, "after")).is_ok());
    let mut owned = true;
    let mut seen = Vec::new();
    until("the member goes on", || {
        for change in poll_passing(&mut *member, &mut |r| seen.push((r.offset, String::from_utf8_lossy(r.value).into_owned()))) {
            if let Change::Assigned(partitions) = change {
                owned = true;
                for p in partitions {
                    let from = committed(&mut *member, p);
                    member.start(p, &from).unwrap();
                }
            } else {
                owned = false;
            }
        }
        let mut outputs = Batch::default();
        add_in(&mut outputs, Topic::Alerts, 0, "output");
        owned
            && seen.iter().any(|(_, value)| value == "after")
            && member.commit(&outputs, &[upto(Topic::Events, 0, seen.last().unwrap().0 + 1)]).is_ok()
    });
    let mut outputs = 0;
    until("the reader goes on", || {
        reader.poll(Duration::from_millis(100), 10, &mut |_| outputs += 1).unwrap();
        outputs > 0
    });
    assert_eq!(outputs, 1);
}

#[test]
fn a_log_is_closed_and_opened_quickly() {
    let mut fixture = Kafka::new();
    let since = std::time::Instant::now();
    for _ in 0..5 {
        let log = fixture.log();
        let (member, _) = join(&*log, &alone("quick", &[Topic::Events]));
        drop((member, log));
        fixture.reopen();
    }
    // Without a wait for a session or a transaction to run out.
    assert!(since.elapsed() < PATIENCE / 3, "{:?}", since.elapsed());
}
