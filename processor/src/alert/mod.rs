//! Alerts: what is worth waking somebody for, once, with its reasons.
pub(crate) mod incident;
mod playbook;
pub(crate) use playbook::{Asked, For, actions};
mod severity;
pub(crate) use severity::severity_of_feed;
mod why;

use crate::rows::Snapshot;
use crate::score::{BandStep, Cause};
use serde::{Deserialize, Serialize};

/// The types of alerts of the contract. Their order stands in rows: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AlertType {
    HealthChanged,
    PaymentFailed,
    CancellationScheduled,
    Churned,
    UsageDropped,
    Backlog,
    Detractor,
    ChampionGone,
    AdoptionStalled,
    RenewalAtRisk,
    ExpansionReady,
    AdvocateFound,
    FeedStale,
}

impl AlertType {
    pub(crate) const ALL: [AlertType; 13] = [
        AlertType::HealthChanged,
        AlertType::PaymentFailed,
        AlertType::CancellationScheduled,
        AlertType::Churned,
        AlertType::UsageDropped,
        AlertType::Backlog,
        AlertType::Detractor,
        AlertType::ChampionGone,
        AlertType::AdoptionStalled,
        AlertType::RenewalAtRisk,
        AlertType::ExpansionReady,
        AlertType::AdvocateFound,
        AlertType::FeedStale,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            AlertType::HealthChanged => "health.changed",
            AlertType::PaymentFailed => "billing.payment_failed",
            AlertType::CancellationScheduled => "billing.cancellation_scheduled",
            AlertType::Churned => "billing.churned",
            AlertType::UsageDropped => "usage.dropped",
            AlertType::Backlog => "support.backlog",
            AlertType::Detractor => "survey.detractor",
            AlertType::ChampionGone => "people.champion_gone",
            AlertType::AdoptionStalled => "adoption.stalled",
            AlertType::RenewalAtRisk => "renewal.at_risk",
            AlertType::ExpansionReady => "expansion.ready",
            AlertType::AdvocateFound => "advocate.found",
            AlertType::FeedStale => "feed.stale",
        }
    }
}

impl AlertType {
    /// Good news: something to make of a customer who is well.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, AlertType::ExpansionReady | AlertType::AdvocateFound)
    }
}

/// What a decision found.
pub(crate) struct Happened<'a> {
    /// The shown band changed, and that may be spoken of.
    pub(crate) step: Option<BandStep>,
    /// Hard facts that are new.
    pub(crate) facts: &'a [AlertType],
    /// The event behind it.
    pub(crate) cause: Cause<'a>,
    /// When what the event tells of happened; UTC ms.
    pub(crate) happened_at: Option<i64>,
    /// Something that was taken in since the last decision happened long ago.
    pub(crate) late: bool,
    /// The score that receipts start from.
    pub(crate) baseline: Option<&'a Snapshot>,
    pub(crate) snapshot: &'a Snapshot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_rows_number_types_alike() {
        for (number, alert_type) in AlertType::ALL.into_iter().enumerate() {
            assert_eq!((alert_type as usize, alert_type.as_str()), (number, c360_health::ALERT_TYPES[number]));
        }
    }
}
