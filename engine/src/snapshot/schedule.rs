//! When snapshots are taken: by time, and when somebody asks. The checkpoint is made in the worker's thread (hard links), the upload goes on beside it, one at a time for each partition.
use super::job::Job;
use super::layout::Place;
use super::observe;
use super::seat::Seat;
use super::upload::Upload;
use super::{Keep, Scratch, SnapshotError, SnapshotStore};
use crate::config::EngineConfig;
use crate::storage::Rows;
use c360_log::Log;
use c360_schemas::Topic;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

type Seats = BTreeMap<(&'static str, u32), Arc<Seat>>;

/// What the workers of a process share for snapshots.
pub(crate) struct Schedule {
    pub(super) store: SnapshotStore,
    pub(super) log: Arc<dyn Log>,
    /// `None`: only when somebody asks.
    pub(super) every: Option<Duration>,
    pub(super) keep: Keep,
    scratch: Scratch,
    node: String,
    pub(super) seats: Mutex<Seats>,
    pub(super) requests: AtomicU64,
}

impl Schedule {
    pub(crate) fn new(store: SnapshotStore, log: Arc<dyn Log>, config: &EngineConfig) -> Arc<Self> {
        let scratch = Scratch::of_state(&config.state_dir);
        scratch.clean();
        Arc::new(Self {
            store,
            log,
            every: config.snapshot_every,
            keep: Keep { count: config.snapshots_kept, age: config.snapshots_kept_for, grace: config.snapshots_grace },
            scratch,
            node: config.node.clone(),
            seats: Mutex::default(),
            requests: AtomicU64::new(0),
        })
    }

    fn seat(&self, machine: &'static str, partition: u32) -> Arc<Seat> {
        let mut seats = self.seats.lock();
        let seat = seats.entry((machine, partition)).or_insert_with(|| Arc::new(Seat::new()));
        seat.set_owned(true);
        Arc::clone(seat)
    }
}

/// One worker's part of the schedule.
pub(crate) struct Snapshots {
    schedule: Arc<Schedule>,
    machine: &'static str,
    inputs: &'static [Topic],
    seats: HashMap<u32, Arc<Seat>>,
}

impl Snapshots {
    pub(crate) fn new(schedule: Arc<Schedule>, machine: &'static str, inputs: &'static [Topic]) -> Self {
        Self { schedule, machine, inputs, seats: HashMap::new() }
    }

    /// Whether a snapshot of the partition is to be taken now.
    pub(crate) fn is_due(&mut self, partition: u32) -> Option<Due> {
        let seat = match self.seats.get(&partition) {
            Some(seat) => Arc::clone(seat),
            None => self.sit_down(partition),
        };
        let request = seat.take_if_due()?;
        Some(Due { request, job: self.job(partition, seat) })
    }

    /// The partition went to somebody else.
    pub(crate) fn forget(&mut self, partition: u32) {
        if let Some(seat) = self.seats.remove(&partition) {
            seat.set_owned(false);
            observe::forget(self.machine, self.inputs, partition);
        }
    }

    /// The worker has no partition any more.
    pub(crate) fn forget_all(&mut self) {
        for partition in self.seats.keys().copied().collect::<Vec<_>>() {
            self.forget(partition);
        }
    }

    /// Makes the checkpoint, and leaves the upload to the runtime.
    pub(crate) fn take(&self, due: Due, rows: &dyn Rows) {
        let Due { request, job } = due;
        let upload = self.checkpoint(job.place.partition, rows);
        self.schedule.store.runtime.spawn(async move { job.upload(request, upload).await });
    }

    fn checkpoint(&self, partition: u32, rows: &dyn Rows) -> Result<Upload, SnapshotError> {
        let failed = |e: crate::state::StateError| SnapshotError::Disk(e.0);
        let scratch = &self.schedule.scratch;
        let dir = scratch.checkpoint(self.machine, partition);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&scratch.0).map_err(|e| SnapshotError::disk(&scratch.0, &e))?;
        // Nothing is written in between: this thread is the only one that writes.
        let meta = rows.meta().map_err(failed)?;
        rows.checkpoint(&dir).map_err(failed)?;
        let (place, sums) = (Place::new(self.machine, partition), scratch.sums(self.machine, partition));
        Ok(Upload { place, dir, sums, meta, node: self.schedule.node.clone() })
    }

    /// Asks the store in the background how old the newest snapshot is, so that restarts do not put the next one off.
    fn sit_down(&mut self, partition: u32) -> Arc<Seat> {
        let seat = self.schedule.seat(self.machine, partition);
        self.seats.insert(partition, Arc::clone(&seat));
        if seat.take() {
            let job = self.job(partition, Arc::clone(&seat));
            self.schedule.store.runtime.spawn(async move { job.look_up().await });
        }
        seat
    }

    fn job(&self, partition: u32, seat: Arc<Seat>) -> Job {
        Job { schedule: Arc::clone(&self.schedule), place: Place::new(self.machine, partition), inputs: self.inputs, seat }
    }
}

/// A snapshot that is to be taken now.
pub(crate) struct Due {
    request: u64,
    job: Job,
}
