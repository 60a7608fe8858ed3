//! One partition of one machine: its state, how far it is, and the fold of a record with all that can go wrong in it.
use crate::dead_letter;
use crate::machine::{Actions, ApplyError, At, Machine};
use crate::state::{State, StateError};
use crate::storage::{Meta, Rows};
use crate::timers::Timer;
use c360_log::planted::{self, Bug};
use c360_log::{Consumed, RecordRef};
use c360_schemas::{Position, Progress, Topic, Wire};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Rows that timers may change before they are written: one timer may change very many, and days of them may be due at once.
const PENDING_MAX: usize = 50_000;

/// What a machine broke down on, by partition; skipped, and sent to the dead letters, when the batch is done again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Poisoned {
    Record(u32, Topic, u64),
    Timer(u32, i64, Vec<u8>),
}

/// Why a batch must be thrown away.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The machine panicked: its memory is not to be trusted.
    Panic(Poisoned, String),
    State(StateError),
}

impl From<StateError> for Broken {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// What came of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is in the batch.
    Yes,
    /// More timers are due before it than one batch takes: it is to come again after the commit.
    BatchIsFull,
}

/// A partition in the hands of a worker.
pub(crate) struct Partition<M: Machine> {
    pub(crate) number: u32,
    machine: M,
    state: State,
    storage: Arc<dyn Rows>,
    /// With the batch in hand.
    meta: Meta,
    /// C, how far the group was when the partition was opened or last committed: what comes before it is replayed in silence.
    committed: Meta,
    live: bool,
    touched: bool,
    last_offset: u64,
    /// Records that were committed and are not in the rows that were written.
    unwritten: u64,
    written_at: Duration,
    /// The machine has said something in the batch in hand.
    spoke: bool,
    said_at: Duration,
    /// Records since the rows were last sent to disk.
    unflushed: u64,
    /// What goes to disk, and what has got there and was not told yet.
    flushing: Option<Meta>,
    on_disk: Option<Meta>,
    /// Records that waited behind the last batch.
    pub(crate) lag: u64,
    /// Offset of a tick that was asked for and has not come yet.
    pub(crate) tick_awaited: Option<u64>,
}

impl<M: Machine> Partition<M> {
    /// A partition over `storage`, with the group's `committed` offsets.
    pub(crate) fn open(number: u32, machine: M, storage: Arc<dyn Rows>, committed: &[Consumed], now: Duration) -> Result<Self, StateError> {
        let meta = storage.meta()?;
        let state = State::open(Box::new(Arc::clone(&storage)))?;
        // Of rows that were open before it is not known what the disk has.
        let on_disk = if storage.is_flushed() { meta.clone() } else { Meta::default() };
        let mut known = Meta { now: meta.now, timers: committed.iter().map(|c| c.note).max().unwrap_or(0), ..Meta::default() };
        for c in committed {
            known.set(c.topic, c.next);
        }
        Ok(Self {
            number,
            machine,
            state,
            storage,
            meta,
            committed: known,
            live: false,
            touched: false,
            last_offset: 0,
            unwritten: 0,
            written_at: now,
            spoke: false,
            said_at: now,
            unflushed: 0,
            flushing: None,
            on_disk: Some(on_disk),
            lag: 0,
            tick_awaited: None,
        })
    }

    /// Where to read on from: S, for each input.
    pub(crate) fn start_from(&self) -> Vec<(Topic, u64)> {
        M::INPUTS.iter().map(|topic| (*topic, self.meta.next(*topic))).collect()
    }

    /// Passes over what the log no longer keeps.
    pub(crate) fn skip_to(&mut self, topic: Topic, next: u64) {
        self.meta.set(topic, next);
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Rows> {
        &self.storage
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    pub(crate) fn next(&self, topic: Topic) -> u64 {
        self.meta.next(topic)
    }

    /// When the first timer may be due, UTC ms.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.state.next_due()
    }

    fn at(&self, offset: u64) -> At {
        At { now: self.meta.now, partition: self.number, offset }
    }

    /// Folds one record in, after the timers that are due before it, at most `timers_left` of them; outputs and effects of what was committed before are dropped.
    pub(crate) fn take(
        &mut self,
        record: &RecordRef<'_>,
        timers_left: &mut u32,
        poisoned: &HashSet<Poisoned>,
        actions: &mut Actions<M::Effect>,
    ) -> Result<Taken, Broken> {
        if record.offset < self.meta.next(record.topic) {
            return Ok(Taken::Yes);
        }
        if !self.live && !self.was_committed(record) {
            // What it says of the past comes before what it says of this record.
            self.try_go_live(actions)?;
        }
        self.touched = true;
        self.last_offset = record.offset;
        self.unwritten += 1;
        if !self.fire_timers(record, timers_left, poisoned, actions)? {
            return Ok(Taken::BatchIsFull);
        }
        let said = (actions.outputs.len(), actions.effects.len());
        self.meta.now = self.meta.now.max(record.recorded_at);
        self.fold(record, poisoned, actions)?;
        self.meta.set(record.topic, record.offset + 1);
        self.keep_silent(self.was_committed(record), actions, said);
        Ok(Taken::Yes)
    }

    /// Takes back what was said before, and what a partition says to the world that is not live yet: another input may still be replayed, and going live says all of it, in order.
    fn keep_silent(&self, said_before: bool, actions: &mut Actions<M::Effect>, (outputs, effects): (usize, usize)) {
        if said_before {
            actions.outputs.truncate(outputs);
        }
        if said_before || !self.live {
            actions.effects.truncate(effects);
        }
    }

    fn was_committed(&self, record: &RecordRef<'_>) -> bool {
        record.offset < self.committed.next(record.topic)
    }

    /// Fires what is due up to the record's time, each at its own time. False where not all of them fitted.
    fn fire_timers(
        &mut self,
        record: &RecordRef<'_>,
        left: &mut u32,
        poisoned: &HashSet<Poisoned>,
        actions: &mut Actions<M::Effect>,
    ) -> Result<bool, Broken> {
        let until = self.meta.now.max(record.recorded_at);
        while self.state.next_due().is_some_and(|due| due <= until) {
            if *left == 0 {
                return Ok(false);
            }
            let Some(timer) = self.state.pop_due(until)? else { break };
            *left -= 1;
            self.meta.now = self.meta.now.max(timer.due);
            self.meta.timers += 1;
            let said = (actions.outputs.len(), actions.effects.len());
            let id = Poisoned::Timer(self.number, timer.due, timer.key.clone());
            if poisoned.contains(&id) {
                dead_letter::timer::<M>(&timer, record, self.meta.now, actions);
            } else {
                self.fire(&timer, record.offset, actions).map_err(|panic| match panic {
                    Ok(state) => Broken::State(state),
                    Err(message) => Broken::Panic(id, message),
                })?;
            }
            self.keep_silent(self.meta.timers <= self.committed.timers || self.was_committed(record), actions, said);
            if self.state.pending_len() >= PENDING_MAX {
                // The batch ends here, and its rows are written after it.
                *left = 0;
            }
        }
        Ok(true)
    }

    fn fire(&mut self, timer: &Timer, offset: u64, actions: &mut Actions<M::Effect>) -> Result<(), Result<StateError, String>> {
        let at = self.at(offset);
        let (machine, state) = (&mut self.machine, &mut self.state);
        match catch_unwind(AssertUnwindSafe(|| machine.on_timer(at, timer, state, actions))) {
            Ok(result) => result.map_err(Ok),
            Err(panic) => Err(Err(panic_message(panic.as_ref()))),
        }
    }

    fn fold(&mut self, record: &RecordRef<'_>, poisoned: &HashSet<Poisoned>, actions: &mut Actions<M::Effect>) -> Result<(), Broken> {
        let said = (actions.outputs.len(), actions.effects.len());
        let id = Poisoned::Record(self.number, record.topic, record.offset);
        let result = if poisoned.contains(&id) {
            Err(ApplyError::Poison { reason: "panic", message: "the machine broke down on it".into() })
        } else {
            let at = self.at(record.offset);
            let (machine, state) = (&mut self.machine, &mut self.state);
            catch_unwind(AssertUnwindSafe(|| machine.apply(at, record, state, actions)))
                .map_err(|panic| Broken::Panic(id, panic_message(panic.as_ref())))?
        };
        match result {
            Ok(()) => Ok(()),
            Err(ApplyError::State(error)) => Err(error.into()),
            Err(ApplyError::Poison { reason, message }) => {
                actions.outputs.truncate(said.0);
                actions.effects.truncate(said.1);
                dead_letter::record::<M>(record, reason, &message, self.meta.now, actions);
                Ok(())
            }
        }
    }

    /// The end of a batch: the machine says what it owes, and the progress record follows its outputs.
    pub(crate) fn finish(&mut self, pace: Pace, actions: &mut Actions<M::Effect>) -> Result<(), StateError> {
        if self.consumed().next().is_none() {
            // All of it was committed before.
            return Ok(());
        }
        if pace.is_due(self.said_at) || self.machine.owes_much() {
            self.said_at = pace.now;
            self.spoke = true;
            let at = self.at(self.last_offset);
            self.machine.flush(at, &mut self.state, actions)?;
        }
        self.say_progress(actions);
        Ok(())
    }

    /// Whether it has something to say though no record came.
    pub(crate) fn owes(&self) -> bool {
        self.live && self.machine.owes()
    }

    /// The next batch is committed even if no record comes.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    fn say_progress(&self, actions: &mut Actions<M::Effect>) {
        let progress = Progress {
            machine: M::NAME.into(),
            partition: self.number as i32,
            positions: (self.meta.positions.iter())
                .map(|(topic, next)| Position { topic: topic.suffix().into(), next_offset: *next as i64 })
                .collect(),
            now: self.meta.now,
        };
        let key = format!("{}/{}", M::NAME, self.number);
        actions.outputs.push(Topic::Progress, |out| out.extend_from_slice(key.as_bytes()), |out| progress.encode(out));
    }

    /// What the batch moves past C. The count of timers goes with each offset; where only timers were fired, with the first input's.
    pub(crate) fn consumed(&self) -> impl Iterator<Item = Consumed> {
        // Who speaks says where he stands, so that only the partition's owner can.
        let fired = self.meta.timers > self.committed.timers || self.spoke || self.owes();
        M::INPUTS.iter().enumerate().filter_map(move |(index, topic)| {
            let next = self.meta.next(*topic).max(self.committed.next(*topic));
            let moves = next > self.committed.next(*topic) || (fired && index == 0);
            let note = self.meta.timers.max(self.committed.timers);
            // One input tells for all.
            let owes = index == 0 && self.owes();
            moves.then(|| Consumed { topic: *topic, partition: self.number, next: mistaken(next), note, owes })
        })
    }

    /// The log has committed the batch.
    pub(crate) fn commit(&mut self) {
        for (topic, next) in &self.meta.positions {
            if *next > self.committed.next(*topic) {
                self.committed.set(*topic, *next);
            }
        }
        self.committed.timers = self.committed.timers.max(self.meta.timers);
        self.touched = false;
        self.spoke = false;
        if self.tick_awaited.is_some_and(|offset| self.meta.next(M::INPUTS[0]) > offset) {
            self.tick_awaited = None;
        }
    }

    /// Writes the rows where that is due; what is not written is replayed from the log after a crash.
    pub(crate) fn write_if_due(&mut self, pace: Pace, records_max: u64) -> Result<(), StateError> {
        let most = records_max.min(PENDING_MAX as u64);
        let full = self.unwritten >= records_max || self.state.pending_len() as u64 >= most || self.machine.is_full();
        if self.unwritten > 0 && (full || pace.is_due(self.written_at)) {
            self.written_at = pace.now;
            self.write()?;
        }
        Ok(())
    }

    /// Writes the rows, all of which are committed in the log.
    pub(crate) fn write(&mut self) -> Result<(), StateError> {
        self.machine.write_back(&mut self.state)?;
        self.storage.commit(self.state.writes(), &self.meta)?;
        self.state.written();
        self.unflushed += self.unwritten;
        self.unwritten = 0;
        Ok(())
    }

    /// The rows before the log, as only a planted bug writes them.
    pub(crate) fn commit_too_early(&mut self) -> Result<(), StateError> {
        self.write()
    }

    /// Sends the rows to disk where that is due, or more than `records_max` records would have to be replayed.
    pub(crate) fn flush_if(&mut self, due: bool, records_max: u64) -> Result<(), StateError> {
        if due && self.storage.is_flushed() {
            self.on_disk = self.flushing.take().or(self.on_disk.take());
        }
        if self.unflushed == 0 || !(due || self.unflushed >= records_max) {
            return Ok(());
        }
        self.unflushed = 0;
        self.flushing = Some(self.storage.meta()?);
        self.storage.flush(false)
    }

    /// How far the rows on disk are, where that has changed.
    pub(crate) fn newly_on_disk(&mut self) -> Option<Meta> {
        self.on_disk.take()
    }

    /// Goes live when everything that was committed is replayed, on all inputs; effects that a crash may have lost are said again.
    pub(crate) fn try_go_live(&mut self, actions: &mut Actions<M::Effect>) -> Result<bool, StateError> {
        let behind = self.committed.positions.iter().any(|(topic, next)| self.meta.next(*topic) < *next);
        if self.live || behind || self.meta.timers < self.committed.timers {
            return Ok(false);
        }
        self.live = true;
        let at = self.at(self.last_offset);
        let outputs = actions.outputs.len();
        self.machine.on_live(at, &mut self.state, actions)?;
        actions.outputs.truncate(outputs);
        Ok(true)
    }
}

/// When things that need not be done after each batch are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) now: Duration,
    /// For so long they may wait.
    pub(crate) patience: Duration,
}

impl Pace {
    fn is_due(self, last: Duration) -> bool {
        self.now >= last + self.patience
    }
}

/// The offset to be committed, as the planted bugs get it wrong.
fn mistaken(next: u64) -> u64 {
    if planted::is_on(Bug::OffsetPlusOne) {
        next + 1
    } else if planted::is_on(Bug::OffsetMinusOne) {
        next.saturating_sub(1)
    } else {
        next
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    (panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

#[cfg(test)]
mod tests;
