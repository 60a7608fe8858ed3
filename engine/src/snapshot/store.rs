//! The object store: which one, and the few things that are done with it.
use super::catalog::Catalog;
use super::layout::{self, Place, SNAPSHOTS, hex};
use super::manifest::FileEntry;
use super::{SnapshotError, SnapshotInfo};
use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Snapshots that are uploaded at the same time.
const UPLOADS_MAX: usize = 2;
/// A file of so many bytes goes in parts of this size.
const PART_BYTES: usize = 8 << 20;
/// Parts of a file on their way at the same time.
const PARTS_MAX: usize = 2;

/// Where snapshots lie: any object store. Cheap to clone.
#[derive(Clone)]
pub struct SnapshotStore {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) runtime: Handle,
    pub(super) uploads: Arc<Semaphore>,
}

impl SnapshotStore {
    /// Snapshots in a store of one's own.
    pub fn over(objects: Arc<dyn ObjectStore>, runtime: Handle) -> Self {
        Self { objects, runtime, uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }

    /// Snapshots in a local folder, which is made where it is not there.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn local(dir: &Path, runtime: Handle) -> Result<Self, SnapshotError> {
        std::fs::create_dir_all(dir).map_err(|e| SnapshotError::disk(dir, &e))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(dir)?.with_fsync(true);
        Ok(Self::over(Arc::new(objects), runtime))
    }

    /// All snapshots, the oldest of each partition first. Blocks: not to be called on a runtime's thread.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn list(&self) -> Result<Vec<SnapshotInfo>, SnapshotError> {
        self.runtime.block_on(self.list_now())
    }

    /// As [`SnapshotStore::list`], for who is on a runtime's thread.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn list_now(&self) -> Result<Vec<SnapshotInfo>, SnapshotError> {
        let mut found = Vec::new();
        for place in self.places().await? {
            found.extend(Catalog::read(self, &place).await?.infos());
        }
        Ok(found)
    }

    /// Reads all files of a snapshot back, and holds them against its manifest. Blocks.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, snapshot: &SnapshotInfo) -> Result<(), SnapshotError> {
        self.runtime.block_on(async {
            let place = Place::new(&snapshot.machine, snapshot.partition);
            let catalog = Catalog::read(self, &place).await?;
            let listed = catalog.by_sequence(snapshot.sequence).ok_or_else(|| SnapshotError::Broken("it is not there any more".into()))?;
            for file in &listed.files {
                self.read_back(&place, file).await?;
            }
            Ok(())
        })
    }

    /// All partitions that have snapshots.
    pub(super) async fn places(&self) -> Result<Vec<Place>, SnapshotError> {
        let mut places = BTreeSet::new();
        for machine in self.objects.list_with_delimiter(None).await?.common_prefixes {
            for partition in self.objects.list_with_delimiter(Some(&machine)).await?.common_prefixes {
                let probe = ObjectPath::from(format!("{partition}/{SNAPSHOTS}/x"));
                places.extend(layout::locate(&probe).map(|located| located.place));
            }
        }
        Ok(places.into_iter().collect())
    }

    pub(super) async fn get(&self, path: &ObjectPath) -> Result<Vec<u8>, SnapshotError> {
        Ok(self.objects.get(path).await?.bytes().await?.to_vec())
    }

    /// Writes a small object whole.
    pub(super) async fn put(&self, path: &ObjectPath, bytes: Vec<u8>) -> Result<(), SnapshotError> {
        self.objects.put(path, bytes.into()).await?;
        Ok(())
    }

    /// Removes an object; one that is not there is fine.
    pub(super) async fn delete(&self, path: &ObjectPath) -> Result<(), SnapshotError> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Uploads a file, a large one in parts.
    pub(super) async fn put_file(&self, from: &Path, to: &ObjectPath) -> Result<(), SnapshotError> {
        let mut file = tokio::fs::File::open(from).await.map_err(|e| SnapshotError::disk(from, &e))?;
        let mut upload = BufWriter::with_capacity(Arc::clone(&self.objects), to.clone(), PART_BYTES).with_max_concurrency(PARTS_MAX);
        let failed = |e: std::io::Error| SnapshotError::Store(format!("{to} could not be uploaded: {e}"));
        tokio::io::copy(&mut file, &mut upload).await.map_err(failed)?;
        upload.shutdown().await.map_err(failed)
    }

    /// Reads a file from the store; says whether it is the one that the manifest means.
    pub(super) async fn read_back(&self, place: &Place, file: &FileEntry) -> Result<(), SnapshotError> {
        let mut sum = Summed::default();
        let mut chunks = self.objects.get(&place.file(&file.object)).await?.into_stream();
        while let Some(chunk) = chunks.try_next().await? {
            sum.add(&chunk);
        }
        sum.check(file)
    }
}

/// What has come of a file.
#[derive(Default)]
pub(super) struct Summed {
    bytes: u64,
    hash: Sha256,
}

impl Summed {
    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.hash.update(chunk);
    }

    /// Whether it is the file that the manifest means.
    pub(super) fn check(self, file: &FileEntry) -> Result<(), SnapshotError> {
        if self.bytes != file.bytes {
            return Err(SnapshotError::Broken(format!("{} has {} bytes of {}", file.name, self.bytes, file.bytes)));
        }
        if hex(&self.hash.finalize()) != file.sha256 {
            return Err(SnapshotError::Broken(format!("{} is damaged: its checksum is another", file.name)));
        }
        Ok(())
    }
}
