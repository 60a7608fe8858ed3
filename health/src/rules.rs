//! Rules as they are scored by: compiled from a file, all names resolved, weights as millionths of the whole card.
use crate::fact::FactRef;
use std::sync::{Arc, LazyLock};

/// One, in millionths.
pub const PPM: i64 = 1_000_000;
/// Stages of a customer's life, as cards and playbooks name them.
pub const LIFECYCLES: [&str; 5] = ["adoption", "stabilisation", "steady", "renewal", "churned"];
/// Types of alerts, as alerts and playbooks name them.
pub const ALERT_TYPES: [&str; 13] = [
    "health.changed",
    "billing.payment_failed",
    "billing.cancellation_scheduled",
    "billing.churned",
    "usage.dropped",
    "support.backlog",
    "survey.detractor",
    "people.champion_gone",
    "adoption.stalled",
    "renewal.at_risk",
    "expansion.ready",
    "advocate.found",
    "feed.stale",
];

/// All that health, alerts and next actions go by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The card's name, as receipts and the history say it.
    pub name: String,
    /// What tells one text from another; 0 for the built-in one.
    pub id: u64,
    pub bands: Bands,
    pub groups: Vec<Group>,
    pub measures: Vec<Measure>,
    pub caps: Vec<Cap>,
    /// In the order of the file; the first that fits holds. The last one fits everybody.
    pub cards: Vec<Card>,
    pub overrides: Vec<Override>,
    pub alerts: Alerts,
    pub playbooks: Vec<Playbook>,
}

/// Where the bands begin, and what a crossing needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bands {
    pub yellow_from: i32,
    pub green_from: i32,
    /// Points beyond a border from which a crossing counts.
    pub margin: i32,
    /// How long it must hold, ms.
    pub dwell_ms: i64,
    /// Coverage below which health is not known, in millionths.
    pub known_from_ppm: u32,
}

/// CS = CO + CX: a group is of the customer's outcome or of its experience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Outcome,
    Experience,
}

impl Side {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Experience => "experience",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub side: Side,
    /// As the file has it, in thousandths.
    pub weight_milli: i64,
}

/// What a measure does where its fact is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is left out, and coverage falls.
    Skip,
    /// It is worth 50 points, and coverage falls.
    Neutral,
    /// It is worth 0 points.
    Zero,
}

/// What the fact is held against before it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Nothing: the value itself.
    Value,
    /// Its change against four weeks ago.
    Trend,
    /// Its change against the median of the account's own last 12 weeks.
    Baseline,
}

/// One measure: 100 x clamp((x - red) / (green - red)) points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    pub id: String,
    /// Its number in `groups`.
    pub group: usize,
    pub fact: FactRef,
    pub compare: Compare,
    /// Weight in its group as the file has it, in thousandths.
    pub weight_milli: i64,
    pub missing: Missing,
    /// It counts in full for so many days, then half as much after each half-life.
    pub ttl_days: i64,
    pub half_life_days: i64,
    /// What is wrong when it is low, as it stands in a sentence.
    pub complaint: String,
}

/// What a card makes of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardMeasure {
    /// Millionths of the whole card; 0: it has no part in it.
    pub weight_ppm: i64,
    /// Values that are worth 0 and 100 points, in thousandths.
    pub red_milli: i64,
    pub green_milli: i64,
}

impl CardMeasure {
    /// Thousandths of a point.
    pub fn points_milli(&self, value_milli: i64) -> i32 {
        let span = i128::from(self.green_milli) - i128::from(self.red_milli);
        let x = i128::from(value_milli) - i128::from(self.red_milli);
        (if span == 0 { 0 } else { x * 100_000 / span }).clamp(0, 100_000) as i32
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub id: String,
    /// Whom it fits: stages of life, and names of plans; empty: all.
    pub lifecycle: Vec<String>,
    pub plans: Vec<String>,
    /// By the numbers of measures.
    pub measures: Vec<CardMeasure>,
}

impl Card {
    pub fn fits(&self, lifecycle: &str, plan: Option<&str>) -> bool {
        (self.lifecycle.is_empty() || self.lifecycle.iter().any(|l| l == lifecycle))
            && (self.plans.is_empty() || plan.is_some_and(|plan| self.plans.iter().any(|p| p == plan)))
    }
}

/// A limit that holds the score down while all its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    pub id: String,
    pub group: usize,
    pub limit: i32,
    /// A hard fact: the band follows at once.
    pub hard: bool,
    pub when: Vec<Condition>,
    pub complaint: String,
}

/// A fact and a bound; what is not known does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub fact: FactRef,
    pub bound: Bound,
    /// In thousandths of the fact's unit.
    pub milli: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Above,
    AtLeast,
    Below,
    AtMost,
    Is,
}

impl Condition {
    pub fn holds(&self, value_milli: i64) -> bool {
        match self.bound {
            Bound::Above => value_milli > self.milli,
            Bound::AtLeast => value_milli >= self.milli,
            Bound::Below => value_milli < self.milli,
            Bound::AtMost => value_milli <= self.milli,
            Bound::Is => value_milli == self.milli,
        }
    }
}

/// The band that somebody answers for, beside the score, until it expires. A hard cap is stronger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub account: String,
    pub band: OverrideBand,
    pub owner: String,
    pub reason: String,
    /// UTC ms.
    pub expires_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideBand {
    Red,
    Yellow,
    Green,
}

impl OverrideBand {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
        }
    }
}

/// How loud an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    Info,
    Warning,
    Critical,
}

/// What is worth an alert, besides what `c360.toml` says of all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// MRR in minor units from which a customer in the red is critical.
    pub critical_mrr: Option<i64>,
    pub backlog_tickets: Option<u32>,
    /// Days before the end of a long term from which a fall of health is one degree graver.
    pub renewal_near_days: i64,
    pub reopen_within_ms: Option<i64>,
    pub resolve_after_ms: Option<i64>,
    /// By the numbers of [`ALERT_TYPES`]: never raised.
    pub off: [bool; ALERT_TYPES.len()],
    pub severity: [Option<Loudness>; ALERT_TYPES.len()],
    /// Alerts that stand on conditions alone.
    pub rules: Vec<AlertRule>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            critical_mrr: None,
            backlog_tickets: None,
            renewal_near_days: 60,
            reopen_within_ms: None,
            resolve_after_ms: None,
            off: Default::default(),
            severity: Default::default(),
            rules: Vec::new(),
        }
    }
}

/// An alert that opens when its conditions come to hold, and is resolved when they have not held for the time of recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    /// Its number in [`ALERT_TYPES`].
    pub alert_type: usize,
    pub when: Vec<Condition>,
    pub why: String,
}

/// What to do, for whom: all that it names must fit, and of each list one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    pub name: String,
    /// Numbers of [`ALERT_TYPES`].
    pub alerts: Vec<usize>,
    /// Measures, and caps as `cap:ID`, that weigh most in the receipt.
    pub reasons: Vec<String>,
    pub lifecycle: Vec<String>,
    /// Minor units.
    pub mrr_from: Option<i64>,
}

static BUILT_IN: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let rules = crate::check(Rules::BUILT_IN_TEXT).unwrap_or_else(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        unreachable!("the built-in rules are checked by a test: {}", mistakes.join("\n"))
    });
    Arc::new(Rules { id: 0, ..rules })
});

impl Rules {
    /// The file of the built-in rules. Measures and caps are numbered in rows by their order: append, never reorder.
    pub const BUILT_IN_TEXT: &'static str = include_str!("default.toml");

    /// What holds where nobody applied anything.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&BUILT_IN)
    }

    /// The card of a customer, by its number.
    pub fn card_for(&self, lifecycle: &str, plan: Option<&str>) -> u8 {
        let found = self.cards.iter().position(|card| card.fits(lifecycle, plan));
        found.unwrap_or(self.cards.len() - 1) as u8
    }

    pub fn card(&self, number: u8) -> &Card {
        self.cards.get(usize::from(number)).unwrap_or(&self.cards[self.cards.len() - 1])
    }

    pub fn cap(&self, number: Option<u8>) -> Option<&Cap> {
        self.caps.get(usize::from(number?))
    }

    /// The override that is in force for an account.
    pub fn override_of(&self, account: &str, now: i64) -> Option<&Override> {
        self.overrides.iter().find(|o| o.account == account && now < o.expires_at)
    }
}
