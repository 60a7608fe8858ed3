//! A message id counts once for an account within 7 days; a usage event of an import once for as long as its day counts, so that a file can be imported again at any time. Marks are one
//! row each, found by one look-up, almost always in vain; old ones are swept away slice by slice, a round a day.
use super::Aggregate;
use super::timers::SWEEP;
use crate::hash;
use crate::keys::{self, Tag};
use crate::rows::{self, RING_DAYS, SweepRow};
use crate::time::{DAY_MS, day_of};
use c360_engine::planted::{self, Bug};
use c360_engine::{At, State, StateError};
use c360_schemas::{Event, Kind};
use std::ops::ControlFlow;

/// Days after its own for which a message id is known.
pub(crate) const DEDUP_DAYS: i32 = 7;
/// Bytes of a mark's key: tag, hash of the account's key, hash of the message id.
pub(super) const MARK_KEY_BYTES: usize = 25;
/// A round of the sweep has this many slices.
const SLICES: u8 = 64;
/// What the sources of imports begin with.
const IMPORTS: &str = "import:";
/// Marks taken along when a provisional customer moves.
pub(crate) const MARKS_MOVED_MAX: usize = 100_000;

/// What the keys of all marks of an account start with. Two accounts of one partition share it with a chance of 2^-64, and would then only share their marks.
pub(crate) fn mark_prefix(key_bytes: &[u8]) -> [u8; 9] {
    let mut out = [Tag::Mark as u8; 9];
    out[1..].copy_from_slice(&hash::short(key_bytes).to_be_bytes());
    out
}

/// Key of a mark, from the hash of its message id.
pub(crate) fn mark_key(key_bytes: &[u8], id: &[u8; 16]) -> [u8; MARK_KEY_BYTES] {
    let mut out = [0; MARK_KEY_BYTES];
    out[..9].copy_from_slice(&mark_prefix(key_bytes));
    out[9..].copy_from_slice(id);
    out
}

/// The day from which a mark is kept: the one that it was set on, or a later one.
pub(crate) fn mark_day(value: &[u8]) -> Option<i32> {
    value.try_into().ok().map(i32::from_be_bytes)
}

impl Aggregate {
    /// Whether an event's message id is new to the account; from now on it is not.
    pub(super) fn first_time(&mut self, at: At, key_bytes: &[u8], event: &Event<'_>, state: &mut State) -> Result<bool, StateError> {
        let today = day_of(at.now);
        let key = mark_key(key_bytes, &hash::long(event.message_id.as_bytes()));
        if let Some(day) = self.marks.get(&key, state)?
            && today - day <= DEDUP_DAYS
        {
            return Ok(false);
        }
        if !planted::is_on(Bug::DedupMarkLost) {
            self.marks.set(key, kept_from(today, event));
        }
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
        self.marks.settle(state);
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

/// A file is imported again without a thought, also after months: all that it says is an upsert but usage, which is known as long as its day is in the ring.
fn kept_from(today: i32, event: &Event<'_>) -> i32 {
    if event.kind == Kind::Usage && event.source.starts_with(IMPORTS) {
        today.max(day_of(event.occurred_at).min(today) + RING_DAYS - DEDUP_DAYS)
    } else {
        today
    }
}

fn arm(state: &mut State, row: SweepRow) -> Result<(), StateError> {
    state.set_timer(row.due, &[SWEEP]);
    rows::store(state, keys::own(Tag::Sweep, &[]), &row)
}
