//! A process: a worker of each machine, a disk, a sender. It can die at any moment, and come back.
use crate::disk::SimulatedDisk;
use crate::mischief::Mischief;
use crate::receiver::{Receiver, Sender};
use c360_engine::{EngineConfig, Machine, NoEffects, Shell, Step, Worker, WorkerParts};
use c360_log::simulated::SimulatedLog;
use c360_log::{Clock, Log};
use c360_processor::{Aggregate, AggregateConfig, MetricsShell, Resolve, ResolveConfig};
use c360_sink::{Deliver, Routes};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What all processes share.
pub(crate) struct Shared {
    pub(crate) log: SimulatedLog,
    pub(crate) clock: Clock,
    /// Milliseconds.
    pub(crate) monotonic: Arc<AtomicU64>,
    pub(crate) mischief: Arc<Mischief>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) routes: Routes,
    pub(crate) config: EngineConfig,
    pub(crate) aggregate: AggregateConfig,
}

pub(crate) struct Process {
    number: usize,
    pub(crate) disk: Arc<SimulatedDisk>,
    pub(crate) running: Option<Workers>,
    /// It stands still.
    pub(crate) stalled: bool,
}

pub(crate) struct Workers {
    resolve: Worker<Resolve>,
    aggregate: Worker<Aggregate>,
    deliver: Worker<Deliver>,
    pub(crate) sender: Arc<Sender>,
}

impl Process {
    pub(crate) fn new(number: usize, shared: &Shared) -> Self {
        let disk = Arc::new(SimulatedDisk::new(number, Arc::clone(&shared.mischief)));
        Self { number, disk, running: None, stalled: false }
    }

    pub(crate) fn start(&mut self, shared: &Shared) {
        let log: Arc<dyn Log> = Arc::new(shared.log.clone());
        let sender = Arc::new(Sender::new(Arc::clone(&shared.receiver), Arc::clone(&shared.mischief), log, shared.clock.clone()));
        let (routes, aggregate) = (shared.routes.clone(), shared.aggregate.clone());
        self.stalled = false;
        self.running = Some(Workers {
            resolve: self.worker(shared, || Resolve::new(ResolveConfig::default()), Arc::new(NoEffects)),
            aggregate: self.worker(shared, move || Aggregate::new(aggregate.clone()), Arc::new(MetricsShell::new())),
            deliver: self.worker(shared, move || Deliver::new(routes.clone(), 3), Arc::<Sender>::clone(&sender)),
            sender,
        });
    }

    fn worker<M: Machine>(
        &self,
        shared: &Shared,
        make: impl Fn() -> M + Send + Sync + 'static,
        shell: Arc<dyn Shell<M::Effect>>,
    ) -> Worker<M> {
        let monotonic = Arc::clone(&shared.monotonic);
        let disk: Arc<SimulatedDisk> = Arc::clone(&self.disk);
        Worker::new(WorkerParts {
            log: Arc::new(shared.log.clone()),
            clock: shared.clock.clone(),
            config: EngineConfig { node: self.name(), ..shared.config.clone() },
            make: Arc::new(make),
            shell,
            disk,
            monotonic: Arc::new(move || Duration::from_millis(monotonic.load(Ordering::Relaxed))),
            number: 0,
        })
    }

    pub(crate) fn name(&self) -> String {
        format!("process{}", self.number)
    }

    /// The seat of its workers.
    pub(crate) fn instance(&self) -> String {
        format!("{}-0", self.name())
    }

    /// One step of one of its workers, or of its sender; whether there was something to do.
    pub(crate) fn step(&mut self, which: usize, shared: &Shared) -> bool {
        let Some(workers) = self.running.as_mut().filter(|_| !self.stalled) else { return false };
        shared.mischief.begin_step(self.number);
        let busy = match which {
            0 => workers.resolve.step() != Step::Idle,
            1 => workers.aggregate.step() != Step::Idle,
            2 => workers.deliver.step() != Step::Idle,
            _ => {
                let idle = workers.sender.is_idle();
                workers.sender.step();
                !idle
            }
        };
        if shared.mischief.end_step() {
            self.die();
        }
        busy
    }

    /// kill -9.
    pub(crate) fn die(&mut self) {
        if self.running.take().is_some() {
            self.disk.crash();
        }
        self.stalled = false;
    }

    /// SIGTERM, and to its end.
    pub(crate) fn stop(&mut self, shared: &Shared) {
        shared.mischief.begin_step(self.number);
        if let Some(mut workers) = self.running.take() {
            workers.resolve.close();
            workers.aggregate.close();
            workers.deliver.close();
        }
        if shared.mischief.end_step() {
            self.disk.crash();
        }
    }
}
