//! Score, band and alerts after something changed. When it is done is part of the log: after each event of billing, support and surveys, after usage at most once an hour, and at
//! the account's timer. So where batches end decides nothing.
use super::{Work, history, lifecycle, noticed};
use crate::alert::{AlertType, Happened, incident};
use crate::config::AlertConfig;
use crate::rows::{Band, Hot, Snapshot};
use crate::score::{self, BandStep, Facts, Held, conditions};
use c360_engine::StateError;
use c360_health::Family;
use std::sync::Arc;

/// What asks for a decision.
pub(crate) enum Trigger<'a> {
    /// `family`: where it comes from, where that is a part of health.
    Event {
        id: &'a str,
        happened_at: i64,
        family: Option<Family>,
        facts: Vec<AlertType>,
    },
    Time,
}

/// The hard facts that alerts stand on, before or after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hard {
    payment_failed: bool,
    payment_given_up: bool,
    cancellation: bool,
    churned: bool,
    detractors: u32,
    backlog: bool,
    escalated: u32,
    champions_gone: usize,
}

impl Hard {
    pub(crate) fn of(hot: &Hot, alerts: &AlertConfig) -> Self {
        Self {
            payment_failed: conditions::payment_failed(hot),
            payment_given_up: conditions::payment_given_up(hot),
            cancellation: conditions::cancellation_scheduled(hot),
            churned: conditions::churned(hot),
            detractors: hot.surveys.detractors,
            backlog: hot.support.open >= alerts.backlog_tickets,
            escalated: hot.support.escalated_28d,
            champions_gone: conditions::champions_gone(hot),
        }
    }

    /// What came to hold between `before` and now.
    pub(crate) fn new_since(&self, before: &Hard) -> Vec<AlertType> {
        let given_up = self.payment_given_up && !before.payment_given_up;
        [
            (self.payment_failed && !before.payment_failed || given_up, AlertType::PaymentFailed),
            (self.cancellation && !before.cancellation, AlertType::CancellationScheduled),
            (self.churned && !before.churned, AlertType::Churned),
            (self.detractors > before.detractors, AlertType::Detractor),
            (self.backlog && !before.backlog || self.escalated > before.escalated, AlertType::Backlog),
            (self.champions_gone > before.champions_gone, AlertType::ChampionGone),
        ]
        .into_iter()
        .filter_map(|(holds, fact)| holds.then_some(fact))
        .collect()
    }
}

pub(crate) fn decide(work: &mut Work<'_>, hot: &mut Hot, trigger: Trigger<'_>) -> Result<(), StateError> {
    let (now, config, rules) = (work.at.now, work.config, Arc::clone(&work.rules.rules));
    let (cause, happened_at, mut new) = match trigger {
        Trigger::Event { id, happened_at, family, facts } => (family.map(|family| (family, id)), Some(happened_at), facts),
        Trigger::Time => (None, None, Vec::new()),
    };
    new.extend(noticed::today(work, hot));
    score::take_samples(&rules, hot, now, config);
    let health = &mut hot.health;
    health.evaluated_at = Some(now);
    health.stale = false;
    // The past is taken as it is, without a wait and without a word; a fact that happens now is spoken of all the same.
    let quiet = std::mem::take(&mut health.quiet);
    let before = health.current.take();
    let settled = health.settled.take();
    let card = rules.card_for(lifecycle::lifecycle(hot, work.today).as_str(), hot.traits.plan.get().map(String::as_str));
    // While a crossing waits, as it was before it: what it rests on may be the silence that was not known to be the source's yet.
    let last = settled.as_ref().or(before.as_ref()).filter(|b| (b.rules, b.card) == (rules.id, card));
    let held = Held { families: work.doubt, before: last };
    let Some(snapshot) = score::evaluate(&rules, card, Facts { hot, now, config }, held) else {
        hot.health.band = Band::Unknown;
        hot.health.pending = None;
        return Ok(());
    };
    // Scored by other rules or another card than before: that is no change of health.
    let anew = before.as_ref().is_some_and(|b| (b.rules, b.card) != (rules.id, card));
    let baseline = if anew { Some(&snapshot) } else { settled.as_ref().or(before.as_ref()) };
    let (band, step) = (hot.health.band, band(work, hot, &snapshot, anew, quiet));
    if band != hot.health.band || before.as_ref().is_none_or(|b| b.shown != snapshot.shown) {
        let then = before.as_ref().map(|b| work.book.by_id(work.key.tenant, b.rules, work.state)).transpose()?.flatten();
        let facts = Facts { hot, now, config };
        let receipt = score::between(before.as_ref(), then.as_deref(), &snapshot, &rules, work.rules.version, facts, cause);
        history::score(work, hot, before.as_ref(), &snapshot, &receipt);
    }
    new.extend(noticed::held(work, hot, quiet || anew));
    new.retain(|fact| !rules.alerts.off[*fact as usize]);
    hot.health.settled = baseline.filter(|_| hot.health.pending.is_some()).cloned();
    let step = step.filter(|_| !quiet || !new.is_empty());
    for baseline in hot.health.incidents.iter().filter_map(|incident| incident.baseline.as_ref()) {
        // What their receipts start from may have been made by rules that hold no more.
        work.book.by_id(work.key.tenant, baseline.rules, work.state)?;
    }
    let happened = Happened { step, facts: &new, cause, happened_at, late: quiet, baseline, snapshot: &snapshot };
    incident::react(work, hot, &happened);
    hot.health.current = Some(snapshot);
    Ok(())
}

/// Moves the band on; what of it may be spoken of.
fn band(work: &Work<'_>, hot: &mut Hot, snapshot: &Snapshot, anew: bool, quiet: bool) -> Option<BandStep> {
    let (now, rules) = (work.at.now, &work.rules.rules);
    let held = score::overridden(rules, work.key.id, snapshot, now);
    if let Some(band) = held.or_else(|| anew.then(|| score::anew(rules, snapshot))) {
        hot.health.band = band;
        hot.health.pending = None;
        return None;
    }
    score::step(rules, &mut hot.health, snapshot, now, quiet)
}
