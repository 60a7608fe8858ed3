//! The one door to RocksDB: options, the memory that all partitions share, a partition's committed rows.
//!
//! A partition's database has one column family and no WAL: what a crash leaves behind is a prefix of the commits, rows and position together, and the log brings the rest.
use crate::state::{RowFn, StateError, Store, TAG_META};
use c360_schemas::Topic;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Direction, FlushOptions, IteratorMode, Options, ReadOptions, WriteBatch,
    WriteBufferManager, WriteOptions,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Key of the row that says how far the state is.
const META_KEY: &[u8] = &[TAG_META, b'm'];
/// Version of the meta row and of the engine's keys.
const META_VERSION: u8 = 1;
/// One memtable of one partition.
const MEMTABLE_BYTES: usize = 16 << 20;

/// Block cache and write buffers of all partitions of a process, bounded together.
#[derive(Clone)]
pub struct Memory {
    cache: Cache,
    writes: WriteBufferManager,
}

impl Memory {
    /// `bytes` for all caches and write buffers; write buffers take at most half of it.
    pub fn new(bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(bytes);
        // Charged to the cache, so that the one number bounds both.
        let writes = WriteBufferManager::new_write_buffer_manager_with_cache(bytes / 2, false, cache.clone());
        Self { cache, writes }
    }
}

/// How far a state is: the next offset of each topic, and the partition's time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub positions: Vec<(Topic, u64)>,
    /// UTC ms.
    pub now: i64,
}

impl Meta {
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![META_VERSION];
        out.extend_from_slice(&self.now.to_le_bytes());
        for (topic, next) in &self.positions {
            out.push(*topic as u8);
            out.extend_from_slice(&next.to_le_bytes());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (now, mut rest) = rest.split_first_chunk::<8>()?;
        let mut positions = Vec::new();
        while let Some((entry, tail)) = rest.split_first_chunk::<9>() {
            let (topic, next) = entry.split_first()?;
            let topic = *Topic::ALL.get(*topic as usize)?;
            positions.push((topic, u64::from_le_bytes(next.try_into().ok()?)));
            rest = tail;
        }
        (*version == META_VERSION && rest.is_empty()).then_some(Self { positions, now: i64::from_le_bytes(*now) })
    }

    /// The next offset of `topic`; 0 where it was never read.
    pub fn next(&self, topic: Topic) -> u64 {
        self.positions.iter().find(|(t, _)| *t == topic).map_or(0, |(_, next)| *next)
    }

    /// Sets the next offset of `topic`.
    pub fn set(&mut self, topic: Topic, next: u64) {
        match self.positions.iter_mut().find(|(t, _)| *t == topic) {
            Some(entry) => entry.1 = next,
            None => self.positions.push((topic, next)),
        }
    }
}

/// The committed rows of one partition.
pub struct Storage {
    db: DB,
    write: WriteOptions,
}

impl Storage {
    /// Opens or creates the database in `dir`.
    ///
    /// # Errors
    /// Where it is corrupt, or open elsewhere.
    pub fn open(dir: &Path, memory: &Memory) -> Result<Arc<Self>, StateError> {
        let db = DB::open(&options(memory), dir).map_err(|e| StateError(format!("cannot open {}: {e}", dir.display())))?;
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        Ok(Arc::new(Self { db, write }))
    }

    /// How far the rows are.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn meta(&self) -> Result<Meta, StateError> {
        match self.db.get_pinned(META_KEY).map_err(failed)? {
            None => Ok(Meta::default()),
            Some(bytes) => Meta::decode(&bytes).ok_or_else(|| StateError("the meta row is not one of this version".into())),
        }
    }

    /// Writes a batch's rows and position as one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn commit(&self, rows: &BTreeMap<Vec<u8>, Option<Vec<u8>>>, meta: &Meta) -> Result<(), StateError> {
        let mut batch = WriteBatch::default();
        for (key, value) in rows {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        batch.put(META_KEY, meta.encode());
        self.db.write_opt(batch, &self.write).map_err(failed)
    }

    /// Asks for what is in memory to go to disk; `wait` until it is there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn flush(&self, wait: bool) -> Result<(), StateError> {
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        self.db.flush_opt(&options).map_err(failed)
    }

    /// A consistent copy of the files in `dir` (hard links where it can), which must not exist.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn checkpoint(&self, dir: &Path) -> Result<(), StateError> {
        Checkpoint::new(&self.db).and_then(|c| c.create_checkpoint(dir)).map_err(failed)
    }
}

impl Store for Arc<Storage> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.db.get(key).map_err(failed)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        let mut read = ReadOptions::default();
        read.set_iterate_range(rocksdb::PrefixRange(prefix));
        for entry in self.db.iterator_opt(IteratorMode::From(from.max(prefix), Direction::Forward), read) {
            let (key, value) = entry.map_err(failed)?;
            if row(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn failed(error: rocksdb::Error) -> StateError {
    StateError(error.into_string())
}

/// In the manner of Restate's: filters on every level but the last, LZ4 on top and ZSTD below, dynamic levels.
fn options(memory: &Memory) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&memory.cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_bloom_filter(10.0, false);
    table.set_format_version(6);
    table.set_block_size(16 << 10);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_manager(&memory.writes);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_max_write_buffer_number(3);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_optimize_filters_for_hits(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options.set_max_background_jobs(2);
    options.set_max_open_files(256);
    options.set_keep_log_file_num(2);
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(0.05);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    #[test]
    fn rows_and_position_come_back_after_a_reopen() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(8 << 20);
        let mut meta = Meta { positions: vec![], now: 7 };
        meta.set(Topic::Events, 42);
        {
            let storage = Storage::open(dir.path(), &memory).unwrap();
            assert_eq!(storage.meta().unwrap(), Meta::default());
            storage.commit(&BTreeMap::from([(b"\x10a".to_vec(), Some(b"1".to_vec())), (b"\x10b".to_vec(), None)]), &meta).unwrap();
            storage.flush(true).unwrap();
        }
        let storage = Storage::open(dir.path(), &memory).unwrap();
        assert_eq!(storage.meta().unwrap(), meta);
        assert_eq!(storage.get(b"\x10a").unwrap(), Some(b"1".to_vec()));
        let mut seen = vec![];
        storage
            .scan(b"\x10", b"", &mut |k, _| {
                seen.push(k.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(seen, vec![b"\x10a".to_vec()]);
    }

    #[test]
    fn a_meta_row_of_another_version_is_refused() {
        assert_eq!(Meta::decode(&[9; 9]), None);
        assert_eq!(Meta::decode(&[]), None);
    }
}
