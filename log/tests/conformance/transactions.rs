//! Transactions: all or nothing.
use super::kit::{POLL, add_in, alone, append, committed, join, one_in, poll_passing, read_all, take, until, upto};
use super::{Fixture, PARTITIONS};
use c360_log::{Batch, Consumed, Log, LogError, MemberSpec};
use c360_schemas::Topic;

const GROUP: &str = "machine";

fn spec() -> MemberSpec {
    alone(GROUP, &[Topic::Events])
}

/// One record in each partition of two topics.
fn outputs(value: &str) -> Batch {
    let mut batch = Batch::default();
    for p in 0..PARTITIONS {
        add_in(&mut batch, Topic::Alerts, p, value);
        add_in(&mut batch, Topic::Deliveries, p, value);
    }
    batch
}

fn visible(log: &dyn Log) -> Vec<String> {
    read_all(log, &[Topic::Alerts, Topic::Deliveries]).into_iter().map(|r| r.text().to_owned()).collect()
}

pub fn outputs_and_offsets_are_committed_together(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 0, "in"));
    let (mut member, _) = join(&*log, &spec());
    take(&mut *member, 1);
    member.commit(&outputs("a"), &[upto(Topic::Events, 0, 1)]).unwrap();
    assert_eq!(visible(&*log), vec!["a"; 8], "visible when commit returns");
    assert_eq!(log.committed(GROUP, Topic::Events).unwrap(), [Some(1), None, None, None]);
    assert_eq!(log.committed("another", Topic::Events).unwrap(), [None; 4]);
    drop((member, log));
    fixture.reopen();
    let log = fixture.log();
    assert_eq!(visible(&*log), vec!["a"; 8]);
    assert_eq!(log.committed(GROUP, Topic::Events).unwrap(), [Some(1), None, None, None]);
}

/// A reader that runs beside commits sees each transaction whole: once it has the last record of one, it finds all others of it.
pub fn nothing_of_a_transaction_shows_before_it_is_committed(fixture: &mut dyn Fixture) {
    const TRANSACTIONS: usize = 20;
    let log = fixture.log();
    let (mut member, _) = join(&*log, &spec());
    std::thread::scope(|scope| {
        let committed = scope.spawn({
            let log = fixture.log();
            move || {
                for n in 0..TRANSACTIONS {
                    // What the group committed is said in the same transaction: whoever sees an output sees the offset.
                    member.commit(&outputs(&n.to_string()), &[upto(Topic::Events, 0, n as u64 + 1)]).unwrap();
                    let offset = log.committed(GROUP, Topic::Events).unwrap()[0];
                    assert_eq!(offset, Some(n as u64 + 1));
                }
            }
        });
        let mut reader = log.reader(&[Topic::Alerts, Topic::Deliveries], &[]).unwrap();
        let mut seen = 0;
        until("all transactions came", || {
            let mut newest = None;
            seen +=
                reader.poll(POLL, 1000, &mut |r| newest = newest.max(std::str::from_utf8(r.value).unwrap().parse::<u64>().ok())).unwrap();
            if let Some(n) = newest {
                let offset = log.committed(GROUP, Topic::Events).unwrap()[0].unwrap_or(0);
                assert!(offset > n, "an output of transaction {n} shows, but the committed offset is {offset}");
            }
            seen == TRANSACTIONS * 2 * PARTITIONS as usize
        });
        committed.join().unwrap();
    });
}

pub fn a_zombie_is_fenced_and_leaves_nothing(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    append(&*log, one_in(Topic::Events, 0, "in"));
    let (mut zombie, _) = join(&*log, &spec());
    take(&mut *zombie, 1);
    zombie.commit(&outputs("before"), &[upto(Topic::Events, 0, 1)]).unwrap();

    let (mut heir, _) = join(&*log, &spec());
    let outcome = zombie.commit(&outputs("zombie"), &[upto(Topic::Events, 0, 9)]);
    assert!(matches!(outcome, Err(LogError::Fenced(_))), "{outcome:?}");
    assert_eq!(visible(&*log), vec!["before"; 8]);
    assert_eq!(committed(&mut *heir, 0), [(Topic::Events, 1)]);

    heir.commit(&outputs("heir"), &[upto(Topic::Events, 0, 2)]).unwrap();
    let outcome = zombie.commit(&outputs("zombie"), &[upto(Topic::Events, 0, 9)]);
    assert!(outcome.is_err(), "still fenced");
    let mut values = visible(&*log);
    values.sort();
    assert_eq!(values, [vec!["before"; 8], vec!["heir"; 8]].concat());
    assert_eq!(log.committed(GROUP, Topic::Events).unwrap()[0], Some(2));
}

pub fn a_failed_commit_leaves_outputs_and_offsets_untouched(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let (mut member, _) = join(&*log, &spec());
    member.commit(&outputs("good"), &[upto(Topic::Events, 0, 5)]).unwrap();
    let mut bad = outputs("bad");
    bad.push_with(Topic::Alerts, Some(0), |_| (), |_| (), |v| v.resize(9 << 20, 7));
    let outcome = member.commit(&bad, &[upto(Topic::Events, 0, 6)]);
    assert!(matches!(outcome, Err(LogError::TooLarge(_))), "{outcome:?}");
    assert_eq!(visible(&*log), vec!["good"; 8]);
    assert_eq!(log.committed(GROUP, Topic::Events).unwrap()[0], Some(5));
    // The member goes on.
    poll_passing(&mut *member, &mut |_| ());
    member.commit(&outputs("next"), &[upto(Topic::Events, 0, 6)]).unwrap();
    let mut values = visible(&*log);
    values.sort();
    assert_eq!(values, [vec!["good"; 8], vec!["next"; 8]].concat());
}

pub fn a_note_comes_back_with_its_offset(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let spec = alone(GROUP, &[Topic::Events, Topic::Alerts]);
    let (mut member, _) = join(&*log, &spec);
    let note = |topic, next, note| Consumed { topic, partition: 1, next, note, owes: false };
    member.commit(&Batch::default(), &[note(Topic::Events, 3, 7)]).unwrap();
    // The same offset with another note, and the largest one.
    member.commit(&Batch::default(), &[note(Topic::Events, 3, u64::MAX)]).unwrap();
    let mut found = member.committed(1).unwrap();
    found.sort_by_key(|c| c.topic != Topic::Events);
    assert_eq!(found, [note(Topic::Events, 3, u64::MAX), note(Topic::Alerts, 0, 0)]);
    assert_eq!(log.standing(GROUP, Topic::Events).unwrap(), [None, Some(note(Topic::Events, 3, u64::MAX)), None, None]);
    // That something is owed is seen from outside, until it is said.
    for owes in [true, false] {
        let standing = Consumed { owes, ..note(Topic::Events, 4, 8) };
        member.commit(&Batch::default(), &[standing]).unwrap();
        assert_eq!(log.standing(GROUP, Topic::Events).unwrap(), [None, Some(standing), None, None]);
        assert!(member.committed(1).unwrap().contains(&standing));
    }
}

pub fn offsets_alone_can_be_committed(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let (mut member, _) = join(&*log, &spec());
    member.commit(&Batch::default(), &[upto(Topic::Events, 1, 3), upto(Topic::Events, 2, 4)]).unwrap();
    member.commit(&Batch::default(), &[upto(Topic::Events, 2, 5)]).unwrap();
    assert_eq!(log.committed(GROUP, Topic::Events).unwrap(), [None, Some(3), Some(5), None]);
    assert_eq!(visible(&*log), [""; 0]);
    member.commit(&Batch::default(), &[]).unwrap();
}
