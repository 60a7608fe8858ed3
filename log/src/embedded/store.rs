//! The rows on disk: opening the folder and opening it again after a failed write, reading chunks, and what the log knows of itself.
//!
//! What a write with sync acknowledged survives a crash. Ends of partitions are rows of the same write batch as the chunks, so that offsets go on where they
//! were even where retention has dropped every chunk.
use super::chunk::Chunk;
use super::config::{EmbeddedConfig, PARTITIONS_MAX};
use super::keys::{self, End};
use super::options::{KEEP_ALL_BYTES, META, Tuning};
use super::setup;
use crate::{Consumed, LogError};
use c360_schemas::Topic;
use parking_lot::{RwLock, RwLockReadGuard};
use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions, WriteBatch, WriteOptions};
use std::collections::BTreeSet;

/// What is found in a folder when it is opened.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) partitions: u32,
    /// Number of the newest group.
    pub(super) group: u64,
    /// By slot: topic by topic, partition by partition.
    pub(super) ends: Vec<End>,
}

pub(super) struct Store {
    config: EmbeddedConfig,
    tuning: Tuning,
    /// `None` while it is being opened again, when that failed, and when it was closed.
    db: RwLock<Option<DB>>,
}

impl Store {
    /// Opens the folder, which is made where it is not there.
    pub(super) fn open(config: &EmbeddedConfig) -> Result<(Self, Found), LogError> {
        setup::check_folder(config)?;
        let tuning = Tuning::new(config);
        let (db, found) = open_database(config, &tuning)?;
        Ok((Self { config: config.clone(), tuning, db: RwLock::new(Some(db)) }, found))
    }

    /// Closes and opens it again: after a failed write RocksDB takes no more of them, and only its recovery tells what of the write is there.
    pub(super) fn reopen(&self) -> Result<Found, LogError> {
        let mut slot = self.db.write();
        *slot = None;
        let (db, found) = open_database(&self.config, &self.tuning)?;
        *slot = Some(db);
        Ok(found)
    }

    /// Closes the folder for good; what is asked after that fails.
    pub(super) fn close(&self) {
        *self.db.write() = None;
    }

    /// Writes and syncs.
    pub(super) fn write(&self, batch: WriteBatch) -> Result<(), LogError> {
        let mut durable = WriteOptions::default();
        durable.set_sync(true);
        self.view()?.db().write_opt(batch, &durable).map_err(unavailable)
    }

    /// Writes as many bytes of no meaning, to know whether the disk takes them.
    pub(super) fn probe(&self, bytes: usize) -> Result<(), LogError> {
        let view = self.view()?;
        let meta = view.family(META)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(meta, keys::PROBE, vec![0; bytes]);
        batch.delete_cf(meta, keys::PROBE);
        self.write(batch)
    }

    /// The database, held open.
    pub(super) fn view(&self) -> Result<View<'_>, LogError> {
        let guard = self.db.read();
        if guard.is_some() { Ok(View(guard)) } else { Err(LogError::Unavailable("its folder is not open now".into())) }
    }

    /// Chunks of a partition from the one that holds `from`, or the next one kept, to before `end`: at least one where there is one, then up to `bytes_max`.
    pub(super) fn chunks(&self, topic: Topic, partition: u32, from: u64, end: u64, bytes_max: usize) -> Result<Vec<Chunk>, LogError> {
        let view = self.view()?;
        let mut options = within(partition);
        options.fill_cache(false);
        let mut rows = view.db().raw_iterator_cf_opt(view.family(topic.suffix())?, options);
        rows.seek(keys::chunk(partition, from));
        let (mut out, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max
            && let Some(value) = rows.value()
        {
            let chunk = Chunk::decode(value.to_vec()).map_err(|e| damaged(topic, partition, from, e))?;
            if chunk.base() >= end {
                break;
            }
            bytes += chunk.weight();
            out.push(chunk);
            rows.next();
        }
        rows.status().map_err(unavailable)?;
        Ok(out)
    }

    /// Offset of the first record kept before `end`; `end` where there is none.
    pub(super) fn start(&self, topic: Topic, partition: u32, end: u64) -> Result<u64, LogError> {
        if topic.compacted() {
            // Its old records are superseded one by one: none of its offsets is ever gone.
            return Ok(0);
        }
        let view = self.view()?;
        let mut rows = view.db().raw_iterator_cf_opt(view.family(topic.suffix())?, within(partition));
        rows.seek(keys::chunk(partition, 0));
        let first = rows.value().map(|value| Chunk::base_of(value).map_err(|e| damaged(topic, partition, 0, e))).transpose()?;
        rows.status().map_err(unavailable)?;
        Ok(first.map_or(end, |first| first.min(end)))
    }

    /// From now on the oldest records of a topic go when it has more bytes than that on disk.
    pub(super) fn set_retention(&self, topic: Topic, bytes: u64) -> Result<(), LogError> {
        set_retention(self.view()?.db(), topic, bytes)
    }

    /// Bytes of a topic on disk and on their way there.
    pub(super) fn bytes(&self, topic: Topic) -> Result<u64, LogError> {
        let view = self.view()?;
        let family = view.family(topic.suffix())?;
        let property = |name| Ok::<u64, LogError>(view.db().property_int_value_cf(family, name).map_err(unavailable)?.unwrap_or(0));
        Ok(property("rocksdb.total-sst-files-size")? + property("rocksdb.cur-size-all-mem-tables")?)
    }

    /// Bytes of the largest file of a topic.
    pub(super) fn largest_file(&self, topic: Topic) -> Result<u64, LogError> {
        let files = self.view()?.db().live_files().map_err(unavailable)?;
        Ok(files.iter().filter(|file| file.column_family_name == topic.suffix()).map(|file| file.size as u64).max().unwrap_or(0))
    }

    /// Groups that have committed something, with the topics that they consume.
    pub(super) fn consumers(&self) -> Result<BTreeSet<(String, Topic)>, LogError> {
        let view = self.view()?;
        let mut found = BTreeSet::new();
        for row in view.db().iterator_cf(view.family(META)?, IteratorMode::From(&[keys::OFFSET], Direction::Forward)) {
            let (key, _) = row.map_err(unavailable)?;
            if key.first() != Some(&keys::OFFSET) {
                break;
            }
            found.extend(keys::parse_committed(&key));
        }
        Ok(found)
    }

    /// What the group committed, where it did.
    pub(super) fn committed(&self, group: &str, topic: Topic, partition: u32) -> Result<Option<Consumed>, LogError> {
        let view = self.view()?;
        let row = view.db().get_pinned_cf(view.family(META)?, keys::committed(group, topic, partition)).map_err(unavailable)?;
        row.map(|bytes| {
            keys::parse_consumed(topic, partition, &bytes)
                .ok_or_else(|| LogError::Fatal(format!("the committed offset of {group} is damaged")))
        })
        .transpose()
    }
}

/// The open database; it is not closed or opened again while this lives.
pub(super) struct View<'a>(RwLockReadGuard<'a, Option<DB>>);

impl View<'_> {
    pub(super) fn db(&self) -> &DB {
        self.0.as_ref().expect("a view is only made of an open database")
    }

    pub(super) fn family(&self, name: &str) -> Result<&ColumnFamily, LogError> {
        family(self.db(), name)
    }
}

/// For an iterator that ends with the partition.
fn within(partition: u32) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(keys::chunk(partition + 1, 0).to_vec());
    options
}

pub(super) fn family<'a>(db: &'a DB, name: &str) -> Result<&'a ColumnFamily, LogError> {
    db.cf_handle(name).ok_or_else(|| LogError::Fatal(format!("column family {name} is not there")))
}

pub(super) fn unavailable(e: rocksdb::Error) -> LogError {
    LogError::Unavailable(e.into_string())
}

pub(super) fn damaged(topic: Topic, partition: u32, offset: u64, e: impl std::fmt::Display) -> LogError {
    LogError::Fatal(format!("{}/{partition} at offset {offset}: {e}; restore the data folder from a backup", topic.suffix()))
}

fn open_database(config: &EmbeddedConfig, tuning: &Tuning) -> Result<(DB, Found), LogError> {
    let explain = |e| setup::explain(&config.dir, e);
    let db = DB::open_cf_descriptors(&tuning.database(), &config.dir, tuning.families()).map_err(explain)?;
    for topic in Topic::ALL.into_iter().filter(|t| !t.compacted()) {
        // Who needs what is told later.
        set_retention(&db, topic, KEEP_ALL_BYTES)?;
    }
    let found = setup::identify(&db, config)?;
    Ok((db, found))
}

fn set_retention(db: &DB, topic: Topic, bytes: u64) -> Result<(), LogError> {
    db.set_options_cf(family(db, topic.suffix())?, &[("compaction_options_fifo", &Tuning::retention(bytes))]).map_err(unavailable)
}

/// Reads the ends of all partitions.
pub(super) fn read_ends(db: &DB, partitions: u32) -> Result<Vec<End>, LogError> {
    let mut ends = vec![End::default(); Topic::ALL.len() * partitions as usize];
    for row in db.iterator_cf(family(db, META)?, IteratorMode::From(&[keys::END], Direction::Forward)) {
        let (key, value) = row.map_err(unavailable)?;
        if key.first() != Some(&keys::END) {
            break;
        }
        let (Some((topic, partition)), Some(end)) = (keys::parse_end(&key), End::decode(&value)) else {
            return Err(LogError::Setup("an end in the data folder is damaged; restore it from a backup".into()));
        };
        if topic < Topic::ALL.len() && partition < partitions {
            ends[topic * partitions as usize + partition as usize] = end;
        }
    }
    for (i, topic) in Topic::ALL.into_iter().enumerate() {
        for p in 0..partitions {
            let end = &mut ends[i * partitions as usize + p as usize];
            end.next = end.next.max(end_of_chunks(db, topic, p)?);
        }
    }
    Ok(ends)
}

/// The end as the last chunk has it: belt and braces beside the meta row.
fn end_of_chunks(db: &DB, topic: Topic, partition: u32) -> Result<u64, LogError> {
    let mut rows = db.raw_iterator_cf(family(db, topic.suffix())?);
    rows.seek_for_prev(keys::chunk(partition, u64::MAX));
    let last = rows.key().and_then(keys::parse_chunk).filter(|(p, _)| *p == partition);
    rows.status().map_err(unavailable)?;
    Ok(last.map_or(0, |(_, last)| last + 1))
}

/// The number in a meta row.
pub(super) fn meta_number(db: &DB, key: &[u8]) -> Result<Option<u64>, LogError> {
    Ok(db.get_cf(family(db, META)?, key).map_err(unavailable)?.and_then(|bytes| keys::number(&bytes)))
}

/// Writes what says what the folder is.
pub(super) fn write_identity(db: &DB, format: u64, partitions: u32) -> Result<(), LogError> {
    let meta = family(db, META)?;
    let mut batch = WriteBatch::default();
    batch.put_cf(meta, keys::PARTITIONS, u64::from(partitions.clamp(1, PARTITIONS_MAX)).to_le_bytes());
    batch.put_cf(meta, keys::FORMAT, format.to_le_bytes());
    let mut durable = WriteOptions::default();
    durable.set_sync(true);
    db.write_opt(batch, &durable).map_err(unavailable)
}
