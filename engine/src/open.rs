//! Opening a partition's state: what is there, else the newest snapshot, else nothing; what is broken is put aside and rebuilt from the log.
use crate::metrics::METRICS;
use crate::snapshot::SnapshotStore;
use crate::state::StateError;
use crate::storage::{Memory, Storage};
use c360_schemas::Topic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens partitions' states under one folder.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) dir: PathBuf,
    pub(crate) memory: Memory,
    pub(crate) snapshots: Option<SnapshotStore>,
}

impl Opener {
    /// The state of a partition, never ahead of `committed`.
    ///
    /// # Errors
    /// Where the folder is held by somebody else, or cannot be written.
    pub(crate) fn open(&self, machine: &str, partition: u32, committed: &[(Topic, u64)]) -> Result<Arc<Storage>, StateError> {
        let dir = self.dir.join(machine).join(partition.to_string());
        if !dir.exists() {
            self.restore(machine, partition, &dir)?;
        }
        match self.open_checked(&dir, committed) {
            Err(StateError(message)) if !message.contains("lock") => {
                tracing::error!(machine, partition, message, "the state cannot be used: it is put aside and rebuilt from snapshot and log");
                put_aside(&dir)?;
                self.restore(machine, partition, &dir)?;
                match self.open_checked(&dir, committed) {
                    Err(StateError(message)) if !message.contains("lock") => {
                        tracing::error!(
                            machine,
                            partition,
                            message,
                            "the snapshot cannot be used either: the state is rebuilt from the log"
                        );
                        put_aside(&dir)?;
                        std::fs::create_dir_all(&dir).map_err(|e| io(&dir, &e))?;
                        self.open_checked(&dir, committed)
                    }
                    other => other,
                }
            }
            other => other,
        }
    }

    fn open_checked(&self, dir: &Path, committed: &[(Topic, u64)]) -> Result<Arc<Storage>, StateError> {
        let storage = Storage::open(dir, &self.memory)?;
        let meta = storage.meta()?;
        for (topic, next) in committed {
            if meta.next(*topic) > *next {
                let (at, topic) = (meta.next(*topic), topic.suffix());
                return Err(StateError(format!(
                    "the state is at offset {at} of {topic}, ahead of the log's committed {next}: it belongs to another log"
                )));
            }
        }
        Ok(storage)
    }

    /// Fetches the newest snapshot into `dir`, where there is one.
    fn restore(&self, machine: &str, partition: u32, dir: &Path) -> Result<(), StateError> {
        if let Some(snapshots) = &self.snapshots {
            match snapshots.restore(machine, partition, dir) {
                Ok(true) => METRICS.snapshots.with_label_values(&[machine, "restored"]).inc(),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(machine, partition, %error, "no snapshot could be restored: the state is rebuilt from the log");
                }
            }
        }
        std::fs::create_dir_all(dir).map_err(|e| io(dir, &e))
    }
}

fn put_aside(dir: &Path) -> Result<(), StateError> {
    let aside = dir.with_extension("broken");
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(|e| io(&aside, &e))?;
    }
    std::fs::rename(dir, &aside).map_err(|e| io(dir, &e))
}

pub(crate) fn io(path: &Path, error: &std::io::Error) -> StateError {
    StateError(format!("{}: {error}", path.display()))
}
