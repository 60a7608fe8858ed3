//! What a state takes on disk: as the engine left it, and with everything compacted into one level, which is where it tends to while nothing is written.
use anyhow::Context;
use rocksdb::{BottommostLevelCompaction, Cache, CompactOptions, DB, Env, Options};
use std::path::Path;

/// Bytes of the sorted tables of one machine's partitions.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Taken {
    pub bytes: u64,
    pub compacted_bytes: u64,
    /// In what was compacted.
    pub rows: u64,
}

/// Measures the partitions of a machine under `state`; they are compacted in a copy (of links) under `scratch`. Nobody may have them open.
///
/// # Errors
/// Where they cannot be opened with the options that they were written with.
pub fn measure(state: &Path, machine: &str, scratch: &Path) -> anyhow::Result<Taken> {
    let mut taken = Taken::default();
    for partition in std::fs::read_dir(state.join(machine)).with_context(|| format!("{machine} has no state"))? {
        let partition = partition?.path();
        taken.bytes += tables_bytes(&partition)?;
        let _ = std::fs::remove_dir_all(scratch);
        link(&partition, scratch)?;
        taken.rows += compact(scratch)?;
        taken.compacted_bytes += tables_bytes(scratch)?;
        std::fs::remove_dir_all(scratch)?;
    }
    Ok(taken)
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sst")
}

/// Tables are never written to again and can be shared; the rest is copied.
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if is_table(&path) {
            std::fs::hard_link(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

fn compact(dir: &Path) -> anyhow::Result<u64> {
    let (options, families) = Options::load_latest(dir, Env::new()?, true, Cache::new_lru_cache(8 << 20))?;
    let db = DB::open_cf_descriptors(&options, dir, families)?;
    let mut all = CompactOptions::default();
    all.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &all);
    Ok(db.property_int_value("rocksdb.estimate-num-keys")?.unwrap_or(0))
}

fn tables_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if is_table(&entry.path()) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
