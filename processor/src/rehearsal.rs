//! A rehearsal: the machine that keeps customers, over one customer's records in memory, by whatever rules. It is the code that runs live, so what it says is what would have been said.
use crate::aggregate::{Aggregate, mrr};
use crate::alert::AlertType;
use crate::config::AggregateConfig;
use crate::metrics::Effect;
use crate::rows::{Band, Hot};
use crate::score::conditions;
use c360_engine::{Actions, ApplyError, At, Machine, State, StateError};
use c360_health::Rules;
use c360_log::{Batch, RecordRef};
use std::sync::Arc;

/// One customer, as its records are lived through.
pub struct Rehearsal {
    machine: Aggregate,
    state: State,
    actions: Actions<Effect>,
    at: At,
}

/// Where a customer stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub name: Option<String>,
    pub owner: Option<String>,
    pub score: Option<i32>,
    /// green, yellow, red or unknown.
    pub band: &'static str,
    /// The card that the score was made by.
    pub card: Option<String>,
    /// Of 1.
    pub coverage: f64,
    /// Minor units.
    pub mrr: Option<i64>,
    /// When the last subscription ended, where it did; UTC ms.
    pub churned_at: Option<i64>,
    /// When the first event of any kind happened; UTC ms.
    pub first_event_at: Option<i64>,
}

impl Rehearsal {
    /// Nothing has happened yet. `rules` hold from the beginning; those in the records hold after them.
    pub fn new(config: &AggregateConfig, rules: Arc<Rules>) -> Self {
        let config = AggregateConfig { cache_bytes: usize::MAX / 16, ..config.clone() };
        Self { machine: Aggregate::rehearsing(config, rules), state: State::in_memory(), actions: Actions::default(), at: At::default() }
    }

    /// Lives through the time until a record, and takes it.
    ///
    /// # Errors
    /// [`ApplyError`]: the record was refused, as it would be live.
    pub fn apply(&mut self, record: &RecordRef<'_>) -> Result<(), ApplyError> {
        self.advance_to(record.recorded_at, record.partition, record.offset)?;
        self.machine.apply(self.at, record, &mut self.state, &mut self.actions)
    }

    /// Lives through the time until `now`.
    ///
    /// # Errors
    /// Where the state breaks, which it does not in memory.
    pub fn advance(&mut self, now: i64) -> Result<(), StateError> {
        self.advance_to(now, self.at.partition, self.at.offset)
    }

    fn advance_to(&mut self, now: i64, partition: u32, offset: u64) -> Result<(), StateError> {
        let until = self.at.now.max(now);
        (self.at.partition, self.at.offset) = (partition, offset);
        while let Some(timer) = self.state.pop_due(until)? {
            self.at.now = self.at.now.max(timer.due);
            self.machine.on_timer(self.at, &timer, &mut self.state, &mut self.actions)?;
        }
        self.at.now = until;
        Ok(())
    }

    /// What was said since it was last taken: changes of score in the history, alerts.
    pub fn take_said(&mut self) -> Batch {
        self.actions.effects.clear();
        std::mem::take(&mut self.actions.outputs)
    }

    /// Where a customer stands now; `None` where nothing is known of it.
    ///
    /// # Errors
    /// Where the state breaks, which it does not in memory.
    pub fn standing(&mut self, key: &[u8]) -> Result<Option<Standing>, StateError> {
        let (machine, state) = (&mut self.machine, &self.state);
        Ok(machine.look(key, state)?.map(|(hot, rules)| standing(hot, &rules)))
    }
}

fn standing(hot: &Hot, rules: &Rules) -> Standing {
    let current = hot.health.current.as_ref();
    let ended = || hot.billing.subscriptions.iter().filter_map(|s| s.ended_at).max();
    let known = hot.health.band != Band::Unknown || current.is_some();
    Standing {
        name: hot.traits.name.get().cloned(),
        owner: hot.traits.owner_name.get().or(hot.traits.owner_email.get()).cloned(),
        score: current.map(|s| s.shown),
        band: if known { hot.health.band.as_str() } else { Band::Unknown.as_str() },
        card: current.map(|s| rules.card(s.card).id.clone()),
        coverage: current.map_or(0.0, |s| f64::from(s.coverage_ppm) / 1e6),
        mrr: mrr::account(&hot.billing).map(|(mrr, _)| mrr),
        churned_at: conditions::churned(hot).then(ended).flatten(),
        first_event_at: hot.first_event_at,
    }
}

/// Types of alerts that say that it goes badly: what a back-test counts as a warning.
pub fn is_warning(alert_type: &str) -> bool {
    let of = AlertType::ALL.into_iter().find(|known| known.as_str() == alert_type);
    of.is_some_and(|of| !of.is_good() && !matches!(of, AlertType::Churned | AlertType::FeedStale))
}
