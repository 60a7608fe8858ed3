//! Decoded rows in memory: loaded at first touch, written back at the end of the batch, kept on across batches up to a bound. A crash loses nothing: the rows are in the state.
use crate::rows::{self, Row};
use c360_engine::{State, StateError};
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

pub(crate) struct RowCache<R> {
    rows: HashMap<Box<[u8]>, Slot<R>>,
    /// Keys that are to be written, in the order in which they were first changed.
    dirty: Vec<Box<[u8]>>,
    rows_max: usize,
    batch: u64,
}

struct Slot<R> {
    row: R,
    dirty: bool,
    used: u64,
}

impl<R: Row> RowCache<R> {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self { rows: HashMap::new(), dirty: Vec::new(), rows_max, batch: 0 }
    }

    /// The row of `key` (a new one where there is none), which is about to be changed.
    pub(crate) fn change(&mut self, key: &[u8], state: &State) -> Result<&mut R, StateError> {
        let slot = match self.rows.entry_ref(key) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                let row = rows::load(state, key)?.unwrap_or_default();
                entry.insert(Slot { row, dirty: false, used: 0 })
            }
        };
        slot.used = self.batch;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(key.into());
        }
        Ok(&mut slot.row)
    }

    /// The row of `key`, where it is there.
    pub(crate) fn get(&mut self, key: &[u8], state: &State) -> Result<Option<&R>, StateError> {
        match self.rows.entry_ref(key) {
            EntryRef::Occupied(entry) => {
                let slot = entry.into_mut();
                slot.used = self.batch;
                Ok(Some(&slot.row))
            }
            EntryRef::Vacant(entry) => {
                let Some(row) = rows::load(state, key)? else { return Ok(None) };
                Ok(Some(&entry.insert(Slot { row, dirty: false, used: self.batch }).row))
            }
        }
    }

    /// Removes a row here and in the state.
    pub(crate) fn remove(&mut self, key: &[u8], state: &mut State) {
        self.rows.remove(key);
        state.delete(key.to_vec());
    }

    /// Writes what was changed into the state, and forgets rows past the bound: first those that the last batches did not use.
    /// `row` sees each changed row before it is written.
    pub(crate) fn flush(&mut self, state: &mut State, mut row: impl FnMut(&[u8], &mut R)) -> Result<(), StateError> {
        for key in self.dirty.drain(..) {
            let Some(slot) = self.rows.get_mut(&key) else { continue };
            slot.dirty = false;
            row(&key, &mut slot.row);
            state.put(key.into_vec(), rows::encode(&slot.row)?);
        }
        self.batch += 1;
        if self.rows.len() > self.rows_max {
            let oldest = self.batch.saturating_sub(2);
            self.rows.retain(|_, slot| slot.used >= oldest);
            if self.rows.len() > self.rows_max {
                self.rows.clear();
            }
        }
        Ok(())
    }

    /// Writes changed rows whose keys start with `prefix`, so that a scan sees them.
    pub(crate) fn settle(&mut self, prefix: &[u8], state: &mut State) -> Result<(), StateError> {
        for key in self.dirty.iter().filter(|key| key.starts_with(prefix)) {
            if let Some(slot) = self.rows.get(key) {
                state.put(key.to_vec(), rows::encode(&slot.row)?);
            }
        }
        Ok(())
    }
}
