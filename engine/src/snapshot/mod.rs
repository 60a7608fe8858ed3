//! Snapshots of partitions' states in an object store, so that a new machine need not replay the whole log. See docs/decisions/0008.
//!
//! A snapshot is a checkpoint of RocksDB's: its files by their content, each uploaded once and shared by all snapshots that have it, and a manifest, which is written last. What was
//! uploaded is read back before the manifest names it. A crash at any point leaves the earlier snapshots as they were; what it uploaded in vain is removed later.
//! Nothing here decides what is true: a snapshot is as of a position in the log, and the log brings the rest.
mod catalog;
mod error;
mod job;
mod layout;
mod location;
mod manifest;
mod observe;
mod prune;
mod requests;
mod restore;
mod retention;
mod schedule;
mod seat;
mod store;
mod sums;
mod upload;

pub use error::SnapshotError;
pub use location::SnapshotPlace;
pub use manifest::SnapshotPosition;
pub use requests::{SnapshotAnswer, SnapshotOutcome};
pub use restore::{Choice, Restored};
pub use store::SnapshotStore;

pub(crate) use observe::init as init_metrics;
pub(crate) use schedule::{Schedule, Snapshots};

#[cfg(test)]
mod tests;

use manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One snapshot, as its manifest tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    pub machine: String,
    pub partition: u32,
    /// Rises with each snapshot of the partition.
    pub sequence: u64,
    /// Real time, UTC ms.
    pub taken_at_ms: i64,
    /// How far the state was.
    pub positions: Vec<SnapshotPosition>,
    /// Of all its files.
    pub bytes: u64,
    /// Of these, what this snapshot had to upload.
    pub new_bytes: u64,
    /// Whether all its files are in the store, with the lengths that they should have.
    pub whole: bool,
}

impl SnapshotInfo {
    fn of(manifest: &Manifest, whole: bool) -> Self {
        Self {
            machine: manifest.machine.clone(),
            partition: manifest.partition,
            sequence: manifest.sequence,
            taken_at_ms: manifest.taken_at_ms,
            positions: manifest.positions.clone(),
            bytes: manifest.bytes(),
            new_bytes: manifest.new_bytes,
            whole,
        }
    }
}

/// Which snapshots stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// At most so many good ones for each partition, and one at least.
    pub(crate) count: usize,
    /// Older ones go, but for the newest good one.
    pub(crate) age: Duration,
    /// What is out of use stays for so long, since others may be reading it or about to refer to it.
    pub(crate) grace: Duration,
}

/// Where checkpoints lie until they are uploaded, and the sums of their files.
#[derive(Clone, Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Beside the states, since a checkpoint's files are hard links.
    pub(crate) fn of_state(state_dir: &Path) -> Self {
        Self(state_dir.join("checkpoints"))
    }

    fn checkpoint(&self, machine: &str, partition: u32) -> PathBuf {
        self.0.join(format!("{machine}-{partition}"))
    }

    fn sums(&self, machine: &str, partition: u32) -> PathBuf {
        self.0.join(format!("{machine}-{partition}.json"))
    }

    /// Removes the checkpoints of a process that died: they keep files that are in use no more.
    pub(crate) fn clean(&self) {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return };
        for dir in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()) {
            if let Err(error) = std::fs::remove_dir_all(&dir) {
                tracing::warn!(dir = %dir.display(), %error, "an old checkpoint cannot be removed");
            }
        }
    }
}
