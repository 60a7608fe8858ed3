//! What runs on the engine.
use crate::state::{State, StateError};
use crate::timers::Timer;
use c360_log::{Batch, RecordRef};
use c360_schemas::Topic;

/// Where in time and in the log a machine stands. All a machine may know of time: there is no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The partition's time, UTC ms; never goes back.
    pub now: i64,
    pub partition: u32,
    /// Offset of the record in hand; in [`Machine::flush`] of the last one of the batch.
    pub offset: u64,
}

/// What a machine wants done: records into the log, in the batch's transaction, and effects on the world after it.
#[derive(Debug)]
pub struct Actions<E> {
    pub outputs: Batch,
    pub effects: Vec<E>,
}

impl<E> Default for Actions<E> {
    fn default() -> Self {
        Self { outputs: Batch::default(), effects: Vec::new() }
    }
}

/// Why a record was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The record makes no sense and never will: it goes to the dead letters under `reason` (a label out of a fixed set), and its offset is passed. Nothing of it may be in the state.
    #[error("{reason}: {message}")]
    Poison { reason: &'static str, message: String },
    /// The state could not be read: the partition is opened anew.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A deterministic fold over the records of one partition: the same records give the same state, outputs and effects. No I/O, no clock, no random numbers, no metrics.
///
/// A machine may keep decoded rows in memory, dirty ones too: [`Machine::write_back`] puts them into the state before it is written, which is not after each batch. After a batch
/// that failed the engine makes a new machine over the rows that were written, and replays.
pub trait Machine: Send + 'static {
    /// What the shell does after the commit.
    type Effect: Send + 'static;

    /// Its name: consumer group, folder of its state, label in metrics.
    const NAME: &'static str;
    /// What it consumes; partitions of the same number belong together.
    const INPUTS: &'static [Topic];

    /// Folds one record in.
    ///
    /// # Errors
    /// See [`ApplyError`].
    fn apply(&mut self, at: At, record: &RecordRef<'_>, state: &mut State, actions: &mut Actions<Self::Effect>) -> Result<(), ApplyError>;

    /// A timer set with [`State::set_timer`] is due. `at.now` is the time it was due at (or the partition's, where that is later); it is gone already. Timers fire in the order of
    /// their times, before the record that moved time past them.
    ///
    /// # Errors
    /// Where the state could not be read.
    fn on_timer(&mut self, at: At, timer: &Timer, state: &mut State, actions: &mut Actions<Self::Effect>) -> Result<(), StateError>;

    /// The end of a batch, before it is committed: say what is said of a customer once and not for each record (profiles). It is left out while many records wait, and on a replay:
    /// what was not said stays owed. When that is is not part of the log, so nothing that must be the same on a replay may depend on it. Long speeches go in several parts, see
    /// [`Machine::owes`].
    ///
    /// # Errors
    /// Where the state could not be read.
    fn flush(&mut self, at: At, state: &mut State, actions: &mut Actions<Self::Effect>) -> Result<(), StateError> {
        let _ = (at, state, actions);
        Ok(())
    }

    /// Whether [`Machine::flush`] has something left to say.
    fn owes(&self) -> bool {
        false
    }

    /// Whether so much is left to say that it is said now, however many records wait: what is owed takes memory.
    fn owes_much(&self) -> bool {
        false
    }

    /// The rows are about to be written: dirty ones go back to the state, and what is still owed is noted in it.
    ///
    /// # Errors
    /// Where a row cannot be encoded.
    fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        let _ = state;
        Ok(())
    }

    /// Whether so much is held in memory that the rows are to be written soon.
    fn is_full(&self) -> bool {
        false
    }

    /// The partition goes live after a start: effects that a crash may have lost are said again here, and those of records that came on one input while another was still replayed.
    /// Outputs are not allowed.
    ///
    /// # Errors
    /// Where the state could not be read.
    fn on_live(&mut self, at: At, state: &mut State, actions: &mut Actions<Self::Effect>) -> Result<(), StateError> {
        let _ = (at, state, actions);
        Ok(())
    }
}

/// Performs a machine's effects; shared by all partitions of a process.
pub trait Shell<E>: Send + Sync + 'static {
    /// Called by the worker's thread after the commit: must not block.
    fn perform(&self, partition: u32, effects: Vec<E>);
    /// The partition went to somebody else: what is pending for it is no longer ours.
    fn revoked(&self, partition: u32) {
        let _ = partition;
    }
}

/// The shell of machines without effects.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEffects;

impl Shell<std::convert::Infallible> for NoEffects {
    fn perform(&self, _partition: u32, _effects: Vec<std::convert::Infallible>) {}
}
