//! Members: who gets what, and from where.
use super::kit::{POLL, alone, append, batch, committed, join, one_in, poll_passing, take, until, upto};
use super::{Fixture, PARTITIONS};
use c360_log::{Batch, Change, Consumed, Member, MemberSpec};
use c360_schemas::Topic;
use std::collections::BTreeSet;

pub fn workers_share_the_partitions_without_overlap(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, batch(Topic::Events, (0..400).map(|i| (format!("t/{i}"), i.to_string()))));
    let spec = |worker: u32| MemberSpec { instance: format!("w{worker}"), worker, workers: 3, ..alone("shared", &[Topic::Events]) };
    let mut members: Vec<_> = (0..3).map(|w| (log.member(&spec(w)).unwrap(), BTreeSet::new())).collect();
    let mut seen: Vec<(u32, u64)> = Vec::new();
    // On Kafka assignments move until all have joined: what is read is committed at once, so that nothing comes twice.
    until("all records came, each partition has one owner, and each worker a share", || {
        for (worker, (member, owned)) in (0..).zip(&mut members) {
            let mut came = Vec::new();
            for change in poll_passing(&mut **member, &mut |r| came.push((r.partition, r.offset))) {
                follow(&mut **member, owned, change);
            }
            let mut next: Vec<Consumed> = Vec::new();
            for &(p, offset) in &came {
                assert!(owned.contains(&p), "a record of partition {p}, which it does not own");
                next.retain(|n| n.partition != p);
                next.push(upto(Topic::Events, p, offset + 1));
            }
            if came.is_empty() || member.commit(&Batch::default(), &next).is_ok() {
                seen.extend(came);
            } else {
                // The assignment is moving: a new member reads again what was not committed.
                (*member, *owned) = (log.member(&spec(worker)).unwrap(), BTreeSet::new());
            }
        }
        let owned: Vec<u32> = members.iter().flat_map(|m| m.1.iter().copied()).collect();
        let distinct: BTreeSet<u32> = owned.iter().copied().collect();
        let shared = members.iter().all(|m| !m.1.is_empty());
        seen.len() >= 400 && owned.len() == PARTITIONS as usize && distinct.len() == owned.len() && shared
    });
    let distinct: BTreeSet<_> = seen.iter().copied().collect();
    assert_eq!((seen.len(), distinct.len()), (400, 400));
}

fn follow(member: &mut dyn Member, owned: &mut BTreeSet<u32>, change: Change) {
    match change {
        Change::Assigned(partitions) => {
            for p in partitions {
                let from = committed(member, p);
                member.start(p, &from).unwrap();
                owned.insert(p);
            }
        }
        Change::Revoked(partitions) => owned.retain(|p| !partitions.contains(p)),
    }
}

pub fn a_member_gets_each_record_of_its_partitions_once_and_in_order(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let topics = [Topic::Events, Topic::Alerts];
    let (mut member, mut assigned) = join(&*log, &alone("once", &topics));
    assigned.sort_unstable();
    assert_eq!(assigned, (0..PARTITIONS).collect::<Vec<_>>());
    let mut expected = Vec::new();
    for round in 0..10 {
        for topic in topics {
            let records = (0..30).map(|i| (format!("t/{i}"), format!("{round}")));
            expected.extend(append(&*log, batch(topic, records)).into_iter().map(|a| (a.topic, a.partition, a.offset)));
        }
    }
    let came: Vec<_> = take(&mut *member, expected.len()).into_iter().map(|r| (r.topic, r.partition, r.offset)).collect();
    for topic in topics {
        for p in 0..PARTITIONS {
            let of = |all: &[(Topic, u32, u64)]| all.iter().filter(|r| (r.0, r.1) == (topic, p)).copied().collect::<Vec<_>>();
            assert_eq!(of(&came), of(&expected), "{topic:?} {p}");
            let end = expected.iter().filter(|r| (r.0, r.1) == (topic, p)).map(|r| r.2 + 1).max();
            assert!(member.end(topic, p) >= end, "the end is known by now");
        }
    }
    let mut more = 0;
    poll_passing(&mut *member, &mut |_| more += 1);
    assert_eq!(more, 0);
}

pub fn a_new_group_starts_at_the_first_record(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 1, "early"));
    assert_eq!(log.committed("new", Topic::Events).unwrap(), [None; PARTITIONS as usize]);
    let (mut member, _) = join(&*log, &alone("new", &[Topic::Events]));
    assert_eq!(committed(&mut *member, 1), [(Topic::Events, 0)]);
    assert_eq!(take(&mut *member, 1)[0].text(), "early");
}

pub fn a_member_resumes_at_its_committed_offsets(fixture: &mut dyn Fixture) {
    let topics = [Topic::Events, Topic::Unresolved];
    let log = fixture.log();
    for topic in topics {
        for i in 0..10 {
            append(&*log, one_in(topic, 3, &i.to_string()));
        }
    }
    let (mut member, _) = join(&*log, &alone("resume", &topics));
    take(&mut *member, 20);
    member.commit(&Batch::default(), &[upto(Topic::Events, 3, 4), upto(Topic::Unresolved, 3, 9)]).unwrap();
    drop((member, log));
    fixture.reopen();

    let log = fixture.log();
    let (mut member, _) = join(&*log, &alone("resume", &topics));
    let mut committed = committed(&mut *member, 3);
    committed.sort();
    assert_eq!(committed, [(Topic::Unresolved, 9), (Topic::Events, 4)]);
    let mut values: Vec<_> = take(&mut *member, 7).into_iter().map(|r| (r.topic, r.text().to_owned())).collect();
    values.sort();
    let expected = [(Topic::Unresolved, "9"), (Topic::Events, "4"), (Topic::Events, "5"), (Topic::Events, "6"), (Topic::Events, "7")];
    assert_eq!(values[..5], expected.map(|(t, v)| (t, v.to_owned())));
    let nothing = member.poll(POLL, 10, &mut |r| panic!("one more: {r:?}")).unwrap();
    assert_eq!(nothing, []);
}

/// Not on Kafka: there a new member does it.
pub fn a_partition_is_read_anew_from_an_earlier_offset_and_the_others_go_on(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let topics = [Topic::Events, Topic::Alerts];
    for n in 0..6 {
        for (topic, partition) in [(topics[0], 0), (topics[0], 1), (topics[1], 1)] {
            append(&*log, one_in(topic, partition, &n.to_string()));
        }
    }
    let (mut member, _) = join(&*log, &alone("anew", &topics));
    take(&mut *member, 18);
    // As after a batch that was thrown away; what comes meanwhile comes once.
    append(&*log, one_in(Topic::Events, 1, "6"));
    member.start(1, &[(Topic::Events, 4), (Topic::Alerts, 5)]).unwrap();
    append(&*log, one_in(Topic::Events, 0, "6"));
    let mut came: Vec<_> = take(&mut *member, 5).into_iter().map(|r| (r.topic, r.partition, r.offset)).collect();
    came.sort();
    let (e, a) = (Topic::Events, Topic::Alerts);
    let mut expected = vec![(e, 0, 6), (e, 1, 4), (e, 1, 5), (e, 1, 6), (a, 1, 5)];
    expected.sort();
    assert_eq!(came, expected);
    poll_passing(&mut *member, &mut |r| panic!("one more: {r:?}"));
    assert!(member.start(PARTITIONS, &[(Topic::Events, 0), (Topic::Alerts, 0)]).is_err(), "it is nobody's");
}
