//! One group commit in the making: gives records their offsets, and puts them, the consumed offsets and the new ends into one write batch.
//!
//! Nothing outside changes until the batch is durable: a group that fails leaves no trace.
use super::Slots;
use super::chunk::{Chunk, ChunkBuilder};
use super::fence::Seat;
use super::keys::{self, End};
use super::options::{META, index_of};
use super::store::{View, unavailable};
use crate::{Appended, Batch, Consumed, Entry, LogError};
use rocksdb::WriteBatch;
use std::collections::HashMap;

/// What a row costs in a write batch besides its value: its key, lengths and family; and its share of the rows of the meta family.
const ROW_BYTES: usize = 128;

/// A group that is written next.
pub(super) struct Group<'a> {
    view: &'a View<'a>,
    slots: Slots,
    before: &'a [End],
    chunk_bytes: usize,
    batch: WriteBatch,
    /// Bytes that are still to come, by slot: buffers are made as large as they will be, since growing them would copy all of it again.
    to_come: Vec<usize>,
    open: Vec<Option<ChunkBuilder>>,
    done: Vec<(usize, ChunkBuilder)>,
    /// Newest offsets of keys of compacted topics in this group.
    newest: HashMap<(usize, Vec<u8>), u64>,
    scratch: Vec<u8>,
}

/// A group that is ready to be written.
pub(super) struct Ready {
    pub(super) batch: WriteBatch,
    /// By slot, to be published when it is durable.
    pub(super) chunks: Vec<(usize, Chunk)>,
    pub(super) ends: Vec<(usize, End)>,
    pub(super) records: usize,
}

impl<'a> Group<'a> {
    pub(super) fn new(view: &'a View<'a>, slots: Slots, before: &'a [End], chunk_bytes: usize) -> Self {
        let open = before.iter().map(|_| None).collect();
        let to_come = vec![0; before.len()];
        let (batch, scratch) = (WriteBatch::default(), Vec::new());
        Self { view, slots, before, chunk_bytes, batch, to_come, open, done: Vec::new(), newest: HashMap::new(), scratch }
    }

    /// Tells of a batch before it is appended: how much goes where.
    pub(super) fn expect(&mut self, batch: &Batch, places: &[Appended]) {
        for (entry, place) in batch.entries().iter().zip(places) {
            self.to_come[self.slots.of(place.topic, place.partition)] += ChunkBuilder::record_bytes(entry);
        }
    }

    /// Gives a batch its offsets.
    pub(super) fn append(&mut self, batch: &Batch, places: &mut [Appended]) {
        for (entry, place) in batch.entries().iter().zip(places) {
            place.offset = self.record(batch, entry, self.slots.of(place.topic, place.partition));
        }
    }

    fn record(&mut self, batch: &Batch, entry: &Entry, slot: usize) -> u64 {
        let chunk_bytes = self.chunk_bytes;
        // A chunk is over its size by its last record; the rest of the slot comes into the next.
        let room = |to_come: usize| to_come.min(chunk_bytes + ChunkBuilder::record_bytes(entry));
        let to_come = &mut self.to_come[slot];
        let builder = self.open[slot].get_or_insert_with(|| ChunkBuilder::new(self.before[slot].next, room(*to_come)));
        let offset = builder.push(batch.key(entry), batch.headers(entry), batch.value(entry));
        *to_come = to_come.saturating_sub(ChunkBuilder::record_bytes(entry));
        if builder.len() >= chunk_bytes {
            let next = ChunkBuilder::new(builder.next_offset(), room(*to_come));
            self.done.push((slot, std::mem::replace(builder, next)));
        }
        offset
    }

    /// Adds what a member has consumed.
    pub(super) fn consumed(&mut self, seat: &Seat, consumed: &[Consumed]) -> Result<(), LogError> {
        let meta = self.view.family(META)?;
        for c in consumed {
            self.batch.put_cf(meta, keys::committed(&seat.group, c.topic, c.partition), keys::consumed(c));
        }
        Ok(())
    }

    /// Stamps the chunks and completes the batch. `None` where there is nothing to write.
    pub(super) fn finish(mut self, number: u64, now: i64) -> Result<Option<Ready>, LogError> {
        let open = std::mem::take(&mut self.open).into_iter().enumerate().filter_map(|(slot, b)| Some((slot, b?)));
        let builders: Vec<_> = std::mem::take(&mut self.done).into_iter().chain(open).filter(|(_, b)| !b.is_empty()).collect();
        if builders.is_empty() && self.batch.is_empty() {
            return Ok(None);
        }
        if self.batch.is_empty() {
            // What members have consumed is small; the chunks are not.
            self.batch = WriteBatch::with_capacity_bytes(builders.iter().map(|(_, builder)| builder.len() + ROW_BYTES).sum());
        }
        let mut ends: HashMap<usize, End> = HashMap::new();
        let mut chunks = Vec::with_capacity(builders.len());
        for (slot, builder) in builders {
            let stamp = now.max(self.before[slot].stamp);
            let chunk = builder.finish(stamp);
            ends.insert(slot, End { next: chunk.last() + 1, stamp });
            self.put(slot, &chunk)?;
            chunks.push((slot, chunk));
        }
        let meta = self.view.family(META)?;
        for (&slot, end) in &ends {
            let (topic, partition) = self.slots.split(slot);
            self.batch.put_cf(meta, keys::end(topic, partition), end.encode());
        }
        self.batch.put_cf(meta, keys::GROUP, number.to_le_bytes());
        let records = chunks.iter().map(|(_, c)| (c.last() - c.base() + 1) as usize).sum();
        Ok(Some(Ready { batch: self.batch, chunks, ends: ends.into_iter().collect(), records }))
    }

    fn put(&mut self, slot: usize, chunk: &Chunk) -> Result<(), LogError> {
        let (topic, partition) = self.slots.split(slot);
        match index_of(topic) {
            Some(index) => self.put_compacted(slot, index, chunk),
            None => {
                self.batch.put_cf(self.view.family(topic.suffix())?, keys::chunk(partition, chunk.last()), chunk.bytes());
                Ok(())
            }
        }
    }

    /// Each record becomes a row of its own, and the older one of its key goes.
    fn put_compacted(&mut self, slot: usize, index: &str, chunk: &Chunk) -> Result<(), LogError> {
        let (topic, partition) = self.slots.split(slot);
        let (rows, index) = (self.view.family(topic.suffix())?, self.view.family(index)?);
        let mut place = chunk.first();
        while let Some(record) = chunk.next(&mut place).map_err(|e| LogError::Fatal(e.to_string()))? {
            keys::index(partition, record.key, &mut self.scratch);
            let older = match self.newest.insert((slot, record.key.to_vec()), record.offset) {
                Some(offset) => Some(offset),
                None => self.view.db().get_pinned_cf(index, &self.scratch).map_err(unavailable)?.and_then(|row| keys::number(&row)),
            };
            if let Some(older) = older {
                self.batch.delete_cf(rows, keys::chunk(partition, older));
            }
            let mut alone = ChunkBuilder::new(record.offset, record.key.len() + record.headers.0.len() + record.value.len());
            alone.push(record.key, record.headers, record.value);
            self.batch.put_cf(rows, keys::chunk(partition, record.offset), alone.finish(chunk.recorded_at()).bytes());
            self.batch.put_cf(index, &self.scratch, record.offset.to_le_bytes());
        }
        Ok(())
    }
}
