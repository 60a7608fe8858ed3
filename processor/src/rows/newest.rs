//! A value that the newest word decides, in whatever order words arrive.
use serde::{Deserialize, Serialize};

/// The value said last in event time; of two said at once the greater holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Newest<T> {
    at: i64,
    value: Option<T>,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { at: i64::MIN, value: None }
    }
}

impl<T: Ord + Clone> Newest<T> {
    /// Takes a word in; `None` says nothing.
    pub(crate) fn tell<U: Into<T>>(&mut self, at: i64, value: Option<U>) {
        let Some(value) = value.map(Into::into) else { return };
        if (at, Some(&value)) > (self.at, self.value.as_ref()) {
            *self = Self { at, value: Some(value) };
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.tell(other.at, other.value.clone());
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}
