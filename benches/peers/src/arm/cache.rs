//! Decoded rows in memory, written back when the engine writes and kept up to a bound.
use c360_engine::{State, StateError};
use rustc_hash::FxHashMap;

/// What a row of the state holds.
pub trait Row: Default {
    fn encode(&self, out: &mut Vec<u8>);
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// Rows by key.
pub struct Cache<R> {
    rows: FxHashMap<Box<[u8]>, Slot<R>>,
    dirty: Vec<Box<[u8]>>,
    rows_max: usize,
}

struct Slot<R> {
    row: R,
    dirty: bool,
}

impl<R: Row> Cache<R> {
    pub fn new(rows_max: usize) -> Self {
        Self { rows: FxHashMap::default(), dirty: Vec::new(), rows_max }
    }

    /// The row of `key`; an empty one where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, or is broken.
    pub fn row(&mut self, key: &[u8], state: &State) -> Result<&mut R, StateError> {
        if !self.rows.contains_key(key) {
            let row = match state.get(key)? {
                Some(bytes) => R::decode(&bytes).ok_or_else(|| StateError("a row is broken".into()))?,
                None => R::default(),
            };
            self.rows.insert(key.into(), Slot { row, dirty: false });
        }
        // It is there now.
        self.rows.get_mut(key).map(|slot| &mut slot.row).ok_or_else(|| StateError("no row".into()))
    }

    /// The row of `key` was changed.
    pub fn changed(&mut self, key: &[u8]) {
        if let Some(slot) = self.rows.get_mut(key).filter(|slot| !slot.dirty) {
            slot.dirty = true;
            self.dirty.push(key.into());
        }
    }

    /// Whether so many rows are held that they are to be written soon.
    pub fn is_full(&self) -> bool {
        self.rows.len() > self.rows_max
    }

    /// Writes what was changed into the state.
    ///
    /// # Errors
    /// Never.
    pub fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        self.dirty.sort_unstable();
        for key in self.dirty.drain(..) {
            let Some(slot) = self.rows.get_mut(&key) else { continue };
            slot.dirty = false;
            state.write(&key, |mut out| {
                slot.row.encode(&mut out);
                Ok(out)
            })?;
        }
        if self.is_full() {
            self.rows.clear();
        }
        Ok(())
    }
}
