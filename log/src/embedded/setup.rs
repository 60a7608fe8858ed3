//! Whether a folder can be opened, what it is, and how to say what is wrong with it.
use super::config::{EmbeddedConfig, PARTITIONS_MAX};
use super::keys;
use super::store::{self, Found};
use crate::LogError;
use rocksdb::{DB, ErrorKind};
use std::path::Path;

/// Version of the rows; a folder of another one is refused.
const FORMAT: u64 = 1;

/// Makes the folder, and refuses one whose root file is missing: RocksDB would take it for an empty one and start from nothing.
pub(super) fn check_folder(config: &EmbeddedConfig) -> Result<(), LogError> {
    let dir = &config.dir;
    if config.partitions == 0 || config.partitions > PARTITIONS_MAX {
        return Err(LogError::Setup(format!("{} partitions: choose 1 to {PARTITIONS_MAX}", config.partitions)));
    }
    let wrong = |e| LogError::Setup(format!("the log's folder {} cannot be used: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(wrong)?;
    let names: Vec<_> = std::fs::read_dir(dir).map_err(wrong)?.filter_map(|f| f.ok()?.file_name().into_string().ok()).collect();
    let has_data = names.iter().any(|n| n.starts_with("MANIFEST-") || n.ends_with(".sst"));
    if has_data && !names.iter().any(|n| n == "CURRENT") {
        return Err(LogError::Setup(format!(
            "the log in {} is damaged: its file CURRENT is missing; restore the folder from a backup",
            dir.display()
        )));
    }
    Ok(())
}

/// RocksDB's error at opening, with what to do.
pub(super) fn explain(dir: &Path, e: rocksdb::Error) -> LogError {
    let dir = dir.display();
    match e.kind() {
        ErrorKind::IOError if e.as_ref().contains("lock") => {
            LogError::Setup(format!("the log in {dir} is open in another process; stop that one, or choose another folder ({e})"))
        }
        ErrorKind::Corruption => LogError::Setup(format!("the log in {dir} is damaged; restore the folder from a backup ({e})")),
        ErrorKind::InvalidArgument => LogError::Setup(format!("the log in {dir} was made by another version ({e})")),
        _ => LogError::Setup(format!("the log in {dir} cannot be opened: {e}")),
    }
}

/// Reads what the folder is; a new one gets its number of partitions now.
pub(super) fn identify(db: &DB, config: &EmbeddedConfig) -> Result<Found, LogError> {
    let dir = config.dir.display();
    match store::meta_number(db, keys::FORMAT)? {
        None => store::write_identity(db, FORMAT, config.partitions)?,
        Some(FORMAT) => {}
        Some(other) => {
            return Err(LogError::Setup(format!("the log in {dir} has format {other}, this version reads {FORMAT}; use a newer version")));
        }
    }
    let partitions =
        store::meta_number(db, keys::PARTITIONS)?.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=PARTITIONS_MAX).contains(n));
    let partitions = partitions.ok_or_else(|| LogError::Setup(format!("the log in {dir} does not say how many partitions it has")))?;
    let group = store::meta_number(db, keys::GROUP)?.unwrap_or(0);
    Ok(Found { partitions, group, ends: store::read_ends(db, partitions)? })
}
