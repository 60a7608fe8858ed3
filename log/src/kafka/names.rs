//! Full names of topics, and records on their way to Kafka.
use crate::{Batch, Entry, LogError};
use c360_schemas::Topic;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::util::IntoOpaque;
use std::ffi::CString;

/// The names of one installation's topics, and how many partitions each has.
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) partitions: u32,
    topics: Vec<String>,
}

impl Names {
    pub(super) fn new(prefix: &str, partitions: u32) -> Self {
        Self { prefix: prefix.to_owned(), partitions, topics: Topic::ALL.iter().map(|topic| topic.name(prefix)).collect() }
    }

    pub(super) fn of(&self, topic: Topic) -> &str {
        &self.topics[topic as usize]
    }

    pub(super) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// For [`super::source::Source`].
    pub(super) fn of_all(&self, topics: &[Topic]) -> Result<Vec<(Topic, CString)>, LogError> {
        let name = |topic: &Topic| CString::new(self.of(*topic)).map(|name| (*topic, name));
        topics.iter().map(name).collect::<Result<_, _>>().map_err(|_| LogError::Setup("the topic prefix has a NUL in it".into()))
    }

    /// The record of `entry`; `stamp` is its time where the clock is not the machine's. An empty value is a tombstone.
    pub(super) fn record<'a, D: IntoOpaque>(
        &'a self,
        batch: &'a Batch,
        entry: &Entry,
        stamp: Option<i64>,
        opaque: D,
    ) -> BaseRecord<'a, [u8], [u8], D> {
        let value = batch.value(entry);
        BaseRecord {
            topic: self.of(entry.topic),
            partition: Some(entry.partition_in(batch, self.partitions) as i32),
            payload: (!value.is_empty()).then_some(value),
            key: Some(batch.key(entry)),
            timestamp: stamp,
            headers: headers(batch, entry),
            delivery_opaque: opaque,
        }
    }

    /// Refuses a batch that could not be taken whole: a record that is too large, or for a partition that is not there.
    pub(super) fn check_sizes(&self, batch: &Batch, max: usize) -> Result<(), LogError> {
        for entry in batch.entries() {
            let bytes = batch.key(entry).len() + batch.headers(entry).0.len() + batch.value(entry).len();
            if bytes > max {
                return Err(LogError::TooLarge(bytes));
            }
            if entry.partition.is_some_and(|partition| partition >= self.partitions) {
                return Err(LogError::Setup(format!("{} has no partition {}", self.of(entry.topic), entry.partition.unwrap_or(0))));
            }
        }
        Ok(())
    }
}

fn headers(batch: &Batch, entry: &Entry) -> Option<OwnedHeaders> {
    let packed = batch.headers(entry);
    if packed.0.is_empty() {
        return None;
    }
    Some(packed.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) })))
}
