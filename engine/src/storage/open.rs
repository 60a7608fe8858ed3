//! Opening a partition's state: what is there, else the best snapshot, else nothing; what is broken is put aside and rebuilt from the log.
//!
//! Fetching a snapshot may take minutes, so it goes on in a thread of its own: whoever opens is told so, asks again, and shows meanwhile that he lives.
use super::rocks::Storage;
use super::{Disk, Memory, OpenError, Rows};
use crate::snapshot::{Choice, SnapshotError, SnapshotStore};
use crate::state::StateError;
use c360_schemas::Topic;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long who opens waits for a snapshot before he is told that it takes longer; small ones, and the news that there is none, come sooner.
const PATIENCE: Duration = Duration::from_millis(200);

type Key = (&'static str, u32);
/// Whether there was a snapshot.
type Fetched = Result<bool, StateError>;

/// Partitions' states under one folder: `<dir>/<machine>/<partition>`. Clones share what is under way.
#[derive(Clone)]
pub(crate) struct StateFolder {
    dir: PathBuf,
    memory: Memory,
    snapshots: Option<SnapshotStore>,
    fetching: Arc<Mutex<HashMap<Key, Receiver<Fetched>>>>,
    /// What came from a snapshot and was not opened yet.
    restored: Arc<Mutex<HashSet<Key>>>,
}

impl Disk for StateFolder {
    fn open(&self, machine: &'static str, partition: u32, committed: &[(Topic, u64)]) -> Result<Arc<dyn Rows>, OpenError> {
        let dir = self.dir.join(machine).join(partition.to_string());
        let key = (machine, partition);
        loop {
            if !dir.exists() || self.fetching.lock().contains_key(&key) {
                self.bring_back(key, &dir, committed)?;
            }
            let message = match self.open_checked(&dir, committed) {
                Err(OpenError::Broken(message)) => message,
                Ok(rows) => {
                    self.restored.lock().remove(&key);
                    return Ok(rows);
                }
                other => return other,
            };
            put_aside(&dir)?;
            if self.restored.lock().remove(&key) {
                tracing::error!(machine, partition, message, "the snapshot cannot be used either: the state is rebuilt from the log");
                std::fs::create_dir_all(&dir).map_err(|e| io(&dir, &e))?;
            } else {
                tracing::error!(machine, partition, message, "the state cannot be used: it is put aside and rebuilt from snapshot and log");
            }
        }
    }
}

impl StateFolder {
    pub(crate) fn new(dir: PathBuf, memory: Memory, snapshots: Option<SnapshotStore>) -> Self {
        Self { dir, memory, snapshots, fetching: Arc::default(), restored: Arc::default() }
    }

    fn open_checked(&self, dir: &Path, committed: &[(Topic, u64)]) -> Result<Arc<dyn Rows>, OpenError> {
        let storage = Storage::open(dir, &self.memory)?;
        let meta = storage.meta().map_err(|error| OpenError::Broken(error.to_string()))?;
        for (topic, next) in committed {
            if meta.next(*topic) > *next {
                let (at, topic) = (meta.next(*topic), topic.suffix());
                return Err(OpenError::Broken(format!(
                    "it is at offset {at} of {topic}, ahead of the log's committed {next}, so it belongs to another log"
                )));
            }
        }
        Ok(Arc::new(storage))
    }

    /// Makes the folder, with the best snapshot in it where there is one. A store that does not answer is an error: going on without would lose what the log no longer keeps.
    fn bring_back(&self, key: Key, dir: &Path, committed: &[(Topic, u64)]) -> Result<(), OpenError> {
        if let Some(store) = &self.snapshots {
            let under_way = self.fetching.lock().remove(&key);
            let fetching = under_way.map_or_else(|| fetch(store, key, &self.dir, committed), Ok)?;
            match fetching.recv_timeout(PATIENCE) {
                Ok(fetched) => {
                    if fetched? {
                        self.restored.lock().insert(key);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.fetching.lock().insert(key, fetching);
                    return Err(OpenError::Fetching);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(StateError("fetching the snapshot broke down".into()).into()),
            }
        }
        std::fs::create_dir_all(dir).map_err(|e| io(dir, &e))?;
        Ok(())
    }
}

/// Fetches the best snapshot in a thread of its own.
fn fetch(
    store: &SnapshotStore,
    (machine, partition): Key,
    state_dir: &Path,
    committed: &[(Topic, u64)],
) -> Result<Receiver<Fetched>, StateError> {
    let (store, state_dir, committed) = (store.clone(), state_dir.to_owned(), committed.to_vec());
    let (tell, fetched) = sync_channel(1);
    let fetch = move || {
        let choice = Choice::Furthest { committed: &committed };
        let result = match store.restore((machine, partition), &choice, &state_dir, &|_| ()) {
            Ok(None) => Ok(false),
            Ok(Some(restored)) => {
                restored.show();
                Ok(true)
            }
            Err(SnapshotError::Broken(message)) => {
                tracing::error!(machine, partition, message, "no snapshot can be used: the state is rebuilt from the log");
                Ok(false)
            }
            Err(error) => Err(StateError(format!("no snapshot can be fetched, and it is tried again: {error}"))),
        };
        // Who asked may have gone: the state lies there for the next one.
        let _ = tell.send(result);
    };
    let thread = std::thread::Builder::new().name(format!("fetch-{machine}-{partition}")).spawn(fetch);
    thread.map_err(|e| StateError(format!("a thread to fetch a snapshot cannot be started: {e}")))?;
    Ok(fetched)
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
