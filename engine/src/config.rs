//! How the engine runs.
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the engine, for all machines of a process.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Folder of the partitions' states: `<dir>/<machine>/<partition>`.
    pub state_dir: PathBuf,
    /// Stable name of this process across its restarts, unique among the processes of the installation.
    pub node: String,
    /// Worker threads for each machine.
    pub workers: u32,
    /// Records in a batch at most.
    pub batch_records_max: usize,
    /// Bytes for the block cache and write buffers of all partitions together.
    pub memory_bytes: usize,
    /// How often rows in memory go to disk; what is newer is replayed from the log after a crash.
    pub flush_every: Duration,
    /// How often a snapshot is taken; none where it is `None`.
    pub snapshot_every: Option<Duration>,
    /// Snapshots kept for each partition.
    pub snapshots_kept: usize,
}

impl EngineConfig {
    /// Defaults for a state under `state_dir`.
    pub fn new(state_dir: PathBuf, node: String) -> Self {
        Self {
            state_dir,
            node,
            workers: 1,
            batch_records_max: 10_000,
            memory_bytes: 256 << 20,
            flush_every: Duration::from_secs(10),
            snapshot_every: Some(Duration::from_secs(600)),
            snapshots_kept: 2,
        }
    }
}
