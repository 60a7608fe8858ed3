//! What says what a snapshot is: how far the state was, and its files with their checksums. It is written last, so that a snapshot without one is not one.
use super::SnapshotError;
use crate::storage::Meta;
use c360_schemas::Topic;
use serde::{Deserialize, Serialize};

/// Version of the manifest and of the layout around it.
pub(super) const FORMAT: u32 = 1;

/// A file of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In hex.
    pub(super) sha256: String,
    /// Name of the object that holds it.
    pub(super) object: String,
}

/// How far a state is in a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPosition {
    /// Without the installation's prefix.
    pub topic: String,
    pub next_offset: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) machine: String,
    pub(super) partition: u32,
    pub(super) sequence: u64,
    /// Real time, UTC ms.
    pub(super) taken_at_ms: i64,
    /// The process that took it.
    pub(super) node: String,
    pub(super) positions: Vec<SnapshotPosition>,
    /// The partition's time, UTC ms.
    pub(super) now: i64,
    /// Timers that had fired.
    pub(super) timers: u64,
    pub(super) files: Vec<FileEntry>,
    /// Of the files, what this snapshot had to upload.
    pub(super) new_bytes: u64,
}

impl Manifest {
    /// Reads one, whatever the bytes are.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let broken = |e: serde_json::Error| SnapshotError::Broken(format!("the manifest cannot be read: {e}"));
        let Head { format } = serde_json::from_slice(bytes).map_err(broken)?;
        if format != FORMAT {
            return Err(SnapshotError::Setup(format!(
                "a snapshot has format {format}, and this version reads {FORMAT}; use a newer version"
            )));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(broken)?;
        if let Some(file) = manifest.files.iter().find(|file| !is_plain(&file.name) || !is_plain(&file.object)) {
            return Err(SnapshotError::Broken(format!("{:?} is not the name of a state's file", file.name)));
        }
        Ok(manifest)
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        serde_json::to_vec(self).map_err(|e| SnapshotError::Broken(e.to_string()))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The next offset of a topic; 0 where it was never read.
    pub(super) fn next(&self, topic: Topic) -> u64 {
        next_of(&self.positions, topic)
    }

    /// Whether it is of the very same state.
    pub(super) fn is_at(&self, meta: &Meta) -> bool {
        let same = meta.positions.iter().all(|(topic, next)| self.next(*topic) == *next);
        same && (self.now, self.timers) == (meta.now, meta.timers)
    }
}

pub(super) fn next_of(positions: &[SnapshotPosition], topic: Topic) -> u64 {
    positions.iter().find(|p| p.topic == topic.suffix()).map_or(0, |p| p.next_offset)
}

pub(super) fn positions_of(meta: &Meta) -> Vec<SnapshotPosition> {
    meta.positions.iter().map(|(topic, next)| SnapshotPosition { topic: topic.suffix().into(), next_offset: *next }).collect()
}

/// A name, and not a way out of the folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest() -> Manifest {
        let mut meta = Meta { now: -5, timers: 2, ..Meta::default() };
        meta.set(Topic::Events, 42);
        Manifest {
            format: FORMAT,
            machine: "aggregate".into(),
            partition: 3,
            sequence: 9,
            taken_at_ms: 1_772_409_600_000,
            node: "n".into(),
            positions: positions_of(&meta),
            now: meta.now,
            timers: meta.timers,
            files: vec![FileEntry { name: "000012.sst".into(), bytes: 10, sha256: "ab".into(), object: "ab-1".into() }],
            new_bytes: 10,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest();
        assert_eq!(Manifest::decode(&manifest.encode().unwrap()).unwrap(), manifest);
        assert_eq!((manifest.next(Topic::Events), manifest.next(Topic::Alerts), manifest.bytes()), (42, 0, 10));
    }

    #[test]
    fn another_format_or_a_name_that_leads_out_of_the_folder_is_refused() {
        let refused = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            Manifest::decode(&manifest.encode().unwrap()).unwrap_err().to_string()
        };
        assert!(refused(&|m| m.format = 2).contains("format 2"));
        for name in ["../x", "/etc/passwd", "", ".", "..", "a/b", "a\\b"] {
            assert!(refused(&|m| m.files[0].name = name.into()).contains("not the name"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::decode(&bytes);
        }
    }
}
