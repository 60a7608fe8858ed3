//! What a write of the rows consists of.
use crate::state::{Changes, StateError};

/// What is kept of the memory for rows between two writes.
const KEPT_BYTES: usize = 1 << 20;

/// Rows that are only written, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    bytes: Vec<u8>,
    /// End of the key and end of the value of each row.
    ends: Vec<(usize, usize)>,
}

impl Bulk {
    pub(crate) fn push(&mut self, key: &[u8], value: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, StateError>) -> Result<(), StateError> {
        self.bytes.extend_from_slice(key);
        let end_of_key = self.bytes.len();
        self.bytes = value(std::mem::take(&mut self.bytes))?;
        self.ends.push((end_of_key, self.bytes.len()));
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        // After a large write there may not be another one for long, and every partition has one of these.
        self.bytes.shrink_to(KEPT_BYTES);
        self.ends.shrink_to(KEPT_BYTES / size_of::<(usize, usize)>());
    }
}

/// Rows that change, for [`crate::Rows::commit`].
#[derive(Clone, Copy, Debug)]
pub struct Writes<'a> {
    pub(crate) changes: &'a Changes,
    pub(crate) bulk: &'a Bulk,
}

impl Writes<'_> {
    /// About how many bytes of keys and values there are.
    pub fn bytes_len(self) -> usize {
        let changes = self.changes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        changes.sum::<usize>() + self.bulk.bytes.len()
    }

    /// How many rows there are.
    pub fn rows(self) -> usize {
        self.changes.len() + self.bulk.ends.len()
    }

    /// Calls `row` with the key of each row and its new value, `None` for one that goes. A key that comes twice has the value that came last.
    pub fn each(self, mut row: impl FnMut(&[u8], Option<&[u8]>)) {
        for (key, value) in self.changes {
            row(key, value.as_deref());
        }
        let mut start = 0;
        for (end_of_key, end) in &self.bulk.ends {
            if let (Some(key), Some(value)) = (self.bulk.bytes.get(start..*end_of_key), self.bulk.bytes.get(*end_of_key..*end)) {
                row(key, Some(value));
            }
            start = *end;
        }
    }
}
