//! Score, band and incidents as the hot row keeps them.
use crate::alert::AlertType;
use crate::time::DAY_MS;
use serde::{Deserialize, Serialize};

/// A playbook that was done or skipped is not proposed again for so long.
const ACTION_REST_MS: i64 = 30 * DAY_MS;

/// Health in words; ordered from worse to better, `Unknown` apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Band {
    #[default]
    Unknown,
    Red,
    Yellow,
    Green,
}

impl Band {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Band::Unknown => "unknown",
            Band::Red => "red",
            Band::Yellow => "yellow",
            Band::Green => "green",
        }
    }

    /// Whether `self` is a worse state than `other`. Red is worse than not knowing; nothing else is.
    pub(crate) fn worse_than(self, other: Band) -> bool {
        match (self, other) {
            (Band::Red, Band::Unknown) => true,
            (Band::Unknown, _) | (_, Band::Unknown) => false,
            (a, b) => (a as u8) < (b as u8),
        }
    }
}

/// What one measure put into a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its number in the card.
    pub(crate) measure: u8,
    /// The measured value in thousandths of its unit.
    pub(crate) value_milli: i64,
    /// Its score in thousandths of a point.
    pub(crate) points_milli: i32,
    /// Weight in millionths of the whole card x freshness in millionths.
    pub(crate) weight: i64,
    /// Its fact is not known; what it is worth then is said by the rules.
    pub(crate) missing: bool,
}

/// A score, and all that it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The rules and the card that it was made by: what the numbers of measures and caps mean.
    pub(crate) rules: u64,
    pub(crate) card: u8,
    pub(crate) parts: Vec<Part>,
    /// Whole points before caps.
    pub(crate) raw: i32,
    /// As shown.
    pub(crate) shown: i32,
    /// The cap that holds it down, by its number.
    pub(crate) cap: Option<u8>,
    /// Millionths.
    pub(crate) coverage_ppm: u32,
}

/// The score points to another band, and waits for its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) worse: bool,
    pub(crate) since: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    pub(crate) current: Option<Snapshot>,
    pub(crate) band: Band,
    pub(crate) pending: Option<Pending>,
    /// While a crossing waits: the last score before it, which receipts of alerts start from.
    pub(crate) settled: Option<Snapshot>,
    pub(crate) evaluated_at: Option<i64>,
    /// Usage came since then.
    pub(crate) stale: bool,
    /// Of what came since then something was late: the next score is taken without a word.
    pub(crate) quiet: bool,
    /// Entries of history so far, for their ids.
    pub(crate) history_seq: u64,
    pub(crate) incidents: Vec<Incident>,
    /// Alert rules whose conditions hold, a bit for each by its number.
    pub(crate) held: u64,
    /// Past values of the facts that the rules hold against their own past.
    pub(crate) samples: Vec<Samples>,
    /// Of each playbook the newest word, oldest first.
    pub(crate) actions: Vec<ActionTaken>,
}

impl Health {
    /// Playbooks that are not proposed again yet.
    pub(crate) fn at_rest(&self, now: i64) -> impl Iterator<Item = &str> {
        self.actions.iter().filter(move |taken| taken.at > now - ACTION_REST_MS).map(|taken| taken.playbook.as_str())
    }
}

/// What became of a next action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActionTaken {
    pub(crate) playbook: String,
    /// done, skipped, worked or failed.
    pub(crate) outcome: String,
    pub(crate) at: i64,
}

/// What a fact was, week by week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Samples {
    /// Hash of its name.
    pub(crate) fact: u64,
    /// Weeks counted from 1970, ascending, with the value in thousandths.
    pub(crate) weeks: Vec<(i32, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IncidentState {
    Open,
    Resolved { at: i64 },
}

/// A line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) measure: String,
    pub(crate) group: String,
    pub(crate) before: Option<i32>,
    pub(crate) after: Option<i32>,
    pub(crate) contribution: i32,
    pub(crate) events: Vec<String>,
}

/// An alert that is open, or was until lately; at most one of each type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) alert_type: AlertType,
    pub(crate) alert_id: String,
    /// When it opened, or opened again; UTC ms.
    pub(crate) opened_at: i64,
    pub(crate) revision: i32,
    pub(crate) state: IncidentState,
    /// Status of the last revision: open (0), updated (1), resolved (2), retracted (3).
    pub(crate) status: u8,
    pub(crate) severity: u8,
    pub(crate) band_before: Band,
    pub(crate) band_after: Band,
    /// Where its receipt starts from.
    pub(crate) baseline: Option<Snapshot>,
    pub(crate) score_after: Option<i32>,
    pub(crate) receipt: Vec<Line>,
    /// Facts that it has told of.
    pub(crate) facts: Vec<AlertType>,
    pub(crate) why: String,
    /// What to do, at most three.
    pub(crate) actions: Vec<String>,
    pub(crate) recovered_since: Option<i64>,
    pub(crate) acknowledged_by: Option<String>,
    pub(crate) snoozed_until: Option<i64>,
    pub(crate) verdict: Option<String>,
}
