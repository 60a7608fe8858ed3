//! The one door to RocksDB: options, and a partition's committed rows.
//!
//! A partition's database has one column family and no WAL: what a crash leaves behind is a prefix of the commits, rows and position together, and the log brings the rest.
use super::{Memory, Meta, OpenError, Rows};
use crate::state::{RowFn, StateError, TAG_META};
use crate::writes::Writes;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, DB, DBCompressionType, Direction, ErrorKind, FlushOptions, IteratorMode, Options, ReadOptions, WriteBatch,
    WriteOptions,
};
use std::path::{Path, PathBuf};

/// Key of the row that says how far the state is.
const META_KEY: &[u8] = &[TAG_META, b'm'];
/// Marks a folder whose blocks are corrupt.
const BROKEN: &str = "BROKEN";
/// What a memtable takes from the shared memory at a time: small, since each of many partitions has at least one piece.
const ARENA_BLOCK_BYTES: usize = 64 << 10;

/// What a row takes in a write batch besides its key and value, at most.
const ROW_OVERHEAD_BYTES: usize = 16;

/// The committed rows of one partition.
pub(super) struct Storage {
    db: DB,
    write: WriteOptions,
    dir: PathBuf,
    memory: Memory,
}

impl Storage {
    /// Opens or creates the database in `dir`.
    ///
    /// # Errors
    /// Where it is corrupt, or open elsewhere.
    pub(super) fn open(dir: &Path, memory: &Memory) -> Result<Self, OpenError> {
        if dir.join(BROKEN).exists() {
            return Err(OpenError::Broken("a block of it could not be read".into()));
        }
        if !dir.join("CURRENT").exists() && std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some()) {
            // RocksDB would take it for a new one, and delete what is there.
            return Err(OpenError::Broken(format!("{} has files, but not the one that names them", dir.display())));
        }
        let db = DB::open(&options(memory), dir).map_err(|error| not_opened(&error))?;
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        Ok(Self { db, write, dir: dir.to_owned(), memory: memory.clone() })
    }

    /// Says what failed. Where blocks are corrupt a mark is left, so that the state is rebuilt when it is opened next and not tried again and again.
    fn failed(&self, error: rocksdb::Error) -> StateError {
        if error.kind() == ErrorKind::Corruption
            && let Err(e) = std::fs::write(self.dir.join(BROKEN), error.to_string())
        {
            tracing::error!(dir = %self.dir.display(), error = %e, "a corrupt state could not be marked");
        }
        StateError(error.into_string())
    }
}

impl Rows for Storage {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.db.get(key).map_err(|e| self.failed(e))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        let mut read = ReadOptions::default();
        read.set_iterate_range(rocksdb::PrefixRange(prefix));
        for entry in self.db.iterator_opt(IteratorMode::From(from.max(prefix), Direction::Forward), read) {
            let (key, value) = entry.map_err(|e| self.failed(e))?;
            if row(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn meta(&self) -> Result<Meta, StateError> {
        match self.db.get_pinned(META_KEY).map_err(|e| self.failed(e))? {
            None => Ok(Meta::default()),
            Some(bytes) => Meta::decode(&bytes).ok_or_else(|| StateError("the meta row is not one of this version".into())),
        }
    }

    fn commit(&self, rows: Writes<'_>, meta: &Meta) -> Result<(), StateError> {
        // In one piece of memory: growing it step by step would copy it again and again.
        let mut batch = WriteBatch::with_capacity_bytes(rows.bytes_len() + (rows.rows() + 2) * ROW_OVERHEAD_BYTES);
        rows.each(|key, value| match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        });
        batch.put(META_KEY, meta.encode());
        self.db.write_opt(batch, &self.write).map_err(|e| self.failed(e))?;
        // RocksDB flushes in the background as the bound comes near; where that falls behind, who writes waits for it.
        if self.memory.is_full_of_writes() { self.flush(true) } else { Ok(()) }
    }

    fn flush(&self, wait: bool) -> Result<(), StateError> {
        let mut options = FlushOptions::default();
        options.set_wait(wait);
        self.db.flush_opt(&options).map_err(|e| self.failed(e))
    }

    fn is_flushed(&self) -> bool {
        matches!(self.db.property_int_value("rocksdb.num-immutable-mem-table"), Ok(Some(0)))
    }

    fn checkpoint(&self, dir: &Path) -> Result<(), StateError> {
        Checkpoint::new(&self.db).and_then(|c| c.create_checkpoint(dir)).map_err(|e| self.failed(e))
    }
}

/// RocksDB tells by its words alone whether a folder is locked, and what it could not read.
fn not_opened(error: &rocksdb::Error) -> OpenError {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::IOError if message.contains("lock") => OpenError::Held(message),
        ErrorKind::IOError if !message.contains("No such file") => OpenError::Failed(StateError(message)),
        _ => OpenError::Broken(message),
    }
}

/// In the manner of Restate's: filters on every level (on the last one too, since marks are mostly looked for in vain), LZ4 on top and ZSTD below, dynamic levels.
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
    options.set_write_buffer_size(memory.memtable_bytes);
    options.set_arena_block_size(ARENA_BLOCK_BYTES);
    options.set_max_write_buffer_number(3);
    options.set_level_compaction_dynamic_level_bytes(true);
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
    use crate::writes::Bulk;
    use c360_schemas::Topic;
    use std::collections::BTreeMap;
    use std::ops::ControlFlow;

    #[test]
    fn rows_and_position_come_back_after_a_reopen() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::new(8 << 20);
        let mut meta = Meta { now: 7, timers: 3, ..Meta::default() };
        meta.set(Topic::Events, 42);
        {
            let storage = Storage::open(dir.path(), &memory).unwrap();
            assert_eq!(storage.meta().unwrap(), Meta::default());
            let changes = BTreeMap::from([(b"\x10a".to_vec(), Some(b"1".to_vec())), (b"\x10b".to_vec(), None)]);
            storage.commit(Writes { changes: &changes, bulk: &Bulk::default() }, &meta).unwrap();
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
}
