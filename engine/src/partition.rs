//! One partition of one machine: its state, how far it is, and the fold of a record with all that can go wrong in it.
use crate::dead_letter;
use crate::machine::{Actions, ApplyError, At, Machine};
use crate::state::{State, StateError, Timer};
use crate::storage::{Meta, Storage};
use c360_log::RecordRef;
use c360_schemas::{Position, Progress, Topic, Wire};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a machine broke down on; skipped, and sent to the dead letters, when the batch is done again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Poisoned {
    Record(Topic, u64),
    Timer(i64, Vec<u8>),
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

/// A partition in the hands of a worker.
pub(crate) struct Partition<M: Machine> {
    pub(crate) number: u32,
    machine: M,
    state: State,
    storage: Arc<Storage>,
    /// With the batch in hand.
    meta: Meta,
    /// C, the group's committed offsets when the partition was opened or last committed: records before it are replayed in silence.
    committed: Meta,
    live: bool,
    touched: bool,
    last_offset: u64,
    /// Offset of a tick that was asked for and has not come yet.
    pub(crate) tick_awaited: Option<u64>,
}

impl<M: Machine> Partition<M> {
    /// A partition over `storage`, with the group's `committed` offsets.
    pub(crate) fn open(number: u32, machine: M, storage: Arc<Storage>, committed: &[(Topic, u64)]) -> Result<Self, StateError> {
        let meta = storage.meta()?;
        let state = State::open(Box::new(Arc::clone(&storage)))?;
        let mut known = Meta { positions: Vec::new(), now: meta.now };
        for (topic, next) in committed {
            known.set(*topic, *next);
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

    pub(crate) fn storage(&self) -> &Arc<Storage> {
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

    /// Folds one record in; outputs and effects of a record that was committed before are dropped.
    pub(crate) fn take(
        &mut self,
        record: &RecordRef<'_>,
        poisoned: &HashSet<Poisoned>,
        actions: &mut Actions<M::Effect>,
    ) -> Result<(), Broken> {
        if record.offset < self.meta.next(record.topic) {
            return Ok(());
        }
        let (outputs, effects) = (actions.outputs.len(), actions.effects.len());
        self.touched = true;
        self.last_offset = record.offset;
        self.fire_timers(record, poisoned, actions)?;
        self.meta.now = self.meta.now.max(record.recorded_at);
        self.fold(record, poisoned, actions)?;
        self.meta.set(record.topic, record.offset + 1);
        if record.offset < self.committed.next(record.topic) {
            actions.outputs.truncate(outputs);
            actions.effects.truncate(effects);
        }
        Ok(())
    }

    /// Fires what is due up to the record's time, each at its own time.
    fn fire_timers(
        &mut self,
        record: &RecordRef<'_>,
        poisoned: &HashSet<Poisoned>,
        actions: &mut Actions<M::Effect>,
    ) -> Result<(), Broken> {
        let until = self.meta.now.max(record.recorded_at);
        while let Some(timer) = self.state.pop_due(until)? {
            self.meta.now = self.meta.now.max(timer.due);
            let id = Poisoned::Timer(timer.due, timer.key.clone());
            if poisoned.contains(&id) {
                dead_letter::timer::<M>(&timer, record, self.meta.now, actions);
                continue;
            }
            self.fire(&timer, record.offset, actions).map_err(|panic| match panic {
                Ok(state) => Broken::State(state),
                Err(message) => Broken::Panic(id, message),
            })?;
        }
        Ok(())
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
        let (outputs, effects) = (actions.outputs.len(), actions.effects.len());
        let id = Poisoned::Record(record.topic, record.offset);
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
                actions.outputs.truncate(outputs);
                actions.effects.truncate(effects);
                dead_letter::record::<M>(record, reason, &message, self.meta.now, actions);
                Ok(())
            }
        }
    }

    /// The end of a batch: the machine writes back, and the progress record follows its outputs.
    pub(crate) fn finish(&mut self, actions: &mut Actions<M::Effect>) -> Result<(), StateError> {
        let (outputs, effects) = (actions.outputs.len(), actions.effects.len());
        let at = self.at(self.last_offset);
        self.machine.flush(at, &mut self.state, actions)?;
        if self.consumed().next().is_none() {
            // All of it was committed before.
            actions.outputs.truncate(outputs);
            actions.effects.truncate(effects);
        } else {
            self.say_progress(actions);
        }
        Ok(())
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

    /// What the batch moves past C: topic, partition, next offset.
    pub(crate) fn consumed(&self) -> impl Iterator<Item = (Topic, u32, u64)> {
        (self.meta.positions.iter())
            .filter(|(topic, next)| *next > self.committed.next(*topic))
            .map(|(topic, next)| (*topic, self.number, *next))
    }

    /// The log has committed the batch: now the rows.
    pub(crate) fn commit(&mut self) -> Result<(), StateError> {
        self.storage.commit(self.state.pending(), &self.meta)?;
        self.state.committed();
        for (topic, next) in &self.meta.positions {
            if *next > self.committed.next(*topic) {
                self.committed.set(*topic, *next);
            }
        }
        self.touched = false;
        if self.tick_awaited.is_some_and(|offset| self.meta.next(M::INPUTS[0]) > offset) {
            self.tick_awaited = None;
        }
        Ok(())
    }

    /// Goes live when everything that was committed is replayed; effects that a crash may have lost are said again.
    pub(crate) fn try_go_live(&mut self, actions: &mut Actions<M::Effect>) -> Result<bool, StateError> {
        if self.live || self.committed.positions.iter().any(|(topic, next)| self.meta.next(*topic) < *next) {
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

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    (panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
