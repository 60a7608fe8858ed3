//! Which outbox rows the sender has in hand: for each destination the first so many of its queue. The others wait in the state, so memory stays bounded however long a
//! destination is dead. Not part of the state: it only decides when an effect is said, and is made anew when the partition goes live.
use crate::outbox::RowKey;
use std::collections::{HashMap, HashSet};

/// The windows of one partition's destinations.
#[derive(Debug)]
pub(crate) struct Windows {
    size: usize,
    of: HashMap<String, Window>,
}

#[derive(Debug, Default)]
struct Window {
    in_hand: HashSet<RowKey>,
    /// Rows of this destination wait in the state: a new one must queue behind them.
    more: bool,
}

impl Windows {
    pub(crate) fn new(size: usize) -> Self {
        Self { size: size.max(1), of: HashMap::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.of.clear();
    }

    /// A new row at the end of the queue: whether it is handed over now.
    pub(crate) fn take(&mut self, destination: &str, key: &RowKey) -> bool {
        let window = match self.of.get_mut(destination) {
            Some(window) => window,
            None => self.of.entry(destination.to_owned()).or_default(),
        };
        window.more |= window.in_hand.len() >= self.size;
        if !window.more {
            window.in_hand.insert(key.clone());
        }
        !window.more
    }

    /// A row is gone: whether the queue should be read on.
    pub(crate) fn gone(&mut self, destination: &str, key: &RowKey) -> bool {
        let Some(window) = self.of.get_mut(destination) else { return false };
        window.in_hand.remove(key);
        window.more && window.in_hand.len() <= self.size / 2
    }

    /// Reading the queue from its start: whether this row is to be handed over; `None` where the window is full, so that reading may stop.
    pub(crate) fn read_on(&mut self, destination: &str, key: &RowKey) -> Option<bool> {
        let window = self.of.get_mut(destination)?;
        if window.in_hand.contains(key) {
            return Some(false);
        }
        window.more = window.in_hand.len() >= self.size;
        (!window.more).then(|| window.in_hand.insert(key.clone()))
    }

    /// The queue was read to its end.
    pub(crate) fn all_read(&mut self, destination: &str) {
        if let Some(window) = self.of.get_mut(destination) {
            window.more = false;
        }
    }
}
