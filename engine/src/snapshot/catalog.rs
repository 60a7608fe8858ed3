//! What the store has of one partition.
//!
//! Read in this order: manifests in use, those out of use, files. So whatever a manifest that was seen refers to had been uploaded before the files were listed; and a manifest that
//! goes out of use meanwhile is seen in one of the two places at least.
use super::layout::{self, FILES, PRUNED, Place, SNAPSHOTS};
use super::manifest::{FileEntry, Manifest};
use super::{SnapshotError, SnapshotInfo, SnapshotStore};
use futures::TryStreamExt;
use std::collections::{HashMap, HashSet};

/// An object's name without its folder.
type Name = String;

pub(super) struct Catalog {
    /// In use, by rising sequence.
    pub(super) snapshots: Vec<Listed>,
    pub(super) pruned: Vec<Listed>,
    pub(super) files: HashMap<Name, Stored>,
    /// The store's own time, ms: of the newest object that was seen.
    pub(super) now_ms: i64,
}

/// An object that was listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) bytes: u64,
    /// By the store's clock, ms.
    pub(super) modified_ms: i64,
}

/// A manifest that was listed, and what came of reading it.
pub(super) struct Listed {
    pub(super) name: Name,
    pub(super) sequence: u64,
    pub(super) modified_ms: i64,
    pub(super) manifest: Result<Manifest, SnapshotError>,
}

impl Catalog {
    pub(super) async fn read(store: &SnapshotStore, place: &Place) -> Result<Self, SnapshotError> {
        let snapshots = manifests(store, place, SNAPSHOTS).await?;
        let pruned = manifests(store, place, PRUNED).await?;
        let files: HashMap<Name, Stored> = list(store, place, FILES).await?.into_iter().collect();
        let times = snapshots.iter().chain(&pruned).map(|l| l.modified_ms).chain(files.values().map(|f| f.modified_ms));
        let now_ms = times.max().unwrap_or(0);
        Ok(Self { snapshots, pruned, files, now_ms })
    }

    /// The number for the next snapshot.
    pub(super) fn next_sequence(&self) -> u64 {
        self.snapshots.iter().chain(&self.pruned).map(|listed| listed.sequence).max().unwrap_or(0) + 1
    }

    /// Whether all files are there, with their lengths.
    pub(super) fn is_whole(&self, manifest: &Manifest) -> bool {
        manifest.files.iter().all(|file| self.has(file))
    }

    fn has(&self, file: &FileEntry) -> bool {
        self.files.get(&file.object).is_some_and(|stored| stored.bytes == file.bytes)
    }

    /// Snapshots that can be restored as far as a listing tells, by rising sequence.
    pub(super) fn good(&self) -> impl DoubleEndedIterator<Item = &Manifest> {
        self.snapshots.iter().filter_map(|listed| listed.manifest.as_ref().ok()).filter(|manifest| self.is_whole(manifest))
    }

    pub(super) fn by_sequence(&self, sequence: u64) -> Option<&Manifest> {
        self.snapshots.iter().filter_map(|listed| listed.manifest.as_ref().ok()).find(|manifest| manifest.sequence == sequence)
    }

    /// Files that snapshots in use have, by checksum and length: these need not be uploaded again. A file that no snapshot in use refers to may be removed at any moment.
    pub(super) fn reusable(&self) -> HashMap<(String, u64), Name> {
        let files = self.snapshots.iter().filter_map(|listed| listed.manifest.as_ref().ok()).flat_map(|manifest| &manifest.files);
        files.filter(|file| self.has(file)).map(|file| ((file.sha256.clone(), file.bytes), file.object.clone())).collect()
    }

    /// Files that must stay; `None` where that cannot be told, since there is a manifest that cannot be read.
    pub(super) fn referenced(&self, grace_ms: i64) -> Option<HashSet<&str>> {
        let held = self.pruned.iter().filter(|listed| !self.is_older(listed.modified_ms, grace_ms));
        let mut all = HashSet::new();
        for listed in self.snapshots.iter().chain(held) {
            all.extend(listed.manifest.as_ref().ok()?.files.iter().map(|file| file.object.as_str()));
        }
        Some(all)
    }

    pub(super) fn is_older(&self, modified_ms: i64, than_ms: i64) -> bool {
        self.now_ms.saturating_sub(modified_ms) >= than_ms
    }

    pub(super) fn infos(&self) -> Vec<SnapshotInfo> {
        let manifests = self.snapshots.iter().filter_map(|listed| listed.manifest.as_ref().ok());
        manifests.map(|manifest| SnapshotInfo::of(manifest, self.is_whole(manifest))).collect()
    }
}

async fn list(store: &SnapshotStore, place: &Place, folder: &str) -> Result<Vec<(Name, Stored)>, SnapshotError> {
    let prefix = place.in_folder(folder, "");
    let objects: Vec<_> = store.objects.list(Some(&prefix)).try_collect().await?;
    let named = objects.into_iter().filter_map(|object| {
        let located = layout::locate(&object.location).filter(|l| l.place == *place && l.folder == folder)?;
        Some((located.name, Stored { bytes: object.size, modified_ms: object.last_modified.timestamp_millis() }))
    });
    Ok(named.collect())
}

async fn manifests(store: &SnapshotStore, place: &Place, folder: &'static str) -> Result<Vec<Listed>, SnapshotError> {
    let mut all = Vec::new();
    for (name, Stored { modified_ms, .. }) in list(store, place, folder).await? {
        let Some(sequence) = layout::sequence_of(&name) else { continue };
        match read(store, place, folder, &name).await {
            // It was removed in between.
            Ok(None) => {}
            Err(error @ SnapshotError::Store(_)) => return Err(error),
            Ok(Some(manifest)) => all.push(Listed { name, sequence, modified_ms, manifest: Ok(manifest) }),
            Err(error) => all.push(Listed { name, sequence, modified_ms, manifest: Err(error) }),
        }
    }
    all.sort_by(|a, b| (a.sequence, &a.name).cmp(&(b.sequence, &b.name)));
    Ok(all)
}

async fn read(store: &SnapshotStore, place: &Place, folder: &str, name: &str) -> Result<Option<Manifest>, SnapshotError> {
    use object_store::ObjectStoreExt;
    let bytes = match store.objects.get(&place.in_folder(folder, name)).await {
        Ok(found) => found.bytes().await?,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    layout::check_name(name, &bytes)?;
    let manifest = Manifest::decode(&bytes)?;
    if manifest.machine != place.machine || manifest.partition != place.partition {
        return Err(SnapshotError::Broken(format!("{name} belongs to partition {} of {}", manifest.partition, manifest.machine)));
    }
    Ok(Some(manifest))
}
