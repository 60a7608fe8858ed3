//! An alert with its receipt (`avro/alert.avsc`).
use serde::{Deserialize, Serialize};

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    Open,
    Updated,
    Resolved,
    Retracted,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// One line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    pub measure: String,
    pub group: String,
    /// The measure's points before, 0 to 100.
    pub before: Option<i32>,
    pub after: Option<i32>,
    /// Points of the shown score; those of a receipt sum to its change.
    pub contribution: i32,
    /// Message ids behind it.
    pub events: Vec<String>,
}

/// One revision of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub alert_id: String,
    /// From 1.
    pub revision: i32,
    /// `health.changed` and so on.
    pub alert_type: String,
    pub status: AlertStatus,
    pub severity: Severity,
    /// UTC ms.
    pub at: i64,
    /// False: for the record and the console only, nothing is sent.
    pub notify: bool,
    pub tenant: String,
    pub account_id: String,
    pub account_name: Option<String>,
    pub owner_name: Option<String>,
    pub owner_email: Option<String>,
    pub band_before: Option<String>,
    pub band_after: Option<String>,
    pub score_before: Option<i32>,
    pub score_after: Option<i32>,
    pub receipt: Vec<Contribution>,
    pub playbook: Option<String>,
    pub why: Option<String>,
    pub acknowledged_by: Option<String>,
    pub snoozed_until: Option<i64>,
    pub verdict: Option<String>,
    /// What to do, the first of it again in `playbook`; at most three.
    pub actions: Vec<String>,
}
