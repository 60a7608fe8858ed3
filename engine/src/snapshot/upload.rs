//! Takes a checkpoint to the store: what is new is uploaded and read back, the manifest comes last, and is looked at with all that it names before it counts.
use super::catalog::Catalog;
use super::layout::{self, Place, SNAPSHOTS};
use super::manifest::{FORMAT, FileEntry, Manifest, positions_of};
use super::sums::Sums;
use super::{SnapshotError, SnapshotInfo, SnapshotStore};
use crate::storage::Meta;
use c360_log::Clock;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// A checkpoint that is to become a snapshot.
pub(super) struct Upload {
    pub(super) place: Place,
    /// The checkpoint's folder.
    pub(super) dir: PathBuf,
    /// Where the checksums of its files are remembered.
    pub(super) sums: PathBuf,
    /// How far the state was.
    pub(super) meta: Meta,
    /// The process that takes it.
    pub(super) node: String,
}

/// What came of it.
pub(super) enum Uploaded {
    Taken(SnapshotInfo),
    /// The newest one is of the very same state.
    Unchanged(SnapshotInfo),
}

impl Upload {
    pub(super) async fn run(&self, store: &SnapshotStore) -> Result<Uploaded, SnapshotError> {
        let catalog = Catalog::read(store, &self.place).await?;
        if let Some(newest) = catalog.good().next_back().filter(|newest| newest.is_at(&self.meta)) {
            return Ok(Uploaded::Unchanged(SnapshotInfo::of(newest, true)));
        }
        let manifest = self.upload_files(store, &catalog).await?;
        let bytes = manifest.encode()?;
        let name = layout::manifest_name(manifest.sequence, &bytes);
        let path = self.place.in_folder(SNAPSHOTS, &name);
        store.put(&path, bytes.clone()).await?;
        if let Err(error) = self.look(store, &name, &bytes).await {
            store.delete(&path).await?;
            return Err(error);
        }
        Ok(Uploaded::Taken(SnapshotInfo::of(&manifest, true)))
    }

    async fn upload_files(&self, store: &SnapshotStore, catalog: &Catalog) -> Result<Manifest, SnapshotError> {
        let reusable = catalog.reusable();
        // A name that nobody else has: an object of an earlier try may be removed at any moment.
        let upload = format!("{:016x}", RandomState::new().hash_one((&self.node, Clock::real_ms())));
        let mut manifest = self.manifest(catalog.next_sequence());
        for (name, bytes, sha256) in self.sum_files().await? {
            let object = match reusable.get(&(sha256.clone(), bytes)) {
                Some(object) => object.clone(),
                None => {
                    let file = FileEntry { object: format!("{sha256}-{upload}"), name: name.clone(), bytes, sha256: sha256.clone() };
                    store.put_file(&self.dir.join(&name), &self.place.file(&file.object)).await?;
                    store.read_back(&self.place, &file).await?;
                    manifest.new_bytes += bytes;
                    file.object
                }
            };
            manifest.files.push(FileEntry { name, bytes, sha256, object });
        }
        Ok(manifest)
    }

    fn manifest(&self, sequence: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            machine: self.place.machine.clone(),
            partition: self.place.partition,
            sequence,
            taken_at_ms: Clock::real_ms(),
            node: self.node.clone(),
            positions: positions_of(&self.meta),
            now: self.meta.now,
            timers: self.meta.timers,
            files: Vec::new(),
            new_bytes: 0,
        }
    }

    /// Name, length and checksum of each file of the checkpoint.
    async fn sum_files(&self) -> Result<Vec<(String, u64, String)>, SnapshotError> {
        let (dir, sums) = (self.dir.clone(), self.sums.clone());
        let summed = tokio::task::spawn_blocking(move || sum_files(&dir, sums));
        summed.await.map_err(|e| SnapshotError::Disk(format!("the checksums were not made: {e}")))?
    }

    /// Whether the manifest is there as it was written, and all that it names: somebody who took this process for dead may have tidied up.
    async fn look(&self, store: &SnapshotStore, name: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        let catalog = Catalog::read(store, &self.place).await?;
        let mine = catalog.snapshots.iter().find(|listed| listed.name == name);
        let manifest = mine.ok_or_else(|| SnapshotError::Broken(format!("{name} was written and is not there")))?.manifest.clone()?;
        if manifest.encode()? != bytes || !catalog.is_whole(&manifest) {
            return Err(SnapshotError::Broken(format!("{name} was written, and not all that it names is there")));
        }
        Ok(())
    }
}

fn sum_files(dir: &Path, sums: PathBuf) -> Result<Vec<(String, u64, String)>, SnapshotError> {
    let mut sums = Sums::load(sums);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| SnapshotError::disk(dir, &e))? {
        let path = entry.map_err(|e| SnapshotError::disk(dir, &e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (bytes, sha256) = sums.of(&path, &name)?;
        files.push((name, bytes, sha256));
    }
    files.sort();
    if let Err(error) = sums.save() {
        tracing::warn!(%error, "the checksums of a state's files are not remembered: they are made again next time");
    }
    Ok(files)
}
