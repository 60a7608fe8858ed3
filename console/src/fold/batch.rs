//! Records of one transaction. Of a customer's profiles only the newest is kept, so a burst of them costs one decode and one row.
use super::{RowError, alerts, deliveries, history, profiles};
use crate::live::Changes;
use crate::metrics::METRICS;
use c360_log::RecordRef;
use c360_schemas::Topic;
use rusqlite::Connection;
use rustc_hash::FxHashMap;

/// A record's bytes, kept past the poll.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Newest of each key.
    profiles: FxHashMap<Vec<u8>, Raw>,
    /// The other topics' records as they came.
    others: Vec<(Topic, Raw)>,
    records: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Takes a record in; those of one partition come in the order of their offsets.
    pub(super) fn take(&mut self, record: &RecordRef<'_>) {
        self.records += 1;
        METRICS.folded.with_label_values(&[record.topic.suffix()]).inc();
        if record.key.is_empty() {
            // A tick: time for the deliver stage, which reads two of these topics; it tells nothing here.
            return;
        }
        if record.topic != Topic::Profiles {
            let raw = Raw { partition: record.partition, offset: record.offset, key: record.key.to_vec(), value: record.value.to_vec() };
            self.others.push((record.topic, raw));
            return;
        }
        if let Some(known) = self.profiles.get_mut(record.key) {
            known.partition = record.partition;
            known.offset = record.offset;
            known.value.clear();
            known.value.extend_from_slice(record.value);
            return;
        }
        let raw = Raw { partition: record.partition, offset: record.offset, key: Vec::new(), value: record.value.to_vec() };
        self.profiles.insert(record.key.to_vec(), raw);
    }

    /// Writes the rows, and says what they change for people who look at it. The batch is empty afterwards.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<Changes, rusqlite::Error> {
        let mut changes = Changes::default();
        for (key, mut raw) in self.profiles.drain() {
            raw.key = key;
            settle(Topic::Profiles, &raw, profiles::write(connection, &raw, &mut changes))?;
        }
        for (topic, raw) in self.others.drain(..) {
            let written = match topic {
                Topic::Alerts => alerts::write(connection, &raw, &mut changes),
                Topic::Deliveries => deliveries::write(connection, &raw, &mut changes),
                Topic::History => history::write(connection, &raw, &mut changes),
                _ => Ok(()),
            };
            settle(topic, &raw, written)?;
        }
        self.records = 0;
        Ok(changes)
    }
}

/// Passes over a record that cannot be read; only the database's errors end the batch.
fn settle(topic: Topic, raw: &Raw, written: Result<(), RowError>) -> Result<(), rusqlite::Error> {
    match written {
        Ok(()) => Ok(()),
        Err(RowError::Sqlite(e)) => Err(e),
        Err(error) => {
            METRICS.unreadable.with_label_values(&[topic.suffix()]).inc();
            tracing::warn!(topic = topic.suffix(), partition = raw.partition, offset = raw.offset, %error, "a record is passed over");
            Ok(())
        }
    }
}
