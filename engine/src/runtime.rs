//! Starting and stopping the workers of a machine.
use crate::config::EngineConfig;
use crate::machine::{Machine, Shell};
use crate::metrics;
use crate::open::Opener;
use crate::snapshot::{SnapshotStore, Snapshots};
use crate::state::StateError;
use crate::storage::Memory;
use crate::worker::{self, WorkerContext};
use c360_log::{Clock, Log};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::Handle;

/// What the machines of a process share.
#[derive(Clone)]
pub struct Engine {
    log: Arc<dyn Log>,
    clock: Clock,
    config: EngineConfig,
    memory: Memory,
    snapshots: Option<SnapshotStore>,
    runtime: Handle,
}

impl Engine {
    /// An engine over `log`, with snapshots in `snapshots`.
    pub fn new(log: Arc<dyn Log>, clock: Clock, config: EngineConfig, snapshots: Option<SnapshotStore>, runtime: Handle) -> Self {
        let memory = Memory::new(config.memory_bytes);
        Self { log, clock, config, memory, snapshots, runtime }
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
        let make: Arc<dyn Fn() -> M + Send + Sync> = Arc::new(make);
        let mut running = Running { machine: M::NAME, stop: Arc::default(), workers: Vec::new() };
        for number in 0..self.config.workers {
            let heartbeat = Arc::new(AtomicI64::new(Clock::real_ms()));
            let context = WorkerContext {
                log: Arc::clone(&self.log),
                clock: self.clock.clone(),
                config: self.config.clone(),
                runtime: self.runtime.clone(),
                make: Arc::clone(&make),
                shell: Arc::clone(&shell),
                opener: Opener { dir: self.config.state_dir.clone(), memory: self.memory.clone(), snapshots: self.snapshots.clone() },
                snapshots: self.snapshots(),
                stop: Arc::clone(&running.stop),
                heartbeat: Arc::clone(&heartbeat),
                number,
            };
            let thread = std::thread::Builder::new()
                .name(format!("{}-{number}", M::NAME))
                .spawn(move || worker::run(context))
                .map_err(|e| StateError(format!("a worker's thread cannot be started: {e}")))?;
            running.workers.push(Worker { thread: Some(thread), heartbeat });
        }
        Ok(running)
    }

    fn snapshots(&self) -> Option<Snapshots> {
        Some(Snapshots {
            store: self.snapshots.clone()?,
            every: self.config.snapshot_every?,
            kept: self.config.snapshots_kept,
            scratch: self.config.state_dir.join("checkpoints"),
            taken: std::collections::HashMap::new(),
        })
    }
}

struct Worker {
    thread: Option<JoinHandle<()>>,
    heartbeat: Arc<AtomicI64>,
}

/// The running workers of a machine. Dropping it stops them.
pub struct Running {
    machine: &'static str,
    stop: Arc<AtomicBool>,
    workers: Vec<Worker>,
}

impl Running {
    /// Milliseconds since the slowest worker's last turn; a worker that stands still shows here.
    pub fn heartbeat_age_ms(&self) -> i64 {
        let now = Clock::real_ms();
        self.workers.iter().map(|w| now - w.heartbeat.load(Ordering::Relaxed)).max().unwrap_or(0)
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
