use super::*;
use crate::state::RowFn;
use crate::writes::Writes;
use c360_log::Headers;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each of its timers changes very many rows.
struct Sweeping;

const ROWS_OF_A_TIMER: u32 = PENDING_MAX as u32 * 2 / 3;

impl Machine for Sweeping {
    type Effect = Infallible;
    const NAME: &'static str = "sweeping";
    const INPUTS: &'static [Topic] = &[Topic::Events];

    fn apply(&mut self, at: At, _: &RecordRef<'_>, state: &mut State, _: &mut Actions<Infallible>) -> Result<(), ApplyError> {
        if at.offset == 0 {
            (1..=3).for_each(|due| state.set_timer(due, b"sweep"));
        }
        Ok(())
    }

    fn on_timer(&mut self, _: At, timer: &Timer, state: &mut State, _: &mut Actions<Infallible>) -> Result<(), StateError> {
        (0..ROWS_OF_A_TIMER).for_each(|row| state.delete([&[0x10, timer.due as u8][..], &row.to_be_bytes()].concat()));
        Ok(())
    }
}

/// Counts the rows of the largest write.
#[derive(Default)]
struct Largest(AtomicUsize);

impl Rows for Largest {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn scan(&self, _: &[u8], _: &[u8], _: &mut RowFn<'_>) -> Result<(), StateError> {
        Ok(())
    }

    fn meta(&self) -> Result<Meta, StateError> {
        Ok(Meta::default())
    }

    fn commit(&self, rows: Writes<'_>, _: &Meta) -> Result<(), StateError> {
        let mut count = 0;
        rows.each(|_, _| count += 1);
        self.0.fetch_max(count, Ordering::Relaxed);
        Ok(())
    }

    fn flush(&self, _: bool) -> Result<(), StateError> {
        Ok(())
    }

    fn checkpoint(&self, _: &Path) -> Result<(), StateError> {
        Ok(())
    }
}

fn record(offset: u64, recorded_at: i64) -> RecordRef<'static> {
    RecordRef { topic: Topic::Events, partition: 0, offset, recorded_at, key: b"", value: b"", headers: Headers::default() }
}

#[test]
fn timers_that_change_very_many_rows_are_spread_over_batches() {
    let rows = Arc::new(Largest::default());
    let storage: Arc<dyn Rows> = Arc::<Largest>::clone(&rows);
    let mut partition = Partition::open(0, Sweeping, storage, &[], Duration::ZERO).unwrap();
    let (mut actions, unhurried) = (Actions::default(), Pace { now: Duration::ZERO, patience: Duration::MAX });
    let mut batch = |partition: &mut Partition<Sweeping>, record| {
        let taken = partition.take(&record, &mut 100, &HashSet::new(), &mut actions).unwrap();
        partition.commit();
        partition.write_if_due(unhurried, u64::MAX).unwrap();
        taken
    };
    assert_eq!(batch(&mut partition, record(0, 0)), Taken::Yes);
    assert_eq!(batch(&mut partition, record(1, 10)), Taken::BatchIsFull, "two timers are enough for a batch");
    assert_eq!(batch(&mut partition, record(1, 10)), Taken::Yes, "the rest goes with the next one");
    assert_eq!(partition.next(Topic::Events), 2);
    let largest = rows.0.load(Ordering::Relaxed);
    // Beside them the timers themselves.
    assert!(largest >= 2 * ROWS_OF_A_TIMER as usize && largest <= 2 * ROWS_OF_A_TIMER as usize + 3, "{largest} rows in one write");
}

/// Owes something after each record until it is asked to speak.
#[derive(Default)]
struct Slow(bool);

impl Machine for Slow {
    type Effect = Infallible;
    const NAME: &'static str = "slow";
    const INPUTS: &'static [Topic] = &[Topic::Events];

    fn apply(&mut self, _: At, _: &RecordRef<'_>, _: &mut State, _: &mut Actions<Infallible>) -> Result<(), ApplyError> {
        self.0 = true;
        Ok(())
    }

    fn on_timer(&mut self, _: At, _: &Timer, _: &mut State, _: &mut Actions<Infallible>) -> Result<(), StateError> {
        Ok(())
    }

    fn flush(&mut self, _: At, _: &mut State, actions: &mut Actions<Infallible>) -> Result<(), StateError> {
        self.0 = false;
        actions.outputs.push(Topic::Profiles, |key| key.push(b'k'), |value| value.push(b'v'));
        Ok(())
    }

    fn owes(&self) -> bool {
        self.0
    }
}

#[test]
fn who_commits_before_it_has_said_all_says_so() {
    let storage: Arc<dyn Rows> = Arc::new(Largest::default());
    let mut partition = Partition::open(0, Slow::default(), storage, &[], Duration::ZERO).unwrap();
    let mut actions = Actions::default();
    assert!(partition.try_go_live(&mut actions).unwrap());
    let (busy, idle) =
        (Pace { now: Duration::ZERO, patience: Duration::from_secs(5) }, Pace { now: Duration::ZERO, patience: Duration::ZERO });
    partition.take(&record(0, 0), &mut 100, &HashSet::new(), &mut actions).unwrap();
    let mut committed = |partition: &mut Partition<Slow>, pace| {
        partition.finish(pace, &mut actions).unwrap();
        let standing: Vec<(u64, bool)> = partition.consumed().map(|c| (c.next, c.owes)).collect();
        partition.commit();
        standing
    };
    assert_eq!(committed(&mut partition, busy), [(1, true)], "all of it is consumed, and a profile is owed");
    partition.touch();
    assert_eq!(committed(&mut partition, idle), [(1, false)], "the same offset again, now that it was said");
}
