//! Checksums of a state's files, remembered beside the state, so that gigabytes which did not change are not read again.
//!
//! A file of RocksDB's is never written again once it is whole, so its name, length, time and inode say whether it is the one that was summed; a checkpoint's hard links share the
//! last two. Lost or damaged, the list is made anew by reading.
use super::SnapshotError;
use super::layout::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const READ_BYTES: usize = 256 << 10;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    modified_ns: i64,
    inode: u64,
    sha256: String,
}

/// The sums of one partition's files, by name.
pub(super) struct Sums {
    path: PathBuf,
    before: HashMap<String, Known>,
    now: HashMap<String, Known>,
    /// Files that were read.
    pub(super) read: usize,
}

impl Sums {
    pub(super) fn load(path: PathBuf) -> Self {
        let before = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, before, now: HashMap::new(), read: 0 }
    }

    /// Length and SHA-256 of a file, in hex.
    pub(super) fn of(&mut self, file: &Path, name: &str) -> Result<(u64, String), SnapshotError> {
        let metadata = std::fs::metadata(file).map_err(|e| SnapshotError::disk(file, &e))?;
        let known = match self.before.get(name) {
            Some(known) if known.is_of(&metadata) => known.clone(),
            _ => {
                self.read += 1;
                known(&metadata, sum_file(file)?)
            }
        };
        let answer = (known.bytes, known.sha256.clone());
        self.now.insert(name.to_owned(), known);
        Ok(answer)
    }

    /// Takes a file whose sum is known from elsewhere.
    pub(super) fn learn(&mut self, file: &Path, name: &str, sha256: &str) -> Result<(), SnapshotError> {
        let metadata = std::fs::metadata(file).map_err(|e| SnapshotError::disk(file, &e))?;
        self.now.insert(name.to_owned(), known(&metadata, sha256.to_owned()));
        Ok(())
    }

    /// Remembers what was asked for this time, and forgets the rest.
    pub(super) fn save(&self) -> Result<(), SnapshotError> {
        let text = serde_json::to_vec(&self.now).map_err(|e| SnapshotError::Disk(e.to_string()))?;
        let fresh = self.path.with_extension("new");
        std::fs::write(&fresh, text).map_err(|e| SnapshotError::disk(&fresh, &e))?;
        std::fs::rename(&fresh, &self.path).map_err(|e| SnapshotError::disk(&self.path, &e))
    }
}

fn known(metadata: &Metadata, sha256: String) -> Known {
    Known { bytes: metadata.len(), modified_ns: modified_ns(metadata), inode: metadata.ino(), sha256 }
}

fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

impl Known {
    fn is_of(&self, metadata: &Metadata) -> bool {
        (self.bytes, self.modified_ns, self.inode) == (metadata.len(), modified_ns(metadata), metadata.ino())
    }
}

fn sum_file(path: &Path) -> Result<String, SnapshotError> {
    let failed = |e: std::io::Error| SnapshotError::disk(path, &e);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; READ_BYTES]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::sum;
    use super::*;

    #[test]
    fn a_file_is_read_once_also_through_another_link_and_again_when_it_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link, list) = (dir.path().join("1.sst"), dir.path().join("link"), dir.path().join("sums.json"));
        std::fs::write(&file, "one").unwrap();
        std::fs::hard_link(&file, &link).unwrap();
        let mut sums = Sums::load(list.clone());
        assert_eq!(sums.of(&file, "1.sst").unwrap(), (3, sum(b"one")));
        sums.save().unwrap();
        assert_eq!(sums.read, 1);

        let mut sums = Sums::load(list.clone());
        assert_eq!(sums.of(&link, "1.sst").unwrap(), (3, sum(b"one")));
        assert_eq!(sums.read, 0, "the list knew it");

        // The same name and length after a restore elsewhere: another file.
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "two").unwrap();
        assert_eq!(sums.of(&file, "1.sst").unwrap(), (3, sum(b"two")));
        assert_eq!(sums.read, 1);
    }

    #[test]
    fn a_damaged_list_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (file, list) = (dir.path().join("1.sst"), dir.path().join("sums.json"));
        std::fs::write(&file, "one").unwrap();
        std::fs::write(&list, "{\"1.sst\":").unwrap();
        let mut sums = Sums::load(list);
        assert_eq!(sums.of(&file, "1.sst").unwrap().1, sum(b"one"));
    }
}
