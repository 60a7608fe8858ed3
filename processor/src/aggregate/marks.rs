//! Marks that were set since the rows were written. They are many, small and rarely asked for again, so they wait here side by side and go to the state in order.
use super::dedup::{MARK_KEY_BYTES, mark_day};
use c360_engine::{State, StateError};
use hashbrown::HashMap;

/// Marks that wait at most.
const WAITING_MAX: usize = 400_000;

/// Message ids by the keys of their rows, with the days that they were set on.
#[derive(Default)]
pub(crate) struct Marks {
    waiting: HashMap<[u8; MARK_KEY_BYTES], i32>,
}

impl Marks {
    /// The day that a mark was set on.
    pub(crate) fn get(&self, key: &[u8; MARK_KEY_BYTES], state: &State) -> Result<Option<i32>, StateError> {
        match self.waiting.get(key) {
            Some(day) => Ok(Some(*day)),
            None => Ok(state.get(key)?.as_deref().and_then(mark_day)),
        }
    }

    pub(crate) fn set(&mut self, key: [u8; MARK_KEY_BYTES], day: i32) {
        self.waiting.insert(key, day);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// Puts the marks into the state, so that a scan sees them.
    pub(crate) fn settle(&mut self, state: &mut State) {
        for (key, day) in self.waiting.drain() {
            state.put(key.to_vec(), day.to_be_bytes().to_vec());
        }
    }

    /// Writes the marks, for good.
    pub(crate) fn write_back(&mut self, state: &mut State) -> Result<(), StateError> {
        // Every partition has marks: what a large write takes is not kept until the next one.
        let mut sorted: Vec<_> = self.waiting.drain().collect();
        sorted.sort_unstable();
        for (key, day) in sorted {
            state.write(&key, |mut out| {
                out.extend_from_slice(&day.to_be_bytes());
                Ok(out)
            })?;
        }
        Ok(())
    }
}
