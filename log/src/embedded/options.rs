//! How RocksDB is set up: a column family for each topic, one for the index of each compacted topic, one for what the log knows of itself.
//!
//! Topics that are only appended to are compacted first in, first out, which is what retention is; the others by levels. Memory is bounded by one cache and one
//! write-buffer manager, which outlive a reopening.
use super::config::EmbeddedConfig;
use c360_schemas::Topic;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompactionStyle, DBCompressionType, FifoCompactOptions, LogLevel, Options,
    WriteBufferManager,
};

/// Column family of offsets, ends and the format's version.
pub(super) const META: &str = "meta";
/// Retention where none is wanted; far from overflowing RocksDB's sums.
pub(super) const KEEP_ALL_BYTES: u64 = 1 << 60;
/// Files of a topic have at most so many times its write buffer.
pub(super) const FILES_MERGED_MAX: u64 = 8;
/// Topics with an index: for each key, where its newest record is.
const INDEXED: [(Topic, &str); 2] = [(Topic::Profiles, "profiles.keys"), (Topic::Progress, "progress.keys")];

/// The column family of a compacted topic's index.
pub(super) fn index_of(topic: Topic) -> Option<&'static str> {
    INDEXED.iter().find(|(t, _)| *t == topic).map(|(_, name)| *name)
}

/// What RocksDB is opened with.
pub(super) struct Tuning {
    cache: Cache,
    buffers: WriteBufferManager,
    config: EmbeddedConfig,
}

impl Tuning {
    pub(super) fn new(config: &EmbeddedConfig) -> Self {
        let cache = Cache::new_lru_cache(config.block_cache_bytes);
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(config.write_buffer_bytes, false, cache.clone());
        Self { cache, buffers, config: config.clone() }
    }

    /// Options of the database.
    pub(super) fn database(&self) -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_write_buffer_manager(&self.buffers);
        options.set_max_total_wal_size(self.config.wal_bytes);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(4 << 20);
        options.set_log_level(LogLevel::Warn);
        options.set_stats_dump_period_sec(0);
        options
    }

    /// Every column family that there is.
    pub(super) fn families(&self) -> Vec<ColumnFamilyDescriptor> {
        let leveled = || ["default", META].into_iter().chain(INDEXED.iter().map(|(_, name)| *name));
        let topics =
            Topic::ALL.iter().map(|t| ColumnFamilyDescriptor::new(t.suffix(), if t.compacted() { self.levels() } else { self.appended() }));
        leveled().map(|name| ColumnFamilyDescriptor::new(name, self.levels())).chain(topics).collect()
    }

    /// RocksDB's own words for retention; its Rust options lack `allow_compaction`, without which slow topics would pile up small files.
    pub(super) fn retention(bytes: u64) -> String {
        format!("{{max_table_files_size={bytes};allow_compaction=true;}}")
    }

    fn appended(&self) -> Options {
        let mut options = self.common(self.config.topic_buffer_bytes());
        // Small files are merged, and the result is bounded: retention drops whole files.
        options.set_max_compaction_bytes(FILES_MERGED_MAX * self.config.topic_buffer_bytes() as u64);
        let mut fifo = FifoCompactOptions::default();
        // Until it is known who needs what.
        fifo.set_max_table_files_size(KEEP_ALL_BYTES);
        options.set_compaction_style(DBCompactionStyle::Fifo);
        options.set_fifo_compaction_options(&fifo);
        options
    }

    fn levels(&self) -> Options {
        let mut options = self.common(self.config.write_buffer_bytes / 4);
        options.set_bottommost_compression_type(DBCompressionType::Zstd);
        options
    }

    fn common(&self, buffer: usize) -> Options {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&self.cache);
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        blocks.set_bloom_filter(10.0, false);
        blocks.set_format_version(6);
        let mut options = Options::default();
        options.set_block_based_table_factory(&blocks);
        options.set_write_buffer_size(buffer);
        options.set_compression_type(DBCompressionType::Lz4);
        options
    }
}
