//! Folding the records of one batch into their partitions.
use crate::held::Held;
use crate::machine::{Actions, Machine};
use crate::partition::{Broken, Partition, Poisoned, Taken};
use c360_log::planted::{self, Bug};
use c360_log::{Clock, RecordRef};
use c360_schemas::{EventsValue, decode_events_value};
use std::collections::{BTreeMap, HashSet};

/// A batch in the making.
pub(crate) struct Fold<'a, M: Machine> {
    pub(crate) partitions: &'a mut BTreeMap<u32, Partition<M>>,
    pub(crate) actions: &'a mut Actions<M::Effect>,
    pub(crate) effects: &'a mut Vec<(u32, Vec<M::Effect>)>,
    pub(crate) poisoned: &'a HashSet<Poisoned>,
    pub(crate) clock: &'a Clock,
    pub(crate) timers_left: u32,
    /// Records that are in it.
    pub(crate) records: u64,
    /// It takes no more.
    pub(crate) full: bool,
}

impl<M: Machine> Fold<'_, M> {
    /// Takes a record in; from the first on that does not fit they are held.
    pub(crate) fn take_or_hold(&mut self, record: &RecordRef<'_>, held: &mut Held) -> Result<(), Broken> {
        if self.full || !self.take(record)? {
            held.push(record);
        }
        Ok(())
    }

    /// Takes a record in; false where it did not fit.
    pub(crate) fn take(&mut self, record: &RecordRef<'_>) -> Result<bool, Broken> {
        let Some(partition) = self.partitions.get_mut(&record.partition) else { return Ok(true) };
        let record = mistaken(record, partition.is_live(), self.clock);
        let taken = partition.take(&record, &mut self.timers_left, self.poisoned, self.actions)?;
        if !self.actions.effects.is_empty() {
            self.effects.push((partition.number, std::mem::take(&mut self.actions.effects)));
        }
        match taken {
            Taken::Yes => self.records += 1,
            Taken::BatchIsFull => self.full = true,
        }
        Ok(taken == Taken::Yes)
    }
}

/// The record, as the planted bug gets a replayed tick's time wrong.
fn mistaken<'a>(record: &RecordRef<'a>, live: bool, clock: &Clock) -> RecordRef<'a> {
    if planted::is_on(Bug::TickFromWallClock) && !live && matches!(decode_events_value(record.value), Ok(EventsValue::Tick(_))) {
        return RecordRef { recorded_at: clock.now_ms(), ..*record };
    }
    *record
}
