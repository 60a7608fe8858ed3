//! The partition runtime: consume, fold, commit exactly once, snapshot, restore. It knows nothing of customers: a [`Machine`] does.
//!
//! Per batch: (1) one transaction in the log with the machine's outputs, the progress record and the consumed offsets; (2) after it, one write batch of RocksDB with the rows and the
//! offset S, WAL off. S never passes the committed offset C. On start the newest state at S is opened, [S, C) is replayed with outputs suppressed, and then it goes live. So
//! whatever dies, and whenever, each output stands in the log once. Effects on the world happen only after the commit that decided them.
mod config;
mod dead_letter;
mod fold;
mod held;
mod machine;
mod metrics;
mod opening;
mod partition;
mod runtime;
mod session;
mod snapshot;
mod state;
mod storage;
mod timers;
mod worker;
mod writes;

pub use c360_log::planted;
pub use config::EngineConfig;
pub use machine::{Actions, ApplyError, At, Machine, NoEffects, Shell};
pub use runtime::{Engine, Running};
pub use snapshot::{
    Choice, Restored, SnapshotAnswer, SnapshotError, SnapshotInfo, SnapshotOutcome, SnapshotPlace, SnapshotPosition, SnapshotStore,
};
pub use state::{Changes, MemoryStore, RowFn, State, StateError, Store};
pub use storage::{Disk, Meta, OpenError, Rows};
pub use timers::Timer;
pub use worker::{Step, Worker, WorkerParts};
pub use writes::Writes;
