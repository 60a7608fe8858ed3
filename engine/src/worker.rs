//! A worker: one thread, one seat in the machine's group, and the partitions that come with it.
//!
//! Nothing uncommitted is held while it polls, so partitions can be taken away at any poll: whatever was folded in is committed or forgotten.
use crate::config::EngineConfig;
use crate::machine::{Actions, Machine, Shell};
use crate::metrics::METRICS;
use crate::open::Opener;
use crate::partition::{Broken, Partition, Poisoned};
use crate::snapshot::Snapshots;
use crate::state::StateError;
use c360_log::{Batch, Change, Clock, Log, LogError, Member, MemberSpec};
use c360_schemas::Tick;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a poll waits for records: also how late a timer may be noticed in a silent partition.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How long a worker waits before it is made anew.
const REBUILD_WAIT: Duration = Duration::from_millis(500);
/// How long a worker keeps at it while a partition's folder is still held by another worker.
const OPEN_RETRIES: u32 = 50;

/// Everything a worker is given.
pub(crate) struct WorkerContext<M: Machine> {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) config: EngineConfig,
    pub(crate) runtime: Handle,
    pub(crate) make: Arc<dyn Fn() -> M + Send + Sync>,
    pub(crate) shell: Arc<dyn Shell<M::Effect>>,
    pub(crate) opener: Opener,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Real time of the last turn of the loop, UTC ms.
    pub(crate) heartbeat: Arc<AtomicI64>,
    pub(crate) number: u32,
}

/// Why a worker ends its session with the log.
enum Ended {
    Stopped,
    /// The member must be made anew.
    Rebuild(&'static str, String),
}

impl From<StateError> for Ended {
    fn from(error: StateError) -> Self {
        Self::Rebuild("state", error.to_string())
    }
}

/// Runs until it is told to stop.
pub(crate) fn run<M: Machine>(context: WorkerContext<M>) {
    let mut worker = Worker { context, poisoned: HashSet::new() };
    while !worker.context.stop.load(Ordering::Relaxed) {
        match worker.session() {
            Ended::Stopped => break,
            Ended::Rebuild(reason, message) => {
                METRICS.rebuilds.with_label_values(&[M::NAME, reason]).inc();
                tracing::warn!(machine = M::NAME, worker = worker.context.number, reason, message, "the worker is made anew");
                worker.wait(REBUILD_WAIT);
            }
        }
    }
}

struct Worker<M: Machine> {
    context: WorkerContext<M>,
    /// Survives sessions: what a machine broke down on is skipped from then on.
    poisoned: HashSet<Poisoned>,
}

impl<M: Machine> Worker<M> {
    fn wait(&self, how_long: Duration) {
        let until = Instant::now() + how_long;
        while Instant::now() < until && !self.context.stop.load(Ordering::Relaxed) {
            self.beat();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn beat(&self) {
        self.context.heartbeat.store(Clock::real_ms(), Ordering::Relaxed);
    }

    fn session(&mut self) -> Ended {
        let spec = MemberSpec {
            group: M::NAME.into(),
            topics: M::INPUTS.to_vec(),
            instance: format!("{}-{}", self.context.config.node, self.context.number),
            worker: self.context.number,
            workers: self.context.config.workers,
        };
        let member = match self.context.log.member(&spec) {
            Ok(member) => member,
            Err(error) => return Ended::Rebuild("fatal", error.to_string()),
        };
        let mut session = Session {
            worker: self,
            member,
            partitions: BTreeMap::new(),
            actions: Actions::default(),
            effects: Vec::new(),
            flushed_at: Instant::now(),
        };
        let ended = session.run();
        session.close();
        ended
    }
}

/// From joining the group to leaving it.
struct Session<'a, M: Machine> {
    worker: &'a mut Worker<M>,
    member: Box<dyn Member>,
    partitions: BTreeMap<u32, Partition<M>>,
    actions: Actions<M::Effect>,
    /// Effects of the batch in hand, by partition.
    effects: Vec<(u32, Vec<M::Effect>)>,
    flushed_at: Instant,
}

impl<M: Machine> Session<'_, M> {
    fn run(&mut self) -> Ended {
        while !self.worker.context.stop.load(Ordering::Relaxed) {
            self.worker.beat();
            if let Err(ended) = self.turn() {
                return ended;
            }
        }
        Ended::Stopped
    }

    /// One batch: poll, fold, commit.
    fn turn(&mut self) -> Result<(), Ended> {
        let (records, changes) = match self.fold_what_is_there() {
            Ok(done) => done,
            Err(broken) => return self.recover(broken),
        };
        if records > 0 {
            METRICS.records.with_label_values(&[M::NAME]).inc_by(records);
            self.commit()?;
        } else if changes.is_empty() {
            self.tick_where_due();
        }
        for change in changes {
            self.change(change)?;
        }
        self.maintain()
    }

    fn fold_what_is_there(&mut self) -> Result<(u64, Vec<Change>), BatchError> {
        let (partitions, actions, effects) = (&mut self.partitions, &mut self.actions, &mut self.effects);
        let poisoned = &self.worker.poisoned;
        let mut broken = None;
        let mut records = 0;
        let polled = self.member.poll(POLL_WAIT, self.worker.context.config.batch_records_max, &mut |record| {
            if broken.is_some() {
                return;
            }
            let Some(partition) = partitions.get_mut(&record.partition) else { return };
            records += 1;
            if let Err(error) = partition.take(&record, poisoned, actions) {
                broken = Some(error);
            }
            if !actions.effects.is_empty() {
                effects.push((partition.number, std::mem::take(&mut actions.effects)));
            }
        });
        if let Some(broken) = broken {
            return Err(BatchError::Broken(broken));
        }
        polled.map(|changes| (records, changes)).map_err(BatchError::Log)
    }

    fn commit(&mut self) -> Result<(), Ended> {
        let started = Instant::now();
        for partition in self.partitions.values_mut().filter(|p| p.is_touched()) {
            partition.finish(&mut self.actions)?;
            if !self.actions.effects.is_empty() {
                self.effects.push((partition.number, std::mem::take(&mut self.actions.effects)));
            }
        }
        let consumed: Vec<_> = self.partitions.values().filter(|p| p.is_touched()).flat_map(Partition::consumed).collect();
        if !consumed.is_empty()
            && let Err(error) = self.member.commit(&self.actions.outputs, &consumed)
        {
            return self.recover(BatchError::Log(error));
        }
        let touched: Vec<u32> = self.partitions.values().filter(|p| p.is_touched()).map(|p| p.number).collect();
        for partition in self.partitions.values_mut().filter(|p| p.is_touched()) {
            partition.commit()?;
        }
        self.actions.outputs.clear();
        METRICS.commit.with_label_values(&[M::NAME]).observe(started.elapsed().as_secs_f64());
        for (partition, effects) in self.effects.drain(..) {
            self.worker.context.shell.perform(partition, effects);
        }
        self.go_live()?;
        self.report_lag(&touched);
        Ok(())
    }

    fn go_live(&mut self) -> Result<(), Ended> {
        for partition in self.partitions.values_mut().filter(|p| !p.is_live()) {
            if partition.try_go_live(&mut self.actions)? {
                tracing::debug!(machine = M::NAME, partition = partition.number, "live");
                let effects = std::mem::take(&mut self.actions.effects);
                self.worker.context.shell.perform(partition.number, effects);
                // What on_live may have noted in the state goes with the next batch.
            }
        }
        Ok(())
    }

    /// A batch is thrown away: the partitions start again from what is committed. Errors that the member survives are dealt with here.
    fn recover(&mut self, error: BatchError) -> Result<(), Ended> {
        self.actions = Actions::default();
        self.effects.clear();
        match error {
            BatchError::Broken(Broken::Panic(what, message)) => {
                tracing::error!(machine = M::NAME, ?what, message, "the machine broke down: this goes to the dead letters");
                METRICS.rebuilds.with_label_values(&[M::NAME, "panic"]).inc();
                self.worker.poisoned.insert(what);
                self.reopen_all()
            }
            BatchError::Broken(Broken::State(error)) => Err(error.into()),
            BatchError::Log(LogError::Aborted(message)) => {
                tracing::warn!(machine = M::NAME, message, "the transaction was aborted, the batch is done again");
                METRICS.rebuilds.with_label_values(&[M::NAME, "aborted"]).inc();
                self.worker.wait(POLL_WAIT);
                self.reopen_all()
            }
            BatchError::Log(error @ LogError::Fenced(_)) => Err(Ended::Rebuild("fenced", error.to_string())),
            BatchError::Log(error @ LogError::Unknown(_)) => Err(Ended::Rebuild("unknown", error.to_string())),
            BatchError::Log(error @ (LogError::Fatal(_) | LogError::Setup(_) | LogError::TooLarge(_))) => {
                Err(Ended::Rebuild("fatal", error.to_string()))
            }
            BatchError::Log(error) => {
                tracing::warn!(machine = M::NAME, %error, "the log does not answer, trying again");
                self.worker.wait(REBUILD_WAIT);
                if self.partitions.values().any(Partition::is_touched) { self.reopen_all() } else { Ok(()) }
            }
        }
    }

    fn change(&mut self, change: Change) -> Result<(), Ended> {
        match change {
            Change::Assigned(numbers) => {
                tracing::info!(machine = M::NAME, worker = self.worker.context.number, partitions = ?numbers, "assigned");
                for number in numbers {
                    self.partitions.remove(&number);
                    self.open(number)?;
                }
                self.go_live()
            }
            Change::Revoked(numbers) => {
                tracing::info!(machine = M::NAME, worker = self.worker.context.number, partitions = ?numbers, "revoked");
                for number in numbers {
                    if let Some(partition) = self.partitions.remove(&number) {
                        self.worker.context.shell.revoked(number);
                        drop(partition);
                    }
                }
                Ok(())
            }
        }
    }

    fn open(&mut self, number: u32) -> Result<(), Ended> {
        let committed = self.member.committed(number).map_err(|e| Ended::Rebuild("fatal", e.to_string()))?;
        let mut tries = 0;
        let storage = loop {
            match self.worker.context.opener.open(M::NAME, number, &committed) {
                Ok(storage) => break storage,
                // Another worker of this process may just be letting go of it.
                Err(_) if tries < OPEN_RETRIES => {
                    tries += 1;
                    self.worker.wait(POLL_WAIT);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let partition = Partition::open(number, (self.worker.context.make)(), storage, &committed)?;
        self.start(partition)
    }

    fn start(&mut self, mut partition: Partition<M>) -> Result<(), Ended> {
        loop {
            match self.member.start(partition.number, &partition.start_from()) {
                Ok(()) => break,
                Err(LogError::OffsetGone { topic, wanted, start, .. }) => {
                    tracing::error!(
                        machine = M::NAME,
                        partition = partition.number,
                        topic,
                        wanted,
                        start,
                        "the log no longer keeps what the state lacks; going on without it"
                    );
                    let gone = M::INPUTS.iter().find(|t| t.suffix() == topic);
                    let Some(gone) = gone.filter(|t| partition.next(**t) < start) else {
                        return Err(Ended::Rebuild("state", format!("{topic}: offset {wanted} is gone")));
                    };
                    partition.skip_to(*gone, start);
                }
                Err(error) => return Err(Ended::Rebuild("fatal", error.to_string())),
            }
        }
        self.partitions.insert(partition.number, partition);
        Ok(())
    }

    /// All partitions start again from their committed rows, in memory nothing is kept.
    fn reopen_all(&mut self) -> Result<(), Ended> {
        for (number, old) in std::mem::take(&mut self.partitions) {
            let committed = self.member.committed(number).map_err(|e| Ended::Rebuild("fatal", e.to_string()))?;
            let partition = Partition::open(number, (self.worker.context.make)(), Arc::clone(old.storage()), &committed)?;
            self.start(partition)?;
        }
        self.go_live()
    }

    /// Appends a tick where a timer is due and nothing else comes.
    fn tick_where_due(&mut self) {
        let now = self.worker.context.clock.now_ms();
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
        match self.worker.context.runtime.block_on(self.worker.context.log.append(batch)) {
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
    fn maintain(&mut self) -> Result<(), Ended> {
        if self.flushed_at.elapsed() >= self.worker.context.config.flush_every {
            self.flushed_at = Instant::now();
            for partition in self.partitions.values() {
                partition.storage().flush(false)?;
            }
        }
        if let Some(snapshots) = &mut self.worker.context.snapshots {
            for partition in self.partitions.values().filter(|p| p.is_live()) {
                snapshots.take_if_due(M::NAME, partition.number, partition.storage());
            }
        }
        Ok(())
    }

    fn report_lag(&mut self, partitions: &[u32]) {
        for number in partitions {
            let Some(partition) = self.partitions.get(number) else { continue };
            let lag: u64 =
                (M::INPUTS.iter()).filter_map(|topic| Some(self.member.end(*topic, *number)?.saturating_sub(partition.next(*topic)))).sum();
            METRICS.lag.with_label_values(&[M::NAME, &number.to_string()]).set(lag as i64);
        }
    }

    /// Rows go to disk, so that the next start has nothing to replay.
    fn close(&mut self) {
        for partition in self.partitions.values() {
            if let Err(error) = partition.storage().flush(true) {
                tracing::warn!(machine = M::NAME, partition = partition.number, %error, "the state was not flushed; it is replayed from the log at the next start");
            }
            self.worker.context.shell.revoked(partition.number);
        }
        self.partitions.clear();
    }
}

enum BatchError {
    Broken(Broken),
    Log(LogError),
}
