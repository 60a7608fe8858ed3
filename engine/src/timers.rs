//! The timers that are due next, in memory: so that taking one out is no search, however many are due at the same moment.
//!
//! All timers are rows of the state; here are those up to a mark, at most [`FRONT_MAX`] of them. What lies beyond is fetched when the front is used up.
use crate::state::TAG_TIMER;
use std::collections::BTreeSet;

/// Timers that are fetched at once.
pub(crate) const FETCH: usize = 1_024;
/// Timers in memory at most.
const FRONT_MAX: usize = 4 * FETCH;

/// A timer that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// UTC ms.
    pub due: i64,
    /// As it was set.
    pub key: Vec<u8>,
}

/// The first timers of a partition, by the keys of their rows.
pub(crate) struct Front {
    rows: BTreeSet<Vec<u8>>,
    /// Every timer up to this key is in `rows`, and none after it. `None`: all are.
    until: Option<Vec<u8>>,
}

impl Front {
    /// Nothing is fetched yet.
    pub(crate) fn unknown() -> Self {
        Self { rows: BTreeSet::new(), until: Some(vec![TAG_TIMER]) }
    }

    /// There are no timers.
    pub(crate) fn empty() -> Self {
        Self { rows: BTreeSet::new(), until: None }
    }

    pub(crate) fn set(&mut self, row: Vec<u8>) {
        if self.until.as_ref().is_some_and(|until| row > *until) {
            return;
        }
        self.rows.insert(row);
        if self.rows.len() > FRONT_MAX {
            let beyond = self.rows.len() - FRONT_MAX / 2;
            for _ in 0..beyond {
                self.rows.pop_last();
            }
            self.until = self.rows.last().cloned();
        }
    }

    pub(crate) fn cancel(&mut self, row: &[u8]) {
        self.rows.remove(row);
    }

    /// When the first timer may be due: none is due before that.
    pub(crate) fn next_due(&self) -> Option<i64> {
        let row = self.rows.first().or(self.until.as_ref())?;
        Some(parse(row).map_or(i64::MIN, |timer| timer.due))
    }

    /// Takes the first timer out, where it is due.
    pub(crate) fn pop(&mut self, now: i64) -> Option<Vec<u8>> {
        let due = parse(self.rows.first()?)?.due;
        if due <= now { self.rows.pop_first() } else { None }
    }

    /// Where to fetch from before it is known what is due at `now`; `None` where it is known.
    pub(crate) fn fetch_from(&self, now: i64) -> Option<Vec<u8>> {
        let until = self.until.as_ref().filter(|_| self.rows.is_empty())?;
        if parse(until).is_some_and(|timer| timer.due > now) {
            return None;
        }
        let mut from = until.clone();
        from.push(0);
        Some(from)
    }

    /// Takes what was fetched in; fewer than [`FETCH`] means that there are no more.
    pub(crate) fn fetched(&mut self, rows: Vec<Vec<u8>>) {
        self.until = if rows.len() < FETCH { None } else { rows.last().cloned() };
        self.rows.extend(rows);
    }
}

/// Key of a timer's row: tag, due time as 8 bytes big-endian, the timer's key.
pub(crate) fn row(due: i64, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + key.len());
    out.push(TAG_TIMER);
    out.extend_from_slice(&due.max(0).to_be_bytes());
    out.extend_from_slice(key);
    out
}

pub(crate) fn parse(row: &[u8]) -> Option<Timer> {
    let (due, key) = row.strip_prefix(&[TAG_TIMER])?.split_first_chunk::<8>()?;
    Some(Timer { due: i64::from_be_bytes(*due), key: key.to_vec() })
}
