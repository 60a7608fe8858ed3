//! A worker: one seat in the machine's group, and the partitions that come with it. It goes step by step and never sleeps, so that a thread can run it, or a simulator.
use crate::config::EngineConfig;
use crate::machine::{Machine, Shell};
use crate::metrics::METRICS;
use crate::partition::{Partition, Poisoned};
use crate::session::{Ended, Session};
use crate::snapshot::Snapshots;
use crate::storage::Disk;
use c360_log::{Clock, Log};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before a worker is made anew.
const REBUILD_WAIT: Duration = Duration::from_millis(500);

/// Everything a worker is given.
pub struct WorkerParts<M: Machine> {
    pub log: Arc<dyn Log>,
    pub clock: Clock,
    pub config: EngineConfig,
    /// Makes a machine for a partition.
    pub make: Arc<dyn Fn() -> M + Send + Sync>,
    pub shell: Arc<dyn Shell<M::Effect>>,
    pub disk: Arc<dyn Disk>,
    /// Time that only goes on; for how often rows are flushed.
    pub monotonic: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Its number among the workers of its process.
    pub number: u32,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch of so many records was committed. 0: only timers.
    Worked(u64),
    /// Nothing was there.
    Idle,
    /// Partitions came or went.
    Changed,
    /// To be called again after a while.
    Pause(Duration),
    /// The seat was given up, for this reason (a label); the next step takes a new one. To be called again after a while.
    Rebuilt(&'static str, Duration),
}

/// One worker of a machine.
pub struct Worker<M: Machine> {
    shared: Shared<M>,
    session: Option<Session<M>>,
}

/// What survives sessions.
pub(crate) struct Shared<M: Machine> {
    pub(crate) parts: WorkerParts<M>,
    pub(crate) snapshots: Option<Snapshots>,
    /// What a machine broke down on is skipped from then on.
    pub(crate) poisoned: HashSet<Poisoned>,
}

impl<M: Machine> Shared<M> {
    /// What was committed is behind us; where it must be replayed the machine breaks down on it again, and it is skipped again.
    pub(crate) fn forget_poison(&mut self, partitions: &BTreeMap<u32, Partition<M>>) {
        self.poisoned.retain(|poisoned| match poisoned {
            Poisoned::Record(partition, topic, offset) => partitions.get(partition).is_some_and(|p| p.next(*topic) <= *offset),
            Poisoned::Timer(partition, due, _) => partitions.get(partition).and_then(Partition::next_due).is_some_and(|next| next <= *due),
        });
    }
}

impl<M: Machine> Worker<M> {
    /// A worker that has no seat yet.
    pub fn new(parts: WorkerParts<M>) -> Self {
        Self { shared: Shared { parts, snapshots: None, poisoned: HashSet::new() }, session: None }
    }

    pub(crate) fn with_snapshots(mut self, snapshots: Option<Snapshots>) -> Self {
        self.shared.snapshots = snapshots;
        self
    }

    /// Does one thing: takes a seat, opens a partition, or polls, folds and commits a batch.
    pub fn step(&mut self) -> Step {
        let session = match &mut self.session {
            Some(session) => session,
            None => match Session::join(&self.shared) {
                Ok(session) => self.session.insert(session),
                Err(ended) => return self.rebuild(ended),
            },
        };
        match session.turn(&mut self.shared) {
            Ok(step) => step,
            Err(ended) => self.rebuild(ended),
        }
    }

    fn rebuild(&mut self, Ended { reason, message }: Ended) -> Step {
        self.close();
        METRICS.rebuilds.with_label_values(&[M::NAME, reason]).inc();
        tracing::warn!(machine = M::NAME, worker = self.shared.parts.number, reason, message, "the worker is made anew");
        Step::Rebuilt(reason, REBUILD_WAIT)
    }

    /// Gives the seat up: rows go to disk, so that the next start has nothing to replay.
    pub fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close(&self.shared);
        }
        if let Some(snapshots) = &mut self.shared.snapshots {
            snapshots.forget_all();
        }
    }
}
