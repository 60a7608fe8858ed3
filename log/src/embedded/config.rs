//! Settings of the embedded log. Every queue, cache and size in it has its bound here.
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How [`super::EmbeddedLog::open`] opens a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddedConfig {
    /// The folder; made where it is not there.
    pub dir: PathBuf,
    /// Partitions of each topic of a new folder. A folder keeps the number that it was made with.
    pub partitions: u32,
    /// How much of each topic is kept on disk before its oldest records go; `None` keeps all. Compacted topics keep the newest record of each key whatever it says.
    pub retention_bytes: Option<u64>,
    /// Records that may wait to be written.
    pub queue_records: usize,
    /// Bytes that may wait to be written.
    pub queue_bytes: usize,
    /// Bytes that are written and synced together.
    pub group_bytes: usize,
    /// From this size on a chunk takes no further record.
    pub chunk_bytes: usize,
    /// Largest record: key, headers and value.
    pub record_bytes: usize,
    /// Newest chunks kept in memory for those who read at the end.
    pub tail_bytes: usize,
    /// Read from disk at once for one partition of a topic.
    pub fetch_bytes: usize,
    /// RocksDB's block cache; its write buffers are charged to it.
    pub block_cache_bytes: usize,
    /// RocksDB's write buffers, of all topics together.
    pub write_buffer_bytes: usize,
    /// Write-ahead log before the oldest write buffer is flushed.
    pub wal_bytes: u64,
    /// A write that takes longer makes the log unhealthy, and appends are refused.
    pub stall_ms: i64,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Partitions that a folder may have at most.
pub(super) const PARTITIONS_MAX: u32 = 1024;
/// Smallest write buffer of a topic: retention cannot be finer than that.
const TOPIC_BUFFER_BYTES_MIN: usize = 64 * KIB;
/// Files that retention spreads over, so that it drops about that part of a topic at once.
const RETENTION_STEPS: u64 = 8;

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("data/log"),
            partitions: 4,
            retention_bytes: None,
            queue_records: 200_000,
            queue_bytes: 64 * MIB,
            group_bytes: 8 * MIB,
            chunk_bytes: MIB,
            record_bytes: 8 * MIB,
            tail_bytes: 64 * MIB,
            fetch_bytes: MIB,
            block_cache_bytes: 96 * MIB,
            write_buffer_bytes: 64 * MIB,
            wal_bytes: 256 * MIB as u64,
            stall_ms: 10_000,
        }
    }
}

impl EmbeddedConfig {
    /// Write buffer of one append-only topic.
    pub(super) fn topic_buffer_bytes(&self) -> usize {
        let share = self.retention_bytes.map_or(u64::MAX, |keep| keep / RETENTION_STEPS);
        (self.write_buffer_bytes / 4).min(usize::try_from(share).unwrap_or(usize::MAX)).max(TOPIC_BUFFER_BYTES_MIN)
    }
}
