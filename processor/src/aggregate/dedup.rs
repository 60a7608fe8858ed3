//! A message id counts once for an account within 7 days. Marks are one row each, found by one look-up, almost always in vain; old ones are swept away slice by slice, a round a day.
use super::Aggregate;
use super::timers::SWEEP;
use crate::hash;
use crate::keys::{self, Tag};
use crate::rows::{self, SweepRow};
use crate::time::{DAY_MS, day_of};
use c360_engine::{At, State, StateError};
use std::ops::ControlFlow;

/// Days after its own for which a message id is known.
pub(crate) const DEDUP_DAYS: i32 = 7;
/// A round of the sweep has this many slices.
const SLICES: u8 = 64;
/// Marks taken along when a provisional customer moves.
pub(crate) const MARKS_MOVED_MAX: usize = 100_000;

/// What the keys of all marks of an account start with. Two accounts of one partition share it with a chance of 2^-64, and would then only share their marks.
pub(crate) fn mark_prefix(key_bytes: &[u8]) -> [u8; 9] {
    let mut out = [Tag::Mark as u8; 9];
    out[1..].copy_from_slice(&hash::short(key_bytes).to_be_bytes());
    out
}

/// Key of a mark, from the hash of its message id.
pub(crate) fn mark_key(key_bytes: &[u8], id: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(25);
    out.extend_from_slice(&mark_prefix(key_bytes));
    out.extend_from_slice(id);
    out
}

/// The day that a mark was set on.
pub(crate) fn mark_day(value: &[u8]) -> Option<i32> {
    value.try_into().ok().map(i32::from_be_bytes)
}

impl Aggregate {
    /// Whether a message id is new to the account; from now on it is not.
    pub(super) fn first_time(&mut self, at: At, key_bytes: &[u8], message_id: &str, state: &mut State) -> Result<bool, StateError> {
        let today = day_of(at.now);
        let key = mark_key(key_bytes, &hash::long(message_id.as_bytes()));
        if let Some(day) = state.get(&key)?.as_deref().and_then(mark_day)
            && today - day <= DEDUP_DAYS
        {
            return Ok(false);
        }
        state.put(key, today.to_be_bytes().to_vec());
        self.start_sweep(at, state)?;
        Ok(true)
    }

    pub(super) fn start_sweep(&mut self, at: At, state: &mut State) -> Result<(), StateError> {
        if !self.sweeping {
            self.sweeping = true;
            let key = keys::own(Tag::Sweep, &[]);
            if rows::load::<SweepRow>(state, &key)?.is_none() {
                arm(state, SweepRow { due: at.now + DAY_MS / i64::from(SLICES), slice: 0, left: false })?;
            }
        }
        Ok(())
    }

    /// Removes the old marks of one slice. The sweep ends itself when a round found none that stay.
    pub(super) fn sweep(&mut self, at: At, state: &mut State) -> Result<(), StateError> {
        let key = keys::own(Tag::Sweep, &[]);
        let Some(row) = rows::load::<SweepRow>(state, &key)? else { return Ok(()) };
        let mut left = row.left;
        let (today, width) = (day_of(at.now), 256 / u16::from(SLICES));
        let mut old = Vec::new();
        for first in u16::from(row.slice) * width..(u16::from(row.slice) + 1) * width {
            state.scan(&[Tag::Mark as u8, first as u8], &mut |key, value| {
                if mark_day(value).is_some_and(|day| today - day <= DEDUP_DAYS) {
                    left = true;
                } else {
                    old.push(key.to_vec());
                }
                ControlFlow::Continue(())
            })?;
        }
        for key in old {
            state.delete(key);
        }
        let slice = (row.slice + 1) % SLICES;
        if slice == 0 && !left {
            self.sweeping = false;
            state.delete(key);
            return Ok(());
        }
        arm(state, SweepRow { due: at.now + DAY_MS / i64::from(SLICES), slice, left: left && slice != 0 })
    }
}

fn arm(state: &mut State, row: SweepRow) -> Result<(), StateError> {
    state.set_timer(row.due, &[SWEEP]);
    rows::store(state, keys::own(Tag::Sweep, &[]), &row)
}
