//! What was paid, when: the states of each subscription in the source's order, and the movements of MRR that follow from them.
use super::{Row, SubscriptionStatus};
use serde::{Deserialize, Serialize};

/// From `at` on a state is worth so much a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Level {
    /// UTC ms; `i64::MIN` for what holds from the state's beginning.
    pub(crate) at: i64,
    /// Minor units a month.
    pub(crate) mrr: i64,
    /// The same by product (the empty name where none is told), ascending by name; only those above 0. Their sum is `mrr`.
    pub(crate) products: Vec<(String, i64)>,
}

/// One state of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct RevenueStep {
    pub(crate) version: i64,
    /// Of two states of one version the later in this order holds.
    pub(crate) status: SubscriptionStatus,
    /// When the source said so, UTC ms.
    pub(crate) at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) trial_end: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    /// Whether it ended because the money did not come.
    pub(crate) unpaid: bool,
    pub(crate) currency: String,
    /// Ascending by time: the first holds from the beginning, the others where discounts run out.
    pub(crate) levels: Vec<Level>,
}

/// The states of one subscription, ascending by version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RevenueHistory {
    pub(crate) id: String,
    pub(crate) steps: Vec<RevenueStep>,
}

/// One a customer: the histories of its subscriptions, ascending by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RevenueBook {
    pub(crate) subscriptions: Vec<RevenueHistory>,
}

impl Row for RevenueBook {
    const VERSION: u8 = 1;
}

/// How a customer's MRR moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MovementKind {
    /// From nothing, and never paid before.
    #[default]
    New,
    Expansion,
    Contraction,
    /// To nothing.
    Churn,
    /// From nothing, by somebody who paid before.
    Reactivation,
    /// Stands for movements so old that they are not kept one by one.
    Opening,
}

impl MovementKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Expansion => "expansion",
            Self::Contraction => "contraction",
            Self::Churn => "churn",
            Self::Reactivation => "reactivation",
            Self::Opening => "opening",
        }
    }
}

/// One movement of a customer's MRR in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) at: i64,
    pub(crate) kind: MovementKind,
    pub(crate) currency: String,
    /// Signed, minor units a month.
    pub(crate) amount: i64,
    /// The customer's MRR in this currency after it.
    pub(crate) mrr: i64,
    /// Of an expansion: what comes from products that the customer did not have.
    pub(crate) cross_sell: i64,
    /// Of churn: the money did not come, and nobody chose to leave.
    pub(crate) involuntary: bool,
}
