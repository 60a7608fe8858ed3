//! Starting and stopping the workers of a machine.
use crate::config::EngineConfig;
use crate::machine::{Machine, Shell};
use crate::metrics;
use crate::snapshot::{Schedule, SnapshotAnswer, SnapshotStore, Snapshots};
use crate::state::StateError;
use crate::storage::{Disk, Memory, StateFolder};
use crate::worker::{Step, Worker, WorkerParts};
use c360_log::{Clock, Log};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How soon a pause notices that it is to stop.
const PAUSE_SLICE: Duration = Duration::from_millis(20);

/// Before any time.
const NEVER: i64 = i64::MIN;

/// What the machines of a process share.
#[derive(Clone)]
pub struct Engine {
    log: Arc<dyn Log>,
    clock: Clock,
    config: EngineConfig,
    memory: Memory,
    snapshots: Option<SnapshotStore>,
    schedule: Option<Arc<Schedule>>,
}

impl Engine {
    /// An engine over `log`, with snapshots in `snapshots`.
    pub fn new(log: Arc<dyn Log>, clock: Clock, config: EngineConfig, snapshots: Option<SnapshotStore>) -> Self {
        let memory = Memory::new(config.memory_bytes);
        memory.show();
        let schedule = snapshots.clone().map(|store| Schedule::new(store, Arc::clone(&log), &config));
        Self { log, clock, config, memory, snapshots, schedule }
    }

    /// Takes a snapshot of each partition of this process, and waits until they are verified, for `limit` at most.
    pub async fn snapshot(&self, limit: Duration) -> Vec<SnapshotAnswer> {
        match &self.schedule {
            Some(schedule) => schedule.take_now(limit).await,
            None => Vec::new(),
        }
    }

    /// Starts the workers of a machine; `make` makes a machine for each partition, `shell` performs its effects.
    ///
    /// # Errors
    /// Where a thread cannot be started.
    pub fn start<M: Machine>(
        &self,
        make: impl Fn() -> M + Send + Sync + 'static,
        shell: Arc<dyn Shell<M::Effect>>,
    ) -> Result<Running, StateError> {
        metrics::init(M::NAME);
        // All of it until a worker has looked at what it needs: on a new log nobody else would say that there is a reader, and records could go before their first.
        for topic in M::INPUTS {
            self.log.keep_from(M::NAME, *topic, 0, 0);
        }
        let make: Arc<dyn Fn() -> M + Send + Sync> = Arc::new(make);
        let mut running = Running { machine: M::NAME, stop: Arc::default(), workers: Vec::new() };
        let disk = StateFolder::new(self.config.state_dir.clone(), self.memory.clone(), self.snapshots.clone());
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let started = Instant::now();
        for number in 0..self.config.workers {
            let signs = Arc::new(Signs { heartbeat: AtomicI64::new(Clock::real_ms()), state_failed: AtomicI64::new(NEVER) });
            let worker = Worker::new(WorkerParts {
                log: Arc::clone(&self.log),
                clock: self.clock.clone(),
                config: self.config.clone(),
                make: Arc::clone(&make),
                shell: Arc::clone(&shell),
                disk: Arc::clone(&disk),
                monotonic: Arc::new(move || started.elapsed()),
                number,
            })
            .with_snapshots(self.schedule.clone().map(|schedule| Snapshots::new(schedule, M::NAME, M::INPUTS)));
            let (stop, shown) = (Arc::clone(&running.stop), Arc::clone(&signs));
            let thread = std::thread::Builder::new()
                .name(format!("{}-{number}", M::NAME))
                .spawn(move || run(worker, &stop, &shown))
                .map_err(|e| StateError(format!("a worker's thread cannot be started: {e}")))?;
            running.workers.push(WorkerThread { thread: Some(thread), signs });
        }
        Ok(running)
    }
}

/// Runs a worker until it is told to stop.
fn run<M: Machine>(mut worker: Worker<M>, stop: &AtomicBool, signs: &Signs) {
    while !stop.load(Ordering::Relaxed) {
        signs.heartbeat.store(Clock::real_ms(), Ordering::Relaxed);
        let step = worker.step();
        if matches!(step, Step::Rebuilt("state", _)) {
            signs.state_failed.store(Clock::real_ms(), Ordering::Relaxed);
        }
        if let Step::Pause(how_long) | Step::Rebuilt(_, how_long) = step {
            let until = Instant::now() + how_long;
            while Instant::now() < until && !stop.load(Ordering::Relaxed) {
                signs.heartbeat.store(Clock::real_ms(), Ordering::Relaxed);
                std::thread::sleep(PAUSE_SLICE.min(how_long));
            }
        }
    }
    worker.close();
}

struct WorkerThread {
    thread: Option<JoinHandle<()>>,
    signs: Arc<Signs>,
}

/// What a worker shows of itself, real UTC ms.
struct Signs {
    heartbeat: AtomicI64,
    /// When its state last failed it.
    state_failed: AtomicI64,
}

/// The running workers of a machine. Dropping it stops them.
pub struct Running {
    machine: &'static str,
    stop: Arc<AtomicBool>,
    workers: Vec<WorkerThread>,
}

impl Running {
    /// Milliseconds since the slowest worker's last turn; a worker that stands still shows here.
    pub fn heartbeat_age_ms(&self) -> i64 {
        let now = Clock::real_ms();
        self.workers.iter().map(|w| now - w.signs.heartbeat.load(Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// Milliseconds since a worker's state last could not be opened, read or written; `None` where it always could.
    pub fn state_failed_ms_ago(&self) -> Option<i64> {
        let last = self.workers.iter().map(|w| w.signs.state_failed.load(Ordering::Relaxed)).max().filter(|at| *at != NEVER)?;
        Some(Clock::real_ms() - last)
    }

    /// The machine's name.
    pub fn machine(&self) -> &'static str {
        self.machine
    }

    /// Whether a worker's thread has ended though nobody stopped it.
    pub fn is_dead(&self) -> bool {
        self.workers.iter().any(|w| w.thread.as_ref().is_some_and(JoinHandle::is_finished))
    }

    /// Tells the workers to stop after the batch in hand, without waiting for them.
    pub fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Stops the workers and waits: the batch in hand is committed, rows go to disk. Blocks; not to be called on a runtime's thread.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.ask_to_stop();
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take()
                && thread.join().is_err()
            {
                tracing::error!(machine = self.machine, "a worker's thread ended in a panic");
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.join();
    }
}
