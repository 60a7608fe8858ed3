//! A chunk: all records that one group commit put into one partition of a topic, in one value.
//!
//! Bytes, little-endian: version u8 (1), offset of the first record u64, stamp of all of them i64 (UTC ms), number of records u32; then for each record the lengths of key, headers
//! and value (u32 each) and their bytes. Broken bytes are [`Broken`], never a panic.
use crate::{Entry, Headers};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 8 + 8 + 4;
const LENGTHS: usize = 12;

/// The bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk is damaged")]
pub(super) struct Broken;

/// A chunk's bytes with its head read.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    base: u64,
    recorded_at: i64,
    count: u32,
}

/// Where the next record of a chunk is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: usize,
    index: u32,
}

/// A record as a chunk holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored<'a> {
    pub(super) offset: u64,
    pub(super) key: &'a [u8],
    pub(super) headers: Headers<'a>,
    pub(super) value: &'a [u8],
}

impl Chunk {
    /// Reads the head.
    pub(super) fn decode(bytes: Vec<u8>) -> Result<Self, Broken> {
        let base = Self::base_of(&bytes)?;
        let mut rest = bytes.get(9..).ok_or(Broken)?;
        let recorded_at = i64::from_le_bytes(take(&mut rest)?);
        let count = u32::from_le_bytes(take(&mut rest)?);
        if count == 0 || base.checked_add(u64::from(count)).is_none() {
            return Err(Broken);
        }
        Ok(Self { bytes, base, recorded_at, count })
    }

    /// Offset of the first record of the chunk in `bytes`.
    pub(super) fn base_of(mut bytes: &[u8]) -> Result<u64, Broken> {
        match take(&mut bytes)? {
            [VERSION] => Ok(u64::from_le_bytes(take(&mut bytes)?)),
            [_] => Err(Broken),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.bytes.capacity() + size_of::<Self>() + 64
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn last(&self) -> u64 {
        self.base + u64::from(self.count) - 1
    }

    pub(super) fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    /// The place of the first record.
    pub(super) fn first(&self) -> Place {
        Place { at: HEAD, index: 0 }
    }

    /// The record at `place`, which moves on; `None` after the last.
    pub(super) fn next(&self, place: &mut Place) -> Result<Option<Stored<'_>>, Broken> {
        if place.index == self.count {
            return Ok(None);
        }
        let mut rest = self.bytes.get(place.at..).ok_or(Broken)?;
        let lengths: [u8; LENGTHS] = take(&mut rest)?;
        let length = |i: usize| u32::from_le_bytes([lengths[i], lengths[i + 1], lengths[i + 2], lengths[i + 3]]) as usize;
        let (key, rest) = rest.split_at_checked(length(0)).ok_or(Broken)?;
        let (headers, rest) = rest.split_at_checked(length(4)).ok_or(Broken)?;
        let value = rest.get(..length(8)).ok_or(Broken)?;
        let offset = self.base + u64::from(place.index);
        *place = Place { at: place.at + LENGTHS + key.len() + headers.len() + value.len(), index: place.index + 1 };
        Ok(Some(Stored { offset, key, headers: Headers(headers), value }))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Broken)?;
    *rest = tail;
    Ok(*head)
}

/// Makes a chunk record by record.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    bytes: Vec<u8>,
    base: u64,
    count: u32,
}

impl ChunkBuilder {
    /// `room` is what its records will take, see [`Self::record_bytes`]; more may come.
    pub(super) fn new(base: u64, room: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + room);
        bytes.resize(HEAD, 0);
        Self { bytes, base, count: 0 }
    }

    /// What a record takes in a chunk.
    pub(super) fn record_bytes(entry: &Entry) -> usize {
        LENGTHS + entry.bytes_len()
    }

    /// Adds a record; its offset.
    pub(super) fn push(&mut self, key: &[u8], headers: Headers<'_>, value: &[u8]) -> u64 {
        let offset = self.next_offset();
        for part in [key, headers.0, value] {
            self.bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
        }
        for part in [key, headers.0, value] {
            self.bytes.extend_from_slice(part);
        }
        self.count += 1;
        offset
    }

    /// The offset that the next record gets.
    pub(super) fn next_offset(&self) -> u64 {
        self.base + u64::from(self.count)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The chunk; it has at least one record.
    pub(super) fn finish(mut self, recorded_at: i64) -> Chunk {
        self.bytes[0] = VERSION;
        self.bytes[1..9].copy_from_slice(&self.base.to_le_bytes());
        self.bytes[9..17].copy_from_slice(&recorded_at.to_le_bytes());
        self.bytes[17..HEAD].copy_from_slice(&self.count.to_le_bytes());
        Chunk { bytes: self.bytes, base: self.base, recorded_at, count: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Record = (Vec<u8>, Vec<u8>, Vec<u8>);

    fn build(base: u64, recorded_at: i64, records: &[Record]) -> Chunk {
        let mut builder = ChunkBuilder::new(base, 0);
        for (key, headers, value) in records {
            builder.push(key, Headers(headers), value);
        }
        builder.finish(recorded_at)
    }

    fn walk(chunk: &Chunk) -> Result<Vec<(u64, Record)>, Broken> {
        let mut place = chunk.first();
        let mut out = Vec::new();
        while let Some(r) = chunk.next(&mut place)? {
            out.push((r.offset, (r.key.to_vec(), r.headers.0.to_vec(), r.value.to_vec())));
        }
        Ok(out)
    }

    fn record() -> impl Strategy<Value = Record> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        (bytes(), bytes(), bytes())
    }

    proptest! {
        #[test]
        fn a_chunk_comes_back_as_it_was_put_in(
            base in 0..u64::MAX / 2, recorded_at in any::<i64>(), records in prop::collection::vec(record(), 1..20)
        ) {
            let chunk = Chunk::decode(build(base, recorded_at, &records).bytes).unwrap();
            prop_assert_eq!((chunk.base(), chunk.last(), chunk.recorded_at()), (base, base + records.len() as u64 - 1, recorded_at));
            let expected: Vec<_> = (base..).zip(records).collect();
            prop_assert_eq!(walk(&chunk).unwrap(), expected);
        }

        #[test]
        fn garbage_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..200), versioned in any::<bool>()) {
            if versioned && !bytes.is_empty() {
                bytes[0] = VERSION;
            }
            if let Ok(chunk) = Chunk::decode(bytes) {
                let _ = walk(&chunk);
            }
        }

        #[test]
        fn a_chunk_that_was_cut_short_is_broken(records in prop::collection::vec(record(), 1..5), cut in 1usize..40) {
            let mut bytes = build(7, 8, &records).bytes;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let outcome = Chunk::decode(bytes).and_then(|chunk| walk(&chunk));
            prop_assert_eq!(outcome, Err(Broken));
        }
    }
}
