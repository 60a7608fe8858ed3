//! Snapshots of partitions' states in an object store: `<machine>/<partition>/<20 digits>/<files>`, `manifest.json` last, so that a snapshot without one is not one.
use crate::metrics::METRICS;
use crate::open::io;
use crate::state::StateError;
use crate::storage::Storage;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

const MANIFEST: &str = "manifest.json";

/// What a snapshot holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Name and length of each file, bytes.
    files: Vec<(String, u64)>,
}

/// Where snapshots lie.
#[derive(Clone)]
pub struct SnapshotStore {
    objects: Arc<dyn ObjectStore>,
    runtime: Handle,
}

/// One snapshot that can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotInfo {
    pub machine: String,
    pub partition: u32,
    /// Position of the snapshot among those of its partition; rises.
    pub sequence: u64,
    pub bytes: u64,
}

impl SnapshotStore {
    /// Snapshots in a local folder, which is made where it is not there.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn local(dir: &Path, runtime: Handle) -> Result<Self, StateError> {
        std::fs::create_dir_all(dir).map_err(|e| io(dir, &e))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(dir).map_err(|e| StateError(e.to_string()))?;
        Ok(Self { objects: Arc::new(objects), runtime })
    }

    /// All whole snapshots, the oldest of each partition first.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn list(&self) -> Result<Vec<SnapshotInfo>, StateError> {
        self.runtime.block_on(async {
            let objects: Vec<_> = self.objects.list(None).try_collect().await.map_err(failed)?;
            let mut found = Vec::new();
            for object in objects {
                let parts: Vec<_> = object.location.parts().map(|part| part.as_ref().to_owned()).collect();
                let [machine, partition, sequence, name] = parts.as_slice() else { continue };
                let (Ok(partition), Ok(sequence)) = (partition.parse(), sequence.parse()) else { continue };
                if name == MANIFEST {
                    let manifest = self.manifest(machine, partition, sequence).await?;
                    let bytes = manifest.files.iter().map(|(_, len)| len).sum();
                    found.push(SnapshotInfo { machine: machine.clone(), partition, sequence, bytes });
                }
            }
            found.sort_by(|a, b| (&a.machine, a.partition, a.sequence).cmp(&(&b.machine, b.partition, b.sequence)));
            Ok(found)
        })
    }

    async fn manifest(&self, machine: &str, partition: u32, sequence: u64) -> Result<Manifest, StateError> {
        let bytes =
            self.objects.get(&object(machine, partition, sequence, MANIFEST)).await.map_err(failed)?.bytes().await.map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|e| StateError(format!("{MANIFEST}: {e}")))
    }

    /// Fetches the newest snapshot of a partition into `dir`; false where there is none.
    ///
    /// # Errors
    /// Where it is not whole; nothing is left in `dir` then.
    pub fn restore(&self, machine: &str, partition: u32, dir: &Path) -> Result<bool, StateError> {
        let newest = self.list()?.into_iter().rfind(|s| s.machine == machine && s.partition == partition);
        let Some(newest) = newest else { return Ok(false) };
        let fetching = dir.with_extension("restoring");
        let _ = std::fs::remove_dir_all(&fetching);
        std::fs::create_dir_all(&fetching).map_err(|e| io(&fetching, &e))?;
        self.runtime.block_on(self.fetch(&newest, &fetching))?;
        std::fs::rename(&fetching, dir).map_err(|e| io(dir, &e))?;
        tracing::info!(machine, partition, bytes = newest.bytes, "restored from a snapshot");
        Ok(true)
    }

    async fn fetch(&self, snapshot: &SnapshotInfo, into: &Path) -> Result<(), StateError> {
        let SnapshotInfo { machine, partition, sequence, .. } = snapshot;
        for (name, len) in self.manifest(machine, *partition, *sequence).await?.files {
            let path = into.join(&name);
            let mut chunks = self.objects.get(&object(machine, *partition, *sequence, &name)).await.map_err(failed)?.into_stream();
            let mut file = tokio::fs::File::create(&path).await.map_err(|e| io(&path, &e))?;
            let mut written = 0;
            while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
                tokio::io::AsyncWriteExt::write_all(&mut file, &chunk).await.map_err(|e| io(&path, &e))?;
                written += chunk.len() as u64;
            }
            file.sync_all().await.map_err(|e| io(&path, &e))?;
            if written != len {
                return Err(StateError(format!("{name} has {written} bytes of {len}")));
            }
        }
        Ok(())
    }

    /// Uploads the files of a checkpoint, the manifest last, and removes what is over `kept`.
    async fn upload(&self, machine: &str, partition: u32, checkpoint: &Path, kept: usize) -> Result<(), StateError> {
        let earlier = self.sequences(machine, partition).await?;
        let sequence = earlier.last().map_or(1, |last| last + 1);
        let mut manifest = Manifest { files: Vec::new() };
        let mut entries = tokio::fs::read_dir(checkpoint).await.map_err(|e| io(checkpoint, &e))?;
        while let Some(entry) = entries.next_entry().await.map_err(|e| io(checkpoint, &e))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let len = self.upload_file(&entry.path(), &object(machine, partition, sequence, &name)).await?;
            manifest.files.push((name, len));
        }
        let text = serde_json::to_vec(&manifest).map_err(|e| StateError(e.to_string()))?;
        self.objects.put(&object(machine, partition, sequence, MANIFEST), text.into()).await.map_err(failed)?;
        for old in earlier.iter().rev().skip(kept.saturating_sub(1)) {
            self.remove(machine, partition, *old).await?;
        }
        Ok(())
    }

    async fn upload_file(&self, from: &Path, to: &ObjectPath) -> Result<u64, StateError> {
        let mut file = tokio::fs::File::open(from).await.map_err(|e| io(from, &e))?;
        let mut upload = object_store::buffered::BufWriter::new(Arc::clone(&self.objects), to.clone());
        let len = tokio::io::copy(&mut file, &mut upload).await.map_err(|e| io(from, &e))?;
        tokio::io::AsyncWriteExt::shutdown(&mut upload).await.map_err(|e| io(from, &e))?;
        Ok(len)
    }

    /// Sequence numbers of a partition's snapshots, whole or not, rising.
    async fn sequences(&self, machine: &str, partition: u32) -> Result<Vec<u64>, StateError> {
        let prefix = ObjectPath::from(format!("{machine}/{partition}"));
        let listed = self.objects.list_with_delimiter(Some(&prefix)).await.map_err(failed)?;
        let mut sequences: Vec<u64> =
            (listed.common_prefixes.iter()).filter_map(|p| p.parts().next_back()?.as_ref().parse().ok()).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// Removes a snapshot, its manifest first.
    async fn remove(&self, machine: &str, partition: u32, sequence: u64) -> Result<(), StateError> {
        let _ = self.objects.delete(&object(machine, partition, sequence, MANIFEST)).await;
        let prefix = ObjectPath::from(format!("{machine}/{partition}/{sequence:020}"));
        let files: Vec<_> = self.objects.list(Some(&prefix)).try_collect().await.map_err(failed)?;
        for file in files {
            self.objects.delete(&file.location).await.map_err(failed)?;
        }
        Ok(())
    }
}

fn object(machine: &str, partition: u32, sequence: u64, name: &str) -> ObjectPath {
    ObjectPath::from(format!("{machine}/{partition}/{sequence:020}/{name}"))
}

fn failed(error: object_store::Error) -> StateError {
    StateError(error.to_string())
}

/// Takes the snapshots of a worker's partitions: the checkpoint in the worker's thread (hard links), the upload beside it, one at a time for each partition.
#[derive(Clone)]
pub(crate) struct Snapshots {
    pub(crate) store: SnapshotStore,
    pub(crate) every: Duration,
    pub(crate) kept: usize,
    /// Where checkpoints lie until they are uploaded.
    pub(crate) scratch: PathBuf,
    pub(crate) taken: HashMap<u32, (Instant, Arc<AtomicBool>)>,
}

impl Snapshots {
    pub(crate) fn take_if_due(&mut self, machine: &'static str, partition: u32, storage: &Storage) {
        let (last, busy) = self.taken.entry(partition).or_insert_with(|| (Instant::now(), Arc::default()));
        if last.elapsed() < self.every || busy.swap(true, Ordering::AcqRel) {
            return;
        }
        *last = Instant::now();
        let busy = Arc::clone(busy);
        let dir = self.scratch.join(format!("{machine}-{partition}"));
        let _ = std::fs::remove_dir_all(&dir);
        let made = std::fs::create_dir_all(&self.scratch).map_err(|e| io(&self.scratch, &e)).and_then(|()| storage.checkpoint(&dir));
        let (store, kept) = (self.store.clone(), self.kept);
        self.store.runtime.spawn(async move {
            let result = match made {
                Ok(()) => store.upload(machine, partition, &dir, kept).await,
                Err(error) => Err(error),
            };
            let _ = tokio::fs::remove_dir_all(&dir).await;
            let outcome = match &result {
                Ok(()) => "taken",
                Err(error) => {
                    tracing::warn!(machine, partition, %error, "the snapshot failed");
                    "failed"
                }
            };
            METRICS.snapshots.with_label_values(&[machine, outcome]).inc();
            busy.store(false, Ordering::Release);
        });
    }
}
