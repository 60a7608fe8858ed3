//! Decoded rows in memory: loaded at first touch, changed here, written back when the engine writes, kept on after that up to a bound in bytes. A crash loses nothing: what
//! was not written is replayed.
use crate::rows::{self, Row};
use c360_engine::{State, StateError};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Of the bound, what is kept when it was passed.
const KEPT_PERCENT: usize = 75;
/// What a decoded row takes for each byte that is written of it, besides its fixed part: numbers and lists are written in fewer bytes than they take. Rather too much than too little.
const DECODED_FACTOR: usize = 3;

pub(crate) struct RowCache<R> {
    rows: Table<R>,
    /// Keys that are to be written, in the order in which they were first changed.
    dirty: Vec<Arc<[u8]>>,
    /// Keys of rows that something is to be said of.
    owed: VecDeque<Arc<[u8]>>,
    /// Whether rows note what was owed.
    speaks: bool,
    bytes_max: usize,
    /// About what the rows take in memory.
    bytes: usize,
    /// Counts writes: the age of a slot.
    epoch: u32,
}

/// Slots by their keys. Each lies by itself, so that a table that grows moves pointers and not rows.
struct Table<R> {
    slots: HashTable<Box<Slot<R>>>,
    hasher: DefaultHashBuilder,
}

struct Slot<R> {
    key: Arc<[u8]>,
    row: R,
    dirty: bool,
    owed: bool,
    /// When it was used last.
    epoch: u32,
    /// About what it takes.
    bytes: u32,
}

impl<R> Table<R> {
    fn find(&mut self, key: &[u8]) -> Option<&mut Slot<R>> {
        let hash = self.hasher.hash_one(key);
        self.slots.find_mut(hash, |slot| *slot.key == *key).map(Box::as_mut)
    }

    /// The slot of `key`; where there is none, the one that `make` gives, if it gives one.
    fn find_or_insert<E>(&mut self, key: &[u8], make: impl FnOnce() -> Result<Option<Slot<R>>, E>) -> Result<Option<&mut Slot<R>>, E> {
        use hashbrown::hash_table::Entry;
        let Self { slots, hasher } = self;
        match slots.entry(hasher.hash_one(key), |slot| *slot.key == *key, |slot| hasher.hash_one(&*slot.key)) {
            Entry::Occupied(entry) => Ok(Some(entry.into_mut().as_mut())),
            Entry::Vacant(entry) => Ok(make()?.map(|slot| entry.insert(Box::new(slot)).into_mut().as_mut())),
        }
    }

    fn remove(&mut self, key: &[u8]) -> Option<Slot<R>> {
        let hash = self.hasher.hash_one(key);
        self.slots.find_entry(hash, |slot| *slot.key == *key).ok().map(|entry| *entry.remove().0)
    }
}

impl<R: Row> RowCache<R> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let rows = Table { slots: HashTable::new(), hasher: DefaultHashBuilder::default() };
        Self { rows, dirty: Vec::new(), owed: VecDeque::new(), speaks: false, bytes_max, bytes: 0, epoch: 0 }
    }

    /// A cache that remembers which rows changed until that is said, see [`RowCache::next_owed`].
    pub(crate) fn speaking(bytes_max: usize) -> Self {
        Self { speaks: true, ..Self::new(bytes_max) }
    }

    /// The row of `key` (a new one where there is none), which is about to be changed.
    pub(crate) fn change(&mut self, key: &[u8], state: &State) -> Result<&mut R, StateError> {
        let bytes = &mut self.bytes;
        let slot = self.rows.find_or_insert(key, || -> Result<_, StateError> {
            let slot = load(key, state)?.unwrap_or_else(|| Slot::new(R::default(), key, 0));
            *bytes += slot.bytes as usize;
            Ok(Some(slot))
        })?;
        let Some(slot) = slot else { return Err(StateError("a row that was made is not there".into())) };
        slot.epoch = self.epoch;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(Arc::clone(&slot.key));
        }
        if self.speaks && !slot.owed {
            slot.owed = true;
            self.owed.push_back(Arc::clone(&slot.key));
        }
        Ok(&mut slot.row)
    }

    /// The row of `key`, where it is there.
    pub(crate) fn get(&mut self, key: &[u8], state: &State) -> Result<Option<&R>, StateError> {
        Ok(self.get_mut(key, state)?.map(|row| &*row))
    }

    /// As [`RowCache::get`], for who sets what is not written of it.
    pub(crate) fn get_mut(&mut self, key: &[u8], state: &State) -> Result<Option<&mut R>, StateError> {
        let bytes = &mut self.bytes;
        let slot = self.rows.find_or_insert(key, || -> Result<_, StateError> {
            let slot = load(key, state)?;
            *bytes += slot.as_ref().map_or(0, |slot| slot.bytes as usize);
            Ok(slot)
        })?;
        Ok(slot.map(|slot| {
            slot.epoch = self.epoch;
            &mut slot.row
        }))
    }

    /// Removes a row here and in the state.
    pub(crate) fn remove(&mut self, key: &[u8], state: &mut State) {
        if let Some(slot) = self.rows.remove(key) {
            self.bytes = self.bytes.saturating_sub(slot.bytes as usize);
        }
        state.delete(key.to_vec());
    }

    /// Something is still owed of the row of `key`.
    pub(crate) fn owe(&mut self, key: &[u8]) {
        let key = match self.rows.find(key) {
            Some(slot) if slot.owed => return,
            Some(slot) => {
                slot.owed = true;
                Arc::clone(&slot.key)
            }
            None => key.into(),
        };
        self.owed.push_back(key);
    }

    /// Takes the first key out that something is owed of. The row may be gone.
    pub(crate) fn next_owed(&mut self) -> Option<Arc<[u8]>> {
        let key = self.owed.pop_front()?;
        if let Some(slot) = self.rows.find(&key) {
            slot.owed = false;
        }
        Some(key)
    }

    /// The keys that something is owed of.
    pub(crate) fn owed(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.owed.iter().map(AsRef::as_ref)
    }

    /// Whether dirty rows take so much that they are to be written soon.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > self.bytes_max && !self.dirty.is_empty()
    }

    /// Writes what was changed into the state, for good, and forgets rows past the bound: first those that were not used for long.
    pub(crate) fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        // In order, since neighbours are cheaper to insert one after the other.
        self.dirty.sort_unstable();
        for key in self.dirty.drain(..) {
            let Some(slot) = self.rows.find(&key) else { continue };
            slot.dirty = false;
            let mut len = 0;
            state.write(&key, |out| {
                let start = out.len();
                let out = rows::encode_to(&slot.row, out)?;
                len = out.len() - start;
                Ok(out)
            })?;
            let bytes = Slot::<R>::weight(&key, len);
            self.bytes = (self.bytes + bytes as usize).saturating_sub(slot.bytes as usize);
            slot.bytes = bytes;
        }
        self.epoch += 1;
        if self.bytes > self.bytes_max {
            self.shrink();
        }
        Ok(())
    }

    /// Forgets the rows that were used longest ago. Nothing is dirty now.
    fn shrink(&mut self) {
        let mut by_age = std::collections::BTreeMap::<u32, usize>::new();
        for slot in &self.rows.slots {
            *by_age.entry(slot.epoch).or_default() += slot.bytes as usize;
        }
        let (mut kept, mut oldest) = (0, self.epoch);
        for (epoch, bytes) in by_age.into_iter().rev() {
            kept += bytes;
            if kept > self.bytes_max / 100 * KEPT_PERCENT {
                break;
            }
            oldest = epoch;
        }
        self.rows.slots.retain(|slot| slot.epoch >= oldest);
        self.bytes = self.rows.slots.iter().map(|slot| slot.bytes as usize).sum();
    }

    /// Puts changed rows into the state, so that a scan sees them.
    pub(crate) fn settle(&mut self, state: &mut State) -> Result<(), StateError> {
        for key in self.dirty.drain(..) {
            if let Some(slot) = self.rows.find(&key) {
                slot.dirty = false;
                state.put(key.to_vec(), rows::encode(&slot.row)?);
            }
        }
        Ok(())
    }
}

fn load<R: Row>(key: &[u8], state: &State) -> Result<Option<Slot<R>>, StateError> {
    let Some(bytes) = state.get(key)? else { return Ok(None) };
    Ok(Some(Slot::new(rows::decode(&bytes)?, key, bytes.len())))
}

impl<R> Slot<R> {
    fn new(row: R, key: &[u8], len: usize) -> Self {
        Self { key: key.into(), row, dirty: false, owed: false, epoch: 0, bytes: Self::weight(key, len) }
    }

    /// About what a row takes whose bytes are so many.
    fn weight(key: &[u8], len: usize) -> u32 {
        (size_of::<Self>() + size_of::<Box<Self>>() + key.len() + 16 + DECODED_FACTOR * len).min(u32::MAX as usize) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::UserRow;

    fn seen(cache: &mut RowCache<UserRow>, state: &State, n: u32) -> Option<i64> {
        cache.get(&key(n), state).unwrap().and_then(|row| row.seen_at)
    }

    fn key(n: u32) -> Vec<u8> {
        [&[0x11][..], &n.to_be_bytes()].concat()
    }

    #[test]
    fn what_does_not_fit_is_read_again_and_what_was_used_last_stays() {
        let mut rows = c360_engine::MemoryStore::default();
        let mut state = State::in_memory();
        let mut cache = RowCache::<UserRow>::new(200_000);
        for n in 0..10_000_u32 {
            cache.change(&key(n), &state).unwrap().seen_at = Some(i64::from(n));
            if n % 100 == 99 {
                cache.write_back(&mut state).unwrap();
                state.write_to(&mut rows);
                state = State::open(Box::new(rows.clone())).unwrap();
                assert!(cache.bytes <= 200_000, "{} bytes after {n} rows", cache.bytes);
            }
        }
        assert!(cache.rows.slots.len() < 2_000 && cache.rows.find(&key(9_999)).is_some(), "{} rows", cache.rows.slots.len());
        for n in [0, 5_000, 9_999] {
            assert_eq!(seen(&mut cache, &state, n), Some(i64::from(n)));
        }
        assert_eq!(seen(&mut cache, &state, 10_000), None);
    }
}
