//! A place in one partition of a topic, and how it moves on: from memory where the newest chunks are, else from disk.
use super::Shared;
use super::chunk::{Chunk, Place};
use super::store::damaged;
use crate::{LogError, RecordRef};
use c360_schemas::Topic;
use std::collections::VecDeque;
use std::sync::Arc;

/// Records of one partition that are handed over before it is the next one's turn, so that a full partition does not keep the others waiting.
const TURN_RECORDS: usize = 256;

pub(super) struct Cursor {
    topic: Topic,
    partition: u32,
    slot: usize,
    next: u64,
    /// Starts at the first record kept, whichever that is when it is read; an offset that somebody named must be there.
    floating: bool,
    current: Option<(Arc<Chunk>, Place)>,
    fetched: VecDeque<Arc<Chunk>>,
}

impl Cursor {
    /// At `from`, or at the first record kept.
    pub(super) fn new(shared: &Shared, topic: Topic, partition: u32, from: Option<u64>) -> Result<Self, LogError> {
        if partition >= shared.slots.partitions {
            return Err(LogError::Setup(format!("{}: there is no partition {partition}", topic.suffix())));
        }
        let slot = shared.slots.of(topic, partition);
        let end = shared.tail.end(slot);
        let start = shared.store.start(topic, partition, end)?;
        let next = from.unwrap_or(start);
        if next < start {
            return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted: next, start });
        }
        if next > end {
            let name = topic.suffix();
            return Err(LogError::Setup(format!(
                "{name}/{partition}: offset {next} is beyond the end {end}; was the data folder replaced?"
            )));
        }
        Ok(Self { topic, partition, slot, next, floating: from.is_none(), current: None, fetched: VecDeque::new() })
    }

    pub(super) fn is(&self, topic: Topic, partition: u32) -> bool {
        (self.topic, self.partition) == (topic, partition)
    }

    /// Offset of the next record.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Hands over at most `max` records; how many.
    fn deliver(&mut self, shared: &Shared, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        let mut delivered = 0;
        while delivered < max {
            let Some((chunk, place)) = &mut self.current else {
                if self.load(shared)? {
                    continue;
                }
                break;
            };
            let Some(record) = chunk.next(place).map_err(|e| damaged(self.topic, self.partition, self.next, e))? else {
                self.current = None;
                continue;
            };
            if record.offset < self.next {
                continue;
            }
            self.next = record.offset + 1;
            // From here on a gap is a loss.
            self.floating = false;
            delivered += 1;
            on_record(RecordRef {
                topic: self.topic,
                partition: self.partition,
                offset: record.offset,
                recorded_at: chunk.recorded_at(),
                key: record.key,
                value: record.value,
                headers: record.headers,
            });
        }
        Ok(delivered)
    }

    /// Finds the chunk with the next record; false where there is none yet.
    fn load(&mut self, shared: &Shared) -> Result<bool, LogError> {
        let end = shared.tail.end(self.slot);
        if self.next >= end {
            self.fetched.clear();
            return Ok(false);
        }
        if self.fetched.is_empty() {
            match shared.tail.find(self.slot, self.next) {
                Some(chunk) => self.fetched.push_back(chunk),
                None => self.fetch(shared, end)?,
            }
        }
        let Some(chunk) = self.fetched.pop_front() else { return Ok(false) };
        let first = chunk.first();
        self.current = Some((chunk, first));
        Ok(true)
    }

    fn fetch(&mut self, shared: &Shared, end: u64) -> Result<(), LogError> {
        let chunks = shared.store.chunks(self.topic, self.partition, self.next, end, shared.config.fetch_bytes)?;
        let first = chunks.first().map_or(end, Chunk::base);
        if first > self.next && !self.topic.compacted() && !self.floating {
            return Err(LogError::OffsetGone { topic: self.topic.suffix(), partition: self.partition, wanted: self.next, start: first });
        }
        // What a compacted topic lacks was superseded, and what floats starts at what is kept.
        self.next = self.next.max(first);
        self.fetched = chunks.into_iter().map(Arc::new).collect();
        Ok(())
    }
}

/// Cursors that take turns.
#[derive(Default)]
pub(super) struct Turns {
    cursors: Vec<Cursor>,
    first: usize,
    /// Of a cursor, while others had records: told at the next call.
    trouble: Option<LogError>,
}

impl Turns {
    pub(super) fn replace(&mut self, cursor: Cursor) {
        self.cursors.retain(|c| !c.is(cursor.topic, cursor.partition));
        self.cursors.push(cursor);
    }

    pub(super) fn find(&self, topic: Topic, partition: u32) -> Option<&Cursor> {
        self.cursors.iter().find(|c| c.is(topic, partition))
    }

    /// Hands over at most `max` records that are there, in turns. A cursor that fails does not keep the others from going on, and its error is told at each other call at least.
    pub(super) fn deliver(&mut self, shared: &Shared, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        if let Some(e) = self.trouble.take() {
            return Err(e);
        }
        let count = self.cursors.len();
        let (mut delivered, mut dry) = (0, 0);
        while delivered < max && dry < count {
            let cursor = &mut self.cursors[self.first % count];
            self.first = (self.first + 1) % count;
            let got = cursor.deliver(shared, TURN_RECORDS.min(max - delivered), on_record);
            let got = got.unwrap_or_else(|e| {
                self.trouble = Some(e);
                0
            });
            dry = if got == 0 { dry + 1 } else { 0 };
            delivered += got;
        }
        match self.trouble.take_if(|_| delivered == 0) {
            Some(e) => Err(e),
            None => Ok(delivered),
        }
    }
}
