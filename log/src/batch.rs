//! Records on their way into the log, in one buffer.
use crate::Headers;
use c360_schemas::{Topic, partition_of};

/// What is kept of each buffer when a batch is cleared.
const KEPT_BYTES: usize = 4 << 20;

/// Where one record of a [`Batch`] lies in its buffer: key, headers and value follow one another from `start`.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub topic: Topic,
    /// `None`: by the key.
    pub partition: Option<u32>,
    start: usize,
    key_end: usize,
    headers_end: usize,
    end: usize,
}

impl Entry {
    /// Bytes of key, headers and value.
    pub fn bytes_len(&self) -> usize {
        self.end - self.start
    }

    /// The partition that the record goes to among `partitions`.
    pub fn partition_in(&self, batch: &Batch, partitions: u32) -> u32 {
        self.partition.unwrap_or_else(|| partition_of(batch.key(self), partitions))
    }
}

/// Records that go into the log together. Keys and values lie in one buffer, so a record costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Batch {
    /// Adds a record: `key` and `value` append their bytes to the buffer they are given.
    pub fn push(&mut self, topic: Topic, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) {
        self.push_with(topic, None, key, |_| (), value);
    }

    /// Adds a record with a partition of its own (ticks) or with headers (see [`Headers::write`]).
    pub fn push_with(
        &mut self,
        topic: Topic,
        partition: Option<u32>,
        key: impl FnOnce(&mut Vec<u8>),
        headers: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        key(&mut self.bytes);
        let key_end = self.bytes.len();
        headers(&mut self.bytes);
        let headers_end = self.bytes.len();
        value(&mut self.bytes);
        self.entries.push(Entry { topic, partition, start, key_end, headers_end, end: self.bytes.len() });
    }

    /// Takes back the records after the first `len`.
    pub fn truncate(&mut self, len: usize) {
        if let Some(entry) = self.entries.get(len) {
            self.bytes.truncate(entry.start);
            self.entries.truncate(len);
        }
    }

    /// Empties it and keeps its buffers, unless they are very large.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.entries.shrink_to(KEPT_BYTES / size_of::<Entry>());
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all keys, headers and values.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn key(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.key_end]
    }

    pub fn headers(&self, entry: &Entry) -> Headers<'_> {
        Headers(&self.bytes[entry.key_end..entry.headers_end])
    }

    pub fn value(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.headers_end..entry.end]
    }
}
