//! Subscriptions and invoices: their own rows (the newest version of each), and what the hot row needs of them.
use super::{Movement, Row, v1};
use c360_schemas::Interval;
use serde::{Deserialize, Serialize};

/// States of a subscription; of two at the same version the later in this order holds (a source's clock is often whole seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SubscriptionStatus {
    #[default]
    Incomplete,
    Trialing,
    Active,
    PastDue,
    Unpaid,
    Paused,
    IncompleteExpired,
    Canceled,
}

impl SubscriptionStatus {
    /// A status that we do not know is one that does not pay.
    pub(crate) fn parse(status: &str) -> Self {
        match status {
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "unpaid" => Self::Unpaid,
            "paused" => Self::Paused,
            "incomplete_expired" => Self::IncompleteExpired,
            "canceled" => Self::Canceled,
            _ => Self::Incomplete,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Canceled => "canceled",
        }
    }

    /// Whether it counts into MRR.
    pub(crate) const fn pays(self) -> bool {
        matches!(self, Self::Active | Self::PastDue)
    }

    pub(crate) const fn ended(self) -> bool {
        matches!(self, Self::IncompleteExpired | Self::Canceled)
    }

    /// Which of several live ones an account shows: the higher.
    pub(crate) const fn badness(self) -> u8 {
        match self {
            Self::Unpaid => 6,
            Self::PastDue => 5,
            Self::Active => 4,
            Self::Trialing => 3,
            Self::Paused => 2,
            Self::Incomplete => 1,
            Self::IncompleteExpired | Self::Canceled => 0,
        }
    }
}

/// One line of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) amount_micros: i64,
    pub(crate) quantity: i64,
    pub(crate) interval: u8,
    pub(crate) interval_count: i64,
    pub(crate) metered: bool,
    pub(crate) product: Option<String>,
}

impl Item {
    pub(crate) fn interval(&self) -> Interval {
        match self.interval {
            0 => Interval::Day,
            1 => Interval::Week,
            2 => Interval::Month,
            _ => Interval::Year,
        }
    }
}

/// A discount that comes off each bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PriceCut {
    pub(crate) percent_micros: Option<i64>,
    pub(crate) amount_micros: Option<i64>,
    pub(crate) ends_at: Option<i64>,
}

/// What is paid for a subscription, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) items: Vec<Item>,
    pub(crate) cuts: Vec<PriceCut>,
}

/// The newest version of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionRow {
    pub(crate) version: i64,
    pub(crate) status: SubscriptionStatus,
    pub(crate) currency: String,
    pub(crate) price: Price,
    pub(crate) started_at: Option<i64>,
    pub(crate) term_start: Option<i64>,
    pub(crate) term_end: Option<i64>,
    pub(crate) trial_end: Option<i64>,
    pub(crate) cancels_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) cancel_reason: Option<String>,
}

impl Row for SubscriptionRow {
    const VERSION: u8 = 1;
}

/// What the hot row has of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionLine {
    pub(crate) id: String,
    pub(crate) status: SubscriptionStatus,
    pub(crate) currency: String,
    /// Minor units a month.
    pub(crate) mrr: i64,
    pub(crate) term_start: Option<i64>,
    pub(crate) term_end: Option<i64>,
    pub(crate) trial_end: Option<i64>,
    pub(crate) cancels_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    /// When a discount runs out and the price is to be taken anew.
    pub(crate) reprice_at: Option<i64>,
}

impl SubscriptionLine {
    pub(crate) fn live(&self) -> bool {
        !self.status.ended()
    }

    /// When its term ends and nothing is known of an end.
    pub(crate) fn renews_at(&self) -> Option<i64> {
        if self.live() && self.cancels_at.is_none() { self.term_end } else { None }
    }
}

/// The newest version of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvoiceRow {
    pub(crate) version: i64,
    /// Of two states of one version the higher holds: open, uncollectible, void, paid.
    pub(crate) settled: u8,
    pub(crate) remaining: i64,
    pub(crate) due_at: Option<i64>,
    pub(crate) currency: String,
    /// Events that told of a failed try.
    pub(crate) failures_told: u32,
    /// Greatest number of tries that the source counted.
    pub(crate) tries: u32,
    /// Version of the newest failed try, and whether another one follows it.
    pub(crate) failed_version: Option<i64>,
    pub(crate) failed_last: bool,
    /// When it was last told that it is paid.
    pub(crate) paid_at: Option<i64>,
}

impl Row for InvoiceRow {
    const VERSION: u8 = 2;

    fn from_older(version: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (version == 1).then(|| postcard::from_bytes::<v1::InvoiceRow>(bytes).map(Into::into))
    }
}

/// An invoice that waits for its money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnpaidInvoice {
    pub(crate) id: String,
    pub(crate) due_at: Option<i64>,
    pub(crate) currency: String,
    pub(crate) remaining: i64,
    pub(crate) failed_tries: u32,
    pub(crate) failed_last: bool,
}

/// MRR at the end of a day on which it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MrrPoint {
    pub(crate) day: i32,
    pub(crate) mrr: i64,
}

/// What the hot row has of billing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Billing {
    pub(crate) subscriptions: Vec<SubscriptionLine>,
    pub(crate) unpaid: Vec<UnpaidInvoice>,
    pub(crate) invoices_known: bool,
    /// Start of the first subscription that was ever paid for.
    pub(crate) first_paid_start: Option<i64>,
    /// Ascending: the changes of the last 90 days, and the one before them.
    pub(crate) mrr_points: Vec<MrrPoint>,
    /// The movements of MRR, oldest first.
    pub(crate) movements: Vec<Movement>,
    /// When an invoice was last paid after a try had failed.
    pub(crate) recovered_at: Option<i64>,
}
