//! What time alone does to an account: one timer each, at the next moment at which anything can change; none for a quiet one.
use super::decide::{Trigger, decide};
use super::{Aggregate, Work, billing, lifecycle, renewal, support, survey, usage};
use crate::keys;
use crate::metrics::Effect;
use crate::rows::{Hot, IncidentState};
use c360_engine::{Actions, At, State, StateError};

/// First byte of the keys of accounts' timers.
pub(crate) const ACCOUNT: u8 = b'a';
/// Key of the sweep's timer.
pub(crate) const SWEEP: u8 = b's';
/// First byte of the keys of timers by which a tenant's customers are scored anew; the tenant follows.
pub(crate) const RESCORE: u8 = b'r';

impl Aggregate {
    pub(super) fn account_timer(
        &mut self,
        at: At,
        key_bytes: &[u8],
        state: &mut State,
        out: &mut Actions<Effect>,
    ) -> Result<(), StateError> {
        let Some(key) = keys::parse(key_bytes) else { return Ok(()) };
        if self.accounts.get(&keys::own(keys::Tag::Hot, key_bytes), state)?.is_none() {
            // It moved in the meantime.
            return Ok(());
        }
        let (mut work, hot) = self.open(at, key, key_bytes, state, out)?;
        hot.timer = None;
        billing::reprice(&mut work, hot)?;
        // A renewal that comes near today is told today.
        renewal::advance(&mut work, hot);
        decide(&mut work, hot, Trigger::Time)?;
        schedule(&mut work, hot);
        Ok(())
    }
}

/// A new day: windows move on. Whether it is one.
pub(crate) fn roll(work: &mut Work<'_>, hot: &mut Hot) -> Result<bool, StateError> {
    if !hot.usage.advance(work.today) {
        return Ok(false);
    }
    usage::age(hot, work.today);
    billing::age(hot, work.today);
    support::age(work, hot)?;
    survey::age(work, hot)?;
    Ok(true)
}

/// Sets the account's timer to when something can change next.
pub(crate) fn schedule(work: &mut Work<'_>, hot: &mut Hot) {
    let due = next_due(work, hot).map(|due| due.max(work.at.now + 1));
    if due == hot.timer {
        return;
    }
    work.scratch.clear();
    work.scratch.push(ACCOUNT);
    work.scratch.extend_from_slice(work.key_bytes);
    if let Some(old) = hot.timer {
        work.state.cancel_timer(old, work.scratch);
    }
    if let Some(new) = due {
        work.state.set_timer(new, work.scratch);
    }
    hot.timer = due;
}

fn next_due(work: &Work<'_>, hot: &Hot) -> Option<i64> {
    let health = &hot.health;
    let midnight = changes_daily(hot, work.today).then(|| hot.calendar.day_start(work.today + 1));
    let dwell = health.pending.as_ref().map(|pending| pending.since + work.rules.rules.bands.dwell_ms);
    let overridden = work.rules.rules.override_of(work.key.id, work.at.now).map(|held| held.expires_at);
    let score = health.evaluated_at.filter(|_| health.stale).map(|at| at + work.config.evaluate_every_ms);
    let incidents = health.incidents.iter().filter(|i| i.state == IncidentState::Open);
    let incidents = incidents.flat_map(|i| [i.recovered_since.map(|at| at + work.rules.alerts.resolve_after_ms), i.snoozed_until]);
    [midnight, dwell, overridden, score, billing::next_reprice(hot), lifecycle::next_change(hot, work.today)]
        .into_iter()
        .chain(incidents)
        .flatten()
        .min()
}

/// Whether tomorrow is another day for this account.
fn changes_daily(hot: &Hot, today: i32) -> bool {
    !hot.usage.days.is_empty()
        || hot.billing.unpaid.iter().any(|invoice| invoice.due_at.is_some())
        || hot.billing.mrr_points.len() > 1
        || hot.support.known
        || hot.surveys.known()
        || hot.health.pending.is_some()
        || hot.traits.seats.get().is_some() && lifecycle::is_young(hot, today)
}
