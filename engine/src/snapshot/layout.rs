//! Where things lie in the store, for each partition of each machine:
//!
//! ```text
//! <machine>/<partition>/files/<sha-256>-<upload>                         a file of a state; who uploads anew takes a new name
//! <machine>/<partition>/snapshots/<sequence, 20 digits>-<sum>.json       a manifest; the sum is that of its bytes
//! <machine>/<partition>/pruned/<sequence, 20 digits>-<sum>.json          a manifest that was taken out of use
//! ```
use super::SnapshotError;
use object_store::path::Path as ObjectPath;
use sha2::{Digest, Sha256};

pub(super) const FILES: &str = "files";
pub(super) const SNAPSHOTS: &str = "snapshots";
pub(super) const PRUNED: &str = "pruned";
/// Hex digits of a manifest's sum in its name.
const SUM_DIGITS: usize = 16;

/// A partition of a machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) machine: String,
    pub(super) partition: u32,
}

impl Place {
    pub(super) fn new(machine: &str, partition: u32) -> Self {
        Self { machine: machine.to_owned(), partition }
    }

    pub(super) fn file(&self, object: &str) -> ObjectPath {
        self.in_folder(FILES, object)
    }

    /// Of the object `name` in one of the three folders.
    pub(super) fn in_folder(&self, folder: &str, name: &str) -> ObjectPath {
        ObjectPath::from(format!("{}/{}/{folder}/{name}", self.machine, self.partition))
    }
}

/// What an object's path says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) place: Place,
    pub(super) folder: &'static str,
    pub(super) name: String,
}

/// Reads a path; `None` for what is not ours.
pub(super) fn locate(path: &ObjectPath) -> Option<Located> {
    let parts: Vec<_> = path.parts().collect();
    let [machine, partition, folder, name] = parts.as_slice() else { return None };
    let folder = [FILES, SNAPSHOTS, PRUNED].into_iter().find(|known| *known == folder.as_ref())?;
    let place = Place { machine: machine.as_ref().to_owned(), partition: partition.as_ref().parse().ok()? };
    Some(Located { place, folder, name: name.as_ref().to_owned() })
}

/// The name of a manifest with these bytes: two processes that take the same number do not overwrite one another's, and a damaged one shows.
pub(super) fn manifest_name(sequence: u64, bytes: &[u8]) -> String {
    format!("{sequence:020}-{}.json", &sum(bytes)[..SUM_DIGITS])
}

/// The sequence in a manifest's name.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    let (sequence, rest) = name.split_once('-')?;
    (sequence.len() == 20 && rest.strip_suffix(".json")?.len() == SUM_DIGITS).then(|| sequence.parse().ok())?
}

/// Whether `bytes` are those that a manifest was named for.
pub(super) fn check_name(name: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
    match sequence_of(name) {
        Some(sequence) if manifest_name(sequence, bytes) == name => Ok(()),
        _ => Err(SnapshotError::Broken(format!("{name} is not what it was when it was written"))),
    }
}

/// SHA-256 in hex.
pub(super) fn sum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_located_is_what_was_placed() {
        let place = Place::new("aggregate", 12);
        for folder in [FILES, SNAPSHOTS, PRUNED] {
            let located = locate(&place.in_folder(folder, "x")).unwrap();
            assert_eq!(located, Located { place: place.clone(), folder, name: "x".into() });
        }
        for other in
            ["aggregate/12/other/x", "aggregate/twelve/files/x", "aggregate/12/00000000000000000001/x/y", "x", "aggregate/12/files"]
        {
            assert_eq!(locate(&ObjectPath::from(other)), None, "{other}");
        }
    }

    #[test]
    fn a_name_tells_its_sequence_and_whether_the_bytes_are_whole() {
        let name = manifest_name(7, b"{}");
        assert_eq!(sequence_of(&name), Some(7));
        check_name(&name, b"{}").unwrap();
        assert!(check_name(&name, b"{ }").is_err());
        for other in
            ["7-0123456789abcdef.json", "manifest.json", "00000000000000000007-.json", "0000000000000000000x-0123456789abcdef.json"]
        {
            assert_eq!(sequence_of(other), None, "{other}");
        }
    }
}
