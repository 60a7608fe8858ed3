//! The log of a folder as it is at one moment, for who only reads: another process may have it open, and goes on.
use super::chunk::Chunk;
use super::config::EmbeddedConfig;
use super::keys;
use super::options::{META, Tuning};
use super::setup;
use super::store::{self, damaged, unavailable};
use crate::{Bounds, LogError, RecordRef};
use c360_schemas::Topic;
use rocksdb::{DB, ReadOptions};
use std::ops::ControlFlow;
use std::path::Path;

/// A look into an embedded log. What is appended after it was opened is not in it.
pub struct EmbeddedLook {
    db: DB,
    partitions: u32,
}

impl EmbeddedLook {
    /// Opens a folder that holds a log, for reading alone.
    ///
    /// # Errors
    /// [`LogError::Setup`] where there is no log, or it is damaged.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        if !dir.join("CURRENT").exists() {
            return Err(LogError::Setup(format!("there is no log in {}", dir.display())));
        }
        let config = EmbeddedConfig { dir: dir.to_owned(), ..EmbeddedConfig::default() };
        let tuning = Tuning::new(&config);
        let mut options = tuning.database();
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let db = DB::open_cf_descriptors_read_only(&options, dir, tuning.families(), false).map_err(|e| setup::explain(dir, e))?;
        if db.cf_handle(META).is_none() {
            return Err(LogError::Setup(format!("the log in {} does not say what it is", dir.display())));
        }
        let found = setup::identify(&db, &config)?;
        Ok(Self { db, partitions: found.partitions })
    }

    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// First and last offsets of each partition.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        let ends = store::read_ends(&self.db, self.partitions)?;
        let first = topic as usize * self.partitions as usize;
        let of = |partition: u32| -> Result<Bounds, LogError> {
            let end = ends.get(first + partition as usize).map_or(0, |end| end.next);
            let mut start = end;
            self.read(topic, partition, &mut |record| {
                start = record.offset;
                ControlFlow::Break(())
            })?;
            Ok(Bounds { start, end })
        };
        (0..self.partitions).map(of).collect()
    }

    /// Hands over the records of a partition, in order, until there are no more or it is enough.
    ///
    /// # Errors
    /// Where the folder cannot be read, or what is in it is damaged.
    pub fn read(&self, topic: Topic, partition: u32, on_record: &mut dyn FnMut(RecordRef<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(keys::chunk(partition + 1, 0).to_vec());
        options.fill_cache(false);
        options.set_readahead_size(2 << 20);
        let mut rows = self.db.raw_iterator_cf_opt(store::family(&self.db, topic.suffix())?, options);
        rows.seek(keys::chunk(partition, 0));
        while let Some(value) = rows.value() {
            let broken = |e| damaged(topic, partition, 0, e);
            let chunk = Chunk::decode(value.to_vec()).map_err(broken)?;
            let mut place = chunk.first();
            while let Some(record) = chunk.next(&mut place).map_err(broken)? {
                let recorded_at = chunk.recorded_at();
                let record = RecordRef {
                    topic,
                    partition,
                    offset: record.offset,
                    recorded_at,
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                };
                if on_record(record).is_break() {
                    return Ok(());
                }
            }
            rows.next();
        }
        rows.status().map_err(unavailable)
    }
}
