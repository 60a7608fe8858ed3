//! Where an import stopped, in a small file beside the data: how many rows c360 has acknowledged, and a digest of them, so that a file that was changed in the meantime begins anew.
//!
//! It is written after the acknowledgement and never before. So after kill -9 at most the rows of the requests under way are sent again; they have the same message ids, and count once.
use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// What of an import is through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What the import is: another kind, mapping, source or server is another import.
    pub(crate) import: String,
    /// Rows acknowledged or refused, from the first on.
    pub(crate) rows: u64,
    /// Digest of these rows.
    pub(crate) digest: String,
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    /// Length of the file of refused rows.
    pub(crate) refused_bytes: u64,
}

/// The file that it is kept in.
#[derive(Clone, Debug)]
pub(crate) struct ProgressFile(PathBuf);

impl ProgressFile {
    /// The one of a data file.
    pub(crate) fn of(data: &Path) -> Self {
        let mut name = data.as_os_str().to_owned();
        name.push(".import-progress");
        Self(name.into())
    }

    /// What was through the last time; `None` where nothing was, or what is there cannot be read.
    pub(crate) fn load(&self) -> Option<Progress> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Writes it down, whole or not at all.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub(crate) fn save(&self, progress: &Progress) -> anyhow::Result<()> {
        let mut fresh = self.0.clone().into_os_string();
        fresh.push(".new");
        let write = || {
            std::fs::write(&fresh, serde_json::to_vec(progress)?)?;
            std::fs::rename(&fresh, &self.0)
        };
        write().with_context(|| format!("cannot write down the progress in {}", self.0.display()))
    }

    /// The import is through.
    pub(crate) fn remove(&self) {
        // Where it stays, the next import of the file finds all rows through, or a file that was changed.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A digest that grows row by row.
#[derive(Clone)]
pub(crate) struct RowsDigest(Sha256);

impl RowsDigest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn add(&mut self, row: &[u8]) {
        self.0.update((row.len() as u64).to_le_bytes());
        self.0.update(row);
    }

    /// As hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        hex::encode(self.0.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_comes_back_and_damage_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = ProgressFile::of(&folder.path().join("a.csv"));
        assert_eq!(file.load(), None);
        let progress = Progress { import: "x".into(), rows: 7, digest: "d".into(), taken: 6, refused: 1, refused_bytes: 99 };
        file.save(&progress).unwrap();
        assert_eq!(file.load(), Some(progress));
        std::fs::write(folder.path().join("a.csv.import-progress"), "{").unwrap();
        assert_eq!(file.load(), None);
        file.remove();
        assert!(!folder.path().join("a.csv.import-progress").exists());
    }

    #[test]
    fn the_digest_tells_rows_apart_however_their_bytes_are_split() {
        let of = |rows: &[&str]| {
            let mut digest = RowsDigest::new();
            rows.iter().for_each(|row| digest.add(row.as_bytes()));
            digest.hex()
        };
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
