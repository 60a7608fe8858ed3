//! The records of one partition of one topic.
use crate::{Bounds, Headers, LogError, RecordRef};
use c360_schemas::Topic;

#[derive(Default)]
pub(super) struct Book {
    /// Offset of the first record kept.
    start: u64,
    records: Vec<Record>,
    stamp: i64,
}

struct Record {
    recorded_at: i64,
    key: Box<[u8]>,
    headers: Box<[u8]>,
    value: Box<[u8]>,
}

impl Book {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { start: self.start, end: self.start + self.records.len() as u64 }
    }

    /// Adds a record at `now`, or at the newest stamp where that is later; its offset.
    pub(super) fn push(&mut self, now: i64, key: &[u8], headers: Headers<'_>, value: &[u8]) -> u64 {
        self.stamp = self.stamp.max(now);
        self.records.push(Record { recorded_at: self.stamp, key: key.into(), headers: headers.0.into(), value: value.into() });
        self.bounds().end - 1
    }

    pub(super) fn drop_before(&mut self, offset: u64) {
        let gone = offset.clamp(self.start, self.bounds().end) - self.start;
        self.records.drain(..gone as usize);
        self.start += gone;
    }

    /// Hands over at most `max` records from `next` on; the next offset after them.
    pub(super) fn read(
        &self,
        (topic, partition): (Topic, u32),
        next: u64,
        max: usize,
        on_record: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<u64, LogError> {
        let Some(from) = next.checked_sub(self.start) else {
            return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted: next, start: self.start });
        };
        let records = self.records.get(from as usize..).unwrap_or_default();
        let mut offset = next;
        for Record { recorded_at, key, headers, value } in records.iter().take(max) {
            on_record(RecordRef { topic, partition, offset, recorded_at: *recorded_at, key, value, headers: Headers(headers) });
            offset += 1;
        }
        Ok(offset)
    }
}
