//! A tenant's rules come with the log; its customers are scored anew by them, in parts, so that no transaction grows with their number.
use super::decide::{Trigger, decide};
use super::{Aggregate, history, timers};
use crate::keys::{self, Tag};
use crate::metrics::Effect;
use crate::poison::{Reason, poison};
use crate::rows::{self, InForceRow, RescoreRow};
use c360_engine::{Actions, ApplyError, At, State, StateError};
use c360_schemas::{Key, Rules};
use std::ops::ControlFlow;

/// Customers scored anew in one go.
const RESCORED_MAX: usize = 2_000;

impl Aggregate {
    /// Rules were applied. Each partition gets them and decides alike which are the newest.
    pub(super) fn take_rules(
        &mut self,
        at: At,
        key: Key<'_>,
        applied: &Rules,
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), ApplyError> {
        let rules = c360_health::check(&applied.text).map_err(|mistakes| {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            poison(Reason::Incomplete, format!("the rules have mistakes: {first}"))
        })?;
        let version = u32::try_from(applied.version).map_err(|_| poison(Reason::Incomplete, "the rules have no version"))?;
        let row = InForceRow { version, at: applied.at, id: rules.id };
        let (tenant, name) = (key.tenant, rules.name.clone());
        if self.book.put(tenant, &applied.text, rules, row, state)? {
            history::rules(out, tenant, applied, &name);
            rows::store(state, keys::own(Tag::Rescore, tenant.as_bytes()), &RescoreRow::default())?;
            self.rescore(at, tenant.as_bytes(), state, out)?;
        }
        Ok(())
    }

    /// Scores the next of the tenant's customers, and sets the timer for those after them.
    pub(super) fn rescore(&mut self, at: At, tenant: &[u8], state: &mut State, out: &mut Actions<Effect>) -> Result<(), StateError> {
        let row_key = keys::own(Tag::Rescore, tenant);
        let Some(row) = rows::load::<RescoreRow>(state, &row_key)? else { return Ok(()) };
        // Customers that are only in memory are in the scan too.
        self.accounts.settle(state)?;
        let mut prefix = keys::own(Tag::Hot, tenant);
        prefix.push(b'/');
        let mut found: Vec<Vec<u8>> = Vec::new();
        state.scan_from(&prefix, &row.after, &mut |key, _| {
            if *key != *row.after {
                found.push(key.to_vec());
            }
            if found.len() > RESCORED_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let more = found.len() > RESCORED_MAX;
        found.truncate(RESCORED_MAX);
        for hot_key in &found {
            let key_bytes = hot_key.get(1..).unwrap_or_default();
            let Some(key) = keys::parse(key_bytes) else { continue };
            let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
            decide(&mut work, hot, Trigger::Time)?;
            timers::schedule(&mut work, hot);
        }
        if let Some(last) = found.pop().filter(|_| more) {
            rows::store(state, row_key, &RescoreRow { after: last })?;
            let mut timer = vec![timers::RESCORE];
            timer.extend_from_slice(tenant);
            state.set_timer(at.now + 1, &timer);
        } else {
            state.delete(row_key);
        }
        Ok(())
    }
}
