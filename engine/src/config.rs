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
    /// Timers that fire in a batch at most; where more are due at once they are told in several transactions.
    pub batch_timers_max: u32,
    /// Bytes for the block cache and write buffers of all partitions together.
    pub memory_bytes: usize,
    /// How long a poll waits for records: also how late a timer may be noticed in a silent partition.
    pub poll_wait: Duration,
    /// How often a partition's rows are written; what is newer is replayed from the log after a crash. Until then a row that changes often changes in memory alone.
    pub write_every: Duration,
    /// The same while more records wait than a batch takes; so long profiles may wait then, too.
    pub patience_behind: Duration,
    /// After so many records of a partition its rows are written even before that.
    pub write_records_max: u64,
    /// How often rows that were written go to disk.
    pub flush_every: Duration,
    /// After so many records of a partition its rows go to disk even before that.
    pub flush_records: u64,
    /// How often a snapshot is taken; `None`: only when somebody asks.
    pub snapshot_every: Option<Duration>,
    /// Snapshots kept for each partition at most; one at least stays.
    pub snapshots_kept: usize,
    /// Older snapshots go, but for the newest.
    pub snapshots_kept_for: Duration,
    /// What snapshots no longer need stays in the store for so long; an upload may take half of it.
    pub snapshots_grace: Duration,
}

impl EngineConfig {
    /// Defaults for a state under `state_dir`.
    pub fn new(state_dir: PathBuf, node: String) -> Self {
        Self {
            state_dir,
            node,
            workers: 1,
            batch_records_max: 10_000,
            batch_timers_max: 10_000,
            memory_bytes: 256 << 20,
            poll_wait: Duration::from_millis(100),
            write_every: Duration::from_millis(500),
            patience_behind: Duration::from_secs(5),
            write_records_max: 500_000,
            flush_every: Duration::from_secs(10),
            flush_records: 200_000,
            snapshot_every: Some(Duration::from_secs(600)),
            snapshots_kept: 3,
            snapshots_kept_for: Duration::from_secs(7 * 86_400),
            snapshots_grace: Duration::from_secs(6 * 3_600),
        }
    }
}
