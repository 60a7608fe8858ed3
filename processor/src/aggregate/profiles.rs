//! Saying customers' profiles: once for many events, in parts, and never forgotten. A profile that was not said when the rows were written is noted beside them.
use super::Aggregate;
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::view;
use c360_engine::{Actions, At, State, StateError};
use std::ops::ControlFlow;

/// Profiles that are owed while records wait, at most: their keys are in memory.
pub(super) const OWED_MAX: usize = 20_000;
/// Profiles in one transaction where too many are owed.
const SAID_MAX: usize = 10_000;

impl Aggregate {
    /// Says the profiles that are owed, at most so many as one transaction takes; more where too many are owed.
    pub(super) fn say_profiles(&mut self, at: At, state: &mut State, out: &mut Actions<Effect>) -> Result<(), StateError> {
        let too_many = self.accounts.owed().len().saturating_sub(OWED_MAX);
        for _ in 0..self.config.profiles_max.max(too_many.min(SAID_MAX)) {
            let Some(row_key) = self.accounts.next_owed() else { break };
            let key_bytes = row_key.get(1..).unwrap_or_default();
            if self.noted.remove(key_bytes) {
                state.delete(keys::own(Tag::Owed, key_bytes));
            }
            // It may have moved in the meantime.
            if let Some(key) = keys::parse(key_bytes)
                && let Some(hot) = self.accounts.get_mut(&row_key, state)?
            {
                hot.calendar = self.config.calendar(key.tenant);
                let in_force = self.book.of(key.tenant, &self.config.alerts, state)?;
                let scored_by = hot.health.current.as_ref().map(|s| self.book.by_id(key.tenant, s.rules, state)).transpose()?.flatten();
                let rules = view::Scored { by: scored_by.as_deref().unwrap_or(&in_force.rules), in_force: &in_force };
                view::push_profile(&mut out.outputs, at, key, key_bytes, hot, &self.config, rules);
            }
        }
        Ok(())
    }

    /// Notes what is owed when the rows are written: after a crash nothing else tells.
    pub(super) fn note_owed(&mut self, state: &mut State) -> Result<(), StateError> {
        for row_key in self.accounts.owed() {
            let key_bytes = row_key.get(1..).unwrap_or_default();
            if !self.noted.contains(key_bytes) {
                self.noted.insert(key_bytes.into());
                state.write(&keys::own(Tag::Owed, key_bytes), Ok)?;
            }
        }
        Ok(())
    }

    /// Finds what was noted before a crash.
    pub(super) fn find_owed(&mut self, state: &State) -> Result<(), StateError> {
        state.scan(&[Tag::Owed as u8], &mut |row, _| {
            let key_bytes = row.get(1..).unwrap_or_default();
            self.accounts.owe(&keys::own(Tag::Hot, key_bytes));
            self.noted.insert(key_bytes.into());
            ControlFlow::Continue(())
        })
    }
}
