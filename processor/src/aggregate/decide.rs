//! Score, band and alerts after something changed. When it is done is part of the log: after each event of billing, support and surveys, after usage at most once an hour, and at
//! the account's timer. So where batches end decides nothing.
use super::{Work, history, noticed};
use crate::alert::{AlertType, Happened, incident};
use crate::config::AggregateConfig;
use crate::rows::Hot;
use crate::score::{self, Group, conditions};
use c360_engine::StateError;

/// What asks for a decision.
pub(crate) enum Trigger<'a> {
    /// `group`: what it is about, where that is a part of the score.
    Event {
        id: &'a str,
        group: Option<Group>,
        facts: Vec<AlertType>,
    },
    Time,
}

/// The hard facts that alerts stand on, before or after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    payment_failed: bool,
    payment_given_up: bool,
    cancellation: bool,
    churned: bool,
    detractors: u32,
    backlog: bool,
    escalated: u32,
    champions_gone: usize,
}

impl Facts {
    pub(crate) fn of(hot: &Hot, config: &AggregateConfig) -> Self {
        Self {
            payment_failed: conditions::payment_failed(hot),
            payment_given_up: conditions::payment_given_up(hot),
            cancellation: conditions::cancellation_scheduled(hot),
            churned: conditions::churned(hot),
            detractors: hot.surveys.detractors,
            backlog: hot.support.open >= config.alerts.backlog_tickets,
            escalated: hot.support.escalated_28d,
            champions_gone: conditions::champions_gone(hot),
        }
    }

    /// What came to hold between `before` and now.
    pub(crate) fn new_since(&self, before: &Facts) -> Vec<AlertType> {
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
    let now = work.at.now;
    let (event, mut facts) = match trigger {
        Trigger::Event { id, group, facts } => (group.map(|group| (group.as_str(), id)), facts),
        Trigger::Time => (None, Vec::new()),
    };
    facts.extend(noticed::today(work, hot));
    let facts = facts.as_slice();
    let health = &mut hot.health;
    health.evaluated_at = Some(now);
    health.stale = false;
    // The past is taken as it is, without a wait and without a word; a fact that happens now is spoken of all the same.
    let quiet = std::mem::take(&mut health.quiet);
    let before = health.current.take();
    let baseline = health.settled.take().or_else(|| before.clone());
    let Some(snapshot) = score::evaluate(hot, now) else {
        hot.health.band = crate::rows::Band::Unknown;
        hot.health.pending = None;
        return Ok(());
    };
    let step = score::step(&mut hot.health, &snapshot, now, quiet);
    if step.is_some() || before.as_ref().is_none_or(|b| b.shown != snapshot.shown) {
        history::score(work, hot, before.as_ref(), &snapshot, event);
    }
    hot.health.settled = if hot.health.pending.is_some() { baseline.clone() } else { Some(snapshot.clone()) };
    let step = step.filter(|_| !quiet || !facts.is_empty());
    incident::react(work, hot, &Happened { step, facts, event, baseline: baseline.as_ref(), snapshot: &snapshot });
    hot.health.current = Some(snapshot);
    Ok(())
}
