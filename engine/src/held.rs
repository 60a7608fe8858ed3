//! Records that had come when a batch was full: they wait, on their own memory, until it is committed.
use c360_log::{Headers, RecordRef};
use c360_schemas::Topic;
use std::collections::VecDeque;

/// Records in the order in which they came.
#[derive(Default)]
pub(crate) struct Held(VecDeque<Owned>);

struct Owned {
    topic: Topic,
    partition: u32,
    offset: u64,
    recorded_at: i64,
    key: Box<[u8]>,
    value: Box<[u8]>,
    headers: Box<[u8]>,
}

impl Held {
    pub(crate) fn push(&mut self, record: &RecordRef<'_>) {
        let RecordRef { topic, partition, offset, recorded_at, key, value, headers } = *record;
        self.0.push_back(Owned { topic, partition, offset, recorded_at, key: key.into(), value: value.into(), headers: headers.0.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Hands records over from the first on, each of them gone once `take` says that it was taken.
    pub(crate) fn drain<E>(&mut self, mut take: impl FnMut(&RecordRef<'_>) -> Result<bool, E>) -> Result<(), E> {
        while let Some(first) = self.0.front() {
            let Owned { topic, partition, offset, recorded_at, key, value, headers } = first;
            let record = RecordRef {
                topic: *topic,
                partition: *partition,
                offset: *offset,
                recorded_at: *recorded_at,
                key,
                value,
                headers: Headers(headers),
            };
            if !take(&record)? {
                return Ok(());
            }
            self.0.pop_front();
        }
        Ok(())
    }
}
