//! From joining the group to leaving it: partitions come and go, batches are folded and committed.
//!
//! Nothing uncommitted is held while it polls, so partitions can be taken away at any poll: whatever was folded in is committed or forgotten.
use crate::fold::Fold;
use crate::held::Held;
use crate::machine::{Actions, Machine};
use crate::metrics::METRICS;
use crate::opening::Opening;
use crate::partition::{Broken, Pace, Partition};
use crate::state::StateError;
use crate::worker::{Shared, Step};
use c360_log::planted::{self, Bug};
use c360_log::{Batch, Change, Consumed, LogError, Member, MemberSpec};
use c360_schemas::Tick;
use futures::executor::block_on;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait before a batch that was aborted is done again.
const ABORTED_WAIT: Duration = Duration::from_millis(100);
/// How long to wait for a log that does not answer.
const UNAVAILABLE_WAIT: Duration = Duration::from_millis(500);

/// The member must be made anew.
pub(crate) struct Ended {
    /// A label of the metric.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Ended {
    pub(crate) fn new(reason: &'static str, why: impl ToString) -> Self {
        Self { reason, message: why.to_string() }
    }
}

impl From<StateError> for Ended {
    fn from(error: StateError) -> Self {
        Self::new("state", error)
    }
}

pub(crate) struct Session<M: Machine> {
    pub(crate) member: Box<dyn Member>,
    pub(crate) partitions: BTreeMap<u32, Partition<M>>,
    pub(crate) opening: Opening,
    actions: Actions<M::Effect>,
    /// Effects of the batch in hand, by partition.
    effects: Vec<(u32, Vec<M::Effect>)>,
    /// What had come when a batch was full.
    held: Held,
    flushed_at: Duration,
    /// More records wait than a batch takes.
    behind: bool,
}

/// What a batch broke on.
enum BatchError {
    Broken(Broken),
    Log(LogError),
}

impl<M: Machine> Session<M> {
    pub(crate) fn join(shared: &Shared<M>) -> Result<Self, Ended> {
        let parts = &shared.parts;
        let spec = MemberSpec {
            group: M::NAME.into(),
            topics: M::INPUTS.to_vec(),
            instance: format!("{}-{}", parts.config.node, parts.number),
            worker: parts.number,
            workers: parts.config.workers,
        };
        Ok(Self {
            member: parts.log.member(&spec).map_err(|error| Ended::new("fatal", error))?,
            partitions: BTreeMap::new(),
            opening: Opening::default(),
            actions: Actions::default(),
            effects: Vec::new(),
            held: Held::default(),
            flushed_at: (parts.monotonic)(),
            behind: false,
        })
    }

    pub(crate) fn turn(&mut self, shared: &mut Shared<M>) -> Result<Step, Ended> {
        if !self.opening.is_empty() {
            let step = self.open_next(shared)?;
            self.go_live(shared)?;
            return Ok(step);
        }
        let (folded, changes) = match self.fold(shared) {
            Ok(done) => done,
            Err(error) => return self.recover(shared, error),
        };
        let step = match folded {
            Some(records) => {
                METRICS.records.with_label_values(&[M::NAME]).inc_by(records);
                self.commit(shared, records)?
            }
            None if changes.is_empty() => {
                self.tick_where_due(shared);
                if self.speak() { self.commit(shared, 0)? } else { Step::Idle }
            }
            None => Step::Changed,
        };
        for change in changes {
            self.change(shared, change);
        }
        self.maintain(shared)?;
        Ok(step)
    }

    /// Polls, or goes on with what was held, and folds it in; how many records, where there is something to commit.
    fn fold(&mut self, shared: &Shared<M>) -> Result<(Option<u64>, Vec<Change>), BatchError> {
        let config = &shared.parts.config;
        let mut fold = Fold {
            partitions: &mut self.partitions,
            actions: &mut self.actions,
            effects: &mut self.effects,
            poisoned: &shared.poisoned,
            clock: &shared.parts.clock,
            timers_left: config.batch_timers_max,
            records: 0,
            full: false,
        };
        let mut changes = Vec::new();
        if self.held.is_empty() {
            let (held, mut broken) = (&mut self.held, None);
            let polled = self.member.poll(config.poll_wait, config.batch_records_max, &mut |record| {
                if broken.is_none()
                    && let Err(error) = fold.take_or_hold(&record, held)
                {
                    broken = Some(error);
                }
            });
            if let Some(broken) = broken {
                return Err(BatchError::Broken(broken));
            }
            changes = polled.map_err(BatchError::Log)?;
        } else {
            self.held.drain(|record| fold.take(record)).map_err(BatchError::Broken)?;
        }
        let (records, full) = (fold.records, fold.full);
        Ok(((records > 0 || full).then_some(records), changes))
    }

    /// The log first, then the rows, then the world.
    fn commit(&mut self, shared: &mut Shared<M>, records: u64) -> Result<Step, Ended> {
        let started = Instant::now();
        self.measure_lag(shared);
        let speech = self.pace(shared, Duration::ZERO);
        for partition in self.partitions.values_mut().filter(|p| p.is_touched()) {
            partition.finish(speech, &mut self.actions)?;
            if !self.actions.effects.is_empty() {
                self.effects.push((partition.number, std::mem::take(&mut self.actions.effects)));
            }
            if planted::is_on(Bug::StateBeforeCommit) {
                partition.commit_too_early()?;
            }
        }
        let consumed: Vec<Consumed> = self.partitions.values().filter(|p| p.is_touched()).flat_map(Partition::consumed).collect();
        if !consumed.is_empty()
            && let Err(error) = self.member.commit(&self.actions.outputs, &consumed)
        {
            return self.recover(shared, BatchError::Log(error));
        }
        self.actions.outputs.clear();
        for partition in self.partitions.values_mut().filter(|p| p.is_touched()) {
            partition.commit();
        }
        shared.forget_poison(&self.partitions);
        METRICS.commit.with_label_values(&[M::NAME]).observe(started.elapsed().as_secs_f64());
        for (partition, effects) in self.effects.drain(..) {
            shared.parts.shell.perform(partition, effects);
        }
        self.go_live(shared)?;
        Ok(Step::Worked(records))
    }

    /// Things may wait longer while many records do.
    fn pace(&self, shared: &Shared<M>, patience: Duration) -> Pace {
        let patience = if self.behind { shared.parts.config.patience_behind } else { patience };
        Pace { now: (shared.parts.monotonic)(), patience }
    }

    /// Whether somebody has something left to say.
    fn speak(&mut self) -> bool {
        let mut any = false;
        for partition in self.partitions.values_mut().filter(|p| p.owes()) {
            partition.touch();
            any = true;
        }
        any
    }

    fn go_live(&mut self, shared: &Shared<M>) -> Result<(), Ended> {
        for partition in self.partitions.values_mut().filter(|p| !p.is_live()) {
            if partition.try_go_live(&mut self.actions)? {
                tracing::debug!(machine = M::NAME, partition = partition.number, "live");
                let effects = std::mem::take(&mut self.actions.effects);
                shared.parts.shell.perform(partition.number, effects);
                // What on_live may have noted in the state goes with the next batch.
            }
        }
        Ok(())
    }

    /// A batch is thrown away: the partitions start again from what is committed. Errors that the member survives are dealt with here.
    fn recover(&mut self, shared: &mut Shared<M>, error: BatchError) -> Result<Step, Ended> {
        self.actions = Actions::default();
        self.effects.clear();
        match error {
            BatchError::Broken(Broken::Panic(what, message)) => {
                tracing::error!(machine = M::NAME, ?what, message, "the machine broke down: this goes to the dead letters");
                METRICS.rebuilds.with_label_values(&[M::NAME, "panic"]).inc();
                shared.poisoned.insert(what);
                self.reopen_all();
                Ok(Step::Changed)
            }
            BatchError::Broken(Broken::State(error)) => Err(error.into()),
            BatchError::Log(LogError::Aborted(message)) => {
                tracing::warn!(machine = M::NAME, message, "the transaction was aborted, the batch is done again");
                METRICS.rebuilds.with_label_values(&[M::NAME, "aborted"]).inc();
                self.reopen_all();
                Ok(Step::Pause(ABORTED_WAIT))
            }
            BatchError::Log(error @ LogError::Fenced(_)) => Err(Ended::new("fenced", error)),
            // A new member starts where there is something: it may only be the client that lost its place.
            BatchError::Log(error @ LogError::OffsetGone { .. }) => Err(Ended::new("offset", error)),
            BatchError::Log(error @ LogError::Unknown(_)) => Err(Ended::new("unknown", error)),
            BatchError::Log(error @ (LogError::Fatal(_) | LogError::Setup(_) | LogError::TooLarge(_))) => Err(Ended::new("fatal", error)),
            BatchError::Log(error) => {
                tracing::warn!(machine = M::NAME, %error, "the log does not answer, trying again");
                if self.partitions.values().any(Partition::is_touched) {
                    self.reopen_all();
                }
                Ok(Step::Pause(UNAVAILABLE_WAIT))
            }
        }
    }

    fn change(&mut self, shared: &mut Shared<M>, change: Change) {
        match change {
            Change::Assigned(numbers) => {
                tracing::info!(machine = M::NAME, worker = shared.parts.number, partitions = ?numbers, "assigned");
                for number in numbers {
                    self.partitions.remove(&number);
                    self.opening.add(number, None);
                }
            }
            Change::Revoked(numbers) => {
                tracing::info!(machine = M::NAME, worker = shared.parts.number, partitions = ?numbers, "revoked");
                if let Some(snapshots) = &mut shared.snapshots {
                    numbers.iter().for_each(|number| snapshots.forget(*number));
                }
                for partition in numbers.iter().filter_map(|number| self.partitions.remove(number)) {
                    write(partition, shared, false);
                }
            }
        }
    }

    /// All partitions start again from their committed rows, in memory nothing is kept.
    fn reopen_all(&mut self) {
        self.held.clear();
        for (number, old) in std::mem::take(&mut self.partitions) {
            self.opening.add(number, Some(Arc::clone(old.storage())));
        }
    }

    /// Appends a tick where a timer is due and nothing else comes.
    fn tick_where_due(&mut self, shared: &Shared<M>) {
        let now = shared.parts.clock.now_ms();
        let mut batch = Batch::default();
        let mut asked = Vec::new();
        for partition in self.partitions.values() {
            if partition.is_live() && partition.tick_awaited.is_none() && partition.next_due().is_some_and(|due| due <= now) {
                batch.push_with(M::INPUTS[0], Some(partition.number), |_| (), |_| (), |value| Tick { at: now }.encode(value));
                asked.push(partition.number);
            }
        }
        if asked.is_empty() {
            return;
        }
        match block_on(shared.parts.log.append(batch)) {
            Ok(appended) => {
                for (number, at) in asked.iter().zip(appended) {
                    if let Some(partition) = self.partitions.get_mut(number) {
                        partition.tick_awaited = Some(at.offset);
                    }
                }
            }
            Err(error) => tracing::warn!(machine = M::NAME, %error, "a tick could not be appended"),
        }
    }

    /// Flushes and snapshots, when they are due.
    fn maintain(&mut self, shared: &mut Shared<M>) -> Result<(), Ended> {
        let config = &shared.parts.config;
        let now = (shared.parts.monotonic)();
        let write = self.pace(shared, config.write_every);
        if !planted::is_on(Bug::StateBeforeCommit) {
            for partition in self.partitions.values_mut() {
                partition.write_if_due(write, config.write_records_max)?;
            }
        }
        let due = now >= self.flushed_at + config.flush_every;
        if due {
            self.flushed_at = now;
        }
        for partition in self.partitions.values_mut() {
            partition.flush_if(due, config.flush_records)?;
        }
        self.snapshot_if_due(shared)
    }

    fn snapshot_if_due(&mut self, shared: &mut Shared<M>) -> Result<(), Ended> {
        for partition in self.partitions.values_mut().filter(|p| p.is_live() && !p.is_touched()) {
            if let Some(snapshots) = &mut shared.snapshots
                && let Some(due) = snapshots.is_due(partition.number)
            {
                partition.write()?;
                snapshots.take(due, partition.storage().as_ref());
            }
            if shared.parts.config.snapshot_every.is_none() {
                hold_the_log(partition, shared);
            }
        }
        Ok(())
    }

    /// How many records wait behind the batch in hand.
    fn measure_lag(&mut self, shared: &Shared<M>) {
        let mut waiting = 0;
        for partition in self.partitions.values_mut() {
            if partition.is_touched() {
                let ends = M::INPUTS.iter().filter_map(|topic| Some((*topic, self.member.end(*topic, partition.number)?)));
                partition.lag = ends.map(|(topic, end)| end.saturating_sub(partition.next(topic))).sum();
                METRICS.lag.with_label_values(&[M::NAME, &partition.number.to_string()]).set(partition.lag as i64);
            }
            waiting += partition.lag;
        }
        self.behind = waiting > shared.parts.config.batch_records_max as u64;
    }

    /// Rows go to disk, so that the next start has nothing to replay.
    pub(crate) fn close(mut self, shared: &Shared<M>) {
        for partition in std::mem::take(&mut self.partitions).into_values() {
            write(partition, shared, true);
        }
    }
}

/// Where no snapshots are taken, the log must keep what the disk has not got.
fn hold_the_log<M: Machine>(partition: &mut Partition<M>, shared: &Shared<M>) {
    if let Some(on_disk) = partition.newly_on_disk() {
        for topic in M::INPUTS {
            shared.parts.log.keep_from(M::NAME, *topic, partition.number, on_disk.next(*topic));
        }
    }
}

/// Lets go of a partition; its rows are written, unless a batch was under way.
fn write<M: Machine>(mut partition: Partition<M>, shared: &Shared<M>, flush: bool) {
    let written = if partition.is_touched() { Ok(()) } else { partition.write() };
    let flushed = written.and_then(|()| if flush { partition.storage().flush(true) } else { Ok(()) });
    if let Err(error) = flushed {
        tracing::warn!(machine = M::NAME, partition = partition.number, %error, "the state was not written; it is replayed from the log at the next start");
    }
    shared.parts.shell.revoked(partition.number);
}
