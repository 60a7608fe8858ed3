//! Brings a snapshot back into a folder: the best one whose files are what its manifest says; what is broken is passed over, and said.
use super::catalog::Catalog;
use super::layout::Place;
use super::manifest::{FileEntry, Manifest};
use super::observe::{self, Outcome};
use super::store::Summed;
use super::sums::Sums;
use super::{Scratch, SnapshotError, SnapshotInfo, SnapshotStore};
use c360_schemas::Topic;
use futures::{StreamExt, TryStreamExt, stream};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Files that are fetched at the same time.
const FETCHES_MAX: usize = 4;

/// Which snapshot is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The one that is furthest, and not ahead of what the group has committed: such a one belongs to another log.
    Furthest { committed: &'a [(Topic, u64)] },
    /// The newest.
    Newest,
    /// The newest that was taken at that time (UTC ms) or before.
    At(i64),
    /// The one of this number.
    Sequence(u64),
}

/// What was brought back.
#[derive(Clone, Debug)]
pub struct Restored {
    pub snapshot: SnapshotInfo,
    /// Better ones that could not be used, and why.
    pub passed_over: Vec<(u64, String)>,
}

impl Restored {
    /// Tells of it in log and metrics.
    pub(crate) fn show(&self) {
        let SnapshotInfo { machine, partition, sequence, bytes, .. } = &self.snapshot;
        observe::count(machine, Outcome::Restored);
        self.passed_over.iter().for_each(|_| observe::count(machine, Outcome::PassedOver));
        tracing::info!(machine, partition, sequence, bytes, "restored from a snapshot; the log brings the rest");
    }
}

impl SnapshotStore {
    /// Brings a snapshot of a partition back to where a process with its states in `state_dir` looks for it; `None` where there is none to choose. `progress` hears of each piece: bytes.
    /// Blocks: not to be called on a runtime's thread.
    ///
    /// # Errors
    /// Where none of those that are there can be used, or the folder cannot be written; nothing is left there then.
    pub fn restore(
        &self,
        (machine, partition): (&str, u32),
        choice: &Choice<'_>,
        state_dir: &Path,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Restored>, SnapshotError> {
        let target = Target {
            place: Place::new(machine, partition),
            dir: state_dir.join(machine).join(partition.to_string()),
            sums: Scratch::of_state(state_dir).sums(machine, partition),
        };
        self.runtime.block_on(self.restore_into(&target, choice, progress))
    }

    async fn restore_into(
        &self,
        target: &Target,
        choice: &Choice<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Restored>, SnapshotError> {
        let catalog = Catalog::read(self, &target.place).await?;
        let mut passed_over = unreadable(&catalog);
        let readable = catalog.snapshots.iter().filter_map(|listed| listed.manifest.as_ref().ok()).collect();
        for manifest in choose(readable, choice, &mut passed_over) {
            match self.fetch(target, manifest, progress).await {
                Ok(()) => return Ok(Some(Restored { snapshot: SnapshotInfo::of(manifest, true), passed_over })),
                Err(error @ (SnapshotError::Disk(_) | SnapshotError::Store(_))) => return Err(error),
                Err(error) => {
                    let (machine, partition, sequence) = (&manifest.machine, manifest.partition, manifest.sequence);
                    tracing::error!(machine, partition, sequence, %error, "a snapshot is broken: it is passed over for an older one");
                    passed_over.push((sequence, error.to_string()));
                }
            }
        }
        match passed_over.last() {
            None => Ok(None),
            Some((sequence, why)) => Err(SnapshotError::Broken(format!(
                "none of the snapshots of {} {} can be used (the last one tried, {sequence}: {why})",
                target.place.machine, target.place.partition
            ))),
        }
    }

    /// Fetches all files beside the folder, and puts them in its place when they are whole.
    async fn fetch(&self, target: &Target, manifest: &Manifest, progress: &(dyn Fn(u64) + Sync)) -> Result<(), SnapshotError> {
        let fetching = target.dir.with_extension("restoring");
        let failed = |path: &Path, e: &std::io::Error| SnapshotError::disk(path, e);
        let _ = std::fs::remove_dir_all(&fetching);
        std::fs::create_dir_all(&fetching).map_err(|e| failed(&fetching, &e))?;
        let fetched: Result<(), SnapshotError> = stream::iter(&manifest.files)
            .map(|file| self.fetch_file(&target.place, file, fetching.join(&file.name), progress))
            .buffer_unordered(FETCHES_MAX)
            .try_collect()
            .await;
        if let Err(error) = fetched {
            let _ = std::fs::remove_dir_all(&fetching);
            return Err(error);
        }
        sync_dir(&fetching)?;
        if std::fs::read_dir(&target.dir).is_ok_and(|mut files| files.next().is_none()) {
            std::fs::remove_dir(&target.dir).map_err(|e| failed(&target.dir, &e))?;
        }
        std::fs::rename(&fetching, &target.dir).map_err(|e| failed(&target.dir, &e))?;
        target.remember(manifest);
        Ok(())
    }

    async fn fetch_file(
        &self,
        place: &Place,
        file: &FileEntry,
        path: PathBuf,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), SnapshotError> {
        use object_store::ObjectStoreExt;
        let failed = |e: std::io::Error| SnapshotError::disk(&path, &e);
        let mut chunks = self.objects.get(&place.file(&file.object)).await?.into_stream();
        let mut out = tokio::fs::File::create(&path).await.map_err(failed)?;
        let mut sum = Summed::default();
        while let Some(chunk) = chunks.try_next().await? {
            out.write_all(&chunk).await.map_err(failed)?;
            sum.add(&chunk);
            progress(chunk.len() as u64);
        }
        out.sync_all().await.map_err(failed)?;
        sum.check(file)
    }
}

/// Where a snapshot goes.
struct Target {
    place: Place,
    dir: PathBuf,
    sums: PathBuf,
}

impl Target {
    /// The next snapshot need not read again what was just fetched.
    fn remember(&self, manifest: &Manifest) {
        let known = || -> Result<(), SnapshotError> {
            if let Some(parent) = self.sums.parent() {
                std::fs::create_dir_all(parent).map_err(|e| SnapshotError::disk(parent, &e))?;
            }
            let mut sums = Sums::load(self.sums.clone());
            for file in &manifest.files {
                sums.learn(&self.dir.join(&file.name), &file.name, &file.sha256)?;
            }
            sums.save()
        };
        if let Err(error) = known() {
            tracing::warn!(%error, "the checksums of a restored state are not remembered: they are made again");
        }
    }
}

fn sync_dir(dir: &Path) -> Result<(), SnapshotError> {
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| SnapshotError::disk(dir, &e))
}

fn unreadable(catalog: &Catalog) -> Vec<(u64, String)> {
    let broken = catalog.snapshots.iter().filter_map(|listed| Some((listed, listed.manifest.as_ref().err()?)));
    broken
        .map(|(listed, error)| {
            tracing::error!(snapshot = listed.name, %error, "a snapshot's manifest is broken: it is passed over");
            (listed.sequence, error.to_string())
        })
        .collect()
}

/// The candidates, the best first.
fn choose<'a>(mut all: Vec<&'a Manifest>, choice: &Choice<'_>, passed_over: &mut Vec<(u64, String)>) -> Vec<&'a Manifest> {
    match choice {
        Choice::Newest => {}
        Choice::At(time) => all.retain(|manifest| manifest.taken_at_ms <= *time),
        Choice::Sequence(sequence) => all.retain(|manifest| manifest.sequence == *sequence),
        Choice::Furthest { committed } => all.retain(|manifest| match ahead(manifest, committed) {
            None => true,
            Some(why) => {
                tracing::warn!(
                    machine = manifest.machine,
                    partition = manifest.partition,
                    sequence = manifest.sequence,
                    why,
                    "a snapshot is passed over"
                );
                passed_over.push((manifest.sequence, why));
                false
            }
        }),
    }
    let reach = |manifest: &Manifest| -> u64 { manifest.positions.iter().fold(0, |sum, p| sum.saturating_add(p.next_offset)) };
    let furthest = matches!(choice, Choice::Furthest { .. });
    all.sort_by_key(|manifest| std::cmp::Reverse((if furthest { reach(manifest) } else { 0 }, manifest.sequence, reach(manifest))));
    all
}

fn ahead(manifest: &Manifest, committed: &[(Topic, u64)]) -> Option<String> {
    let (topic, next) = committed.iter().find(|(topic, next)| manifest.next(*topic) > *next)?;
    let (at, topic) = (manifest.next(*topic), topic.suffix());
    Some(format!("it is at offset {at} of {topic}, ahead of the log's committed {next}, so it belongs to another log"))
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{FORMAT, SnapshotPosition};
    use super::*;

    fn manifest(sequence: u64, taken_at_ms: i64, next_offset: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            machine: "m".into(),
            partition: 0,
            sequence,
            taken_at_ms,
            node: "n".into(),
            positions: vec![SnapshotPosition { topic: Topic::Events.suffix().into(), next_offset }],
            now: 0,
            timers: 0,
            files: Vec::new(),
            new_bytes: 0,
        }
    }

    #[test]
    fn the_best_comes_first_and_what_belongs_to_another_log_not_at_all() {
        // The third is of a process that was taken for dead: newer, and not as far.
        let all = [manifest(1, 10, 100), manifest(2, 20, 200), manifest(3, 30, 150), manifest(4, 40, 900)];
        let committed = [(Topic::Events, 300)];
        let table: [(Choice<'_>, &[u64], usize); 6] = [
            (Choice::Furthest { committed: &committed }, &[2, 3, 1], 1),
            (Choice::Furthest { committed: &[] }, &[4, 2, 3, 1], 0),
            (Choice::Newest, &[4, 3, 2, 1], 0),
            (Choice::At(20), &[2, 1], 0),
            (Choice::At(9), &[], 0),
            (Choice::Sequence(3), &[3], 0),
        ];
        for (choice, wanted, passed_over) in table {
            let mut passed = Vec::new();
            let chosen: Vec<u64> = choose(all.iter().collect(), &choice, &mut passed).iter().map(|m| m.sequence).collect();
            assert_eq!((chosen.as_slice(), passed.len()), (wanted, passed_over), "{choice:?}");
        }
    }
}
