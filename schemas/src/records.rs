//! Records off the hot path: deliveries, profiles, progress, dead letters, history. One struct a schema of the same name.
use serde::{Deserialize, Serialize};

/// What happened at a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    Planned,
    Delivered,
    Retry,
    Dead,
}

impl DeliveryOutcome {
    /// The symbol in the schema, and the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryOutcome::Planned => "planned",
            DeliveryOutcome::Delivered => "delivered",
            DeliveryOutcome::Retry => "retry",
            DeliveryOutcome::Dead => "dead",
        }
    }
}

/// Plan or outcome of one attempt (`avro/delivery.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub tenant: String,
    pub account_id: String,
    pub alert_id: String,
    pub revision: i32,
    pub destination: String,
    /// webhook, slack, ...
    pub kind: String,
    pub outcome: DeliveryOutcome,
    /// The clock's time, UTC ms.
    pub at: i64,
    /// 0 for planned.
    pub attempt: i32,
    pub status_code: Option<i32>,
    pub error: Option<String>,
    /// Real time, UTC ms, for retry.
    pub next_attempt_at: Option<i64>,
    /// For planned: the alert as it stands in the alerts topic.
    #[serde(with = "apache_avro::serde::bytes_opt")]
    pub alert: Option<Vec<u8>>,
}

/// The 360 view of one customer (`avro/profile.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub tenant: String,
    pub account_id: String,
    pub name: Option<String>,
    pub provisional: bool,
    pub owner_name: Option<String>,
    pub owner_email: Option<String>,
    pub lifecycle: String,
    pub score: Option<i32>,
    pub band: String,
    /// Minor units.
    pub mrr: Option<i64>,
    pub currency: Option<String>,
    pub last_seen_at: Option<i64>,
    pub renews_at: Option<i64>,
    pub as_of: i64,
    /// The JSON of `GET /api/v1/customers/{account_id}`.
    pub view: String,
}

/// The next offset of a topic's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub topic: String,
    pub next_offset: i64,
}

/// How far a partition of a machine is committed (`avro/progress.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub machine: String,
    pub partition: i32,
    pub positions: Vec<Position>,
    /// The partition's time, UTC ms.
    pub now: i64,
}

/// What could not be taken (`avro/dead_letter.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub tenant: Option<String>,
    pub source: String,
    /// `ingest`, or the machine's name.
    pub stage: String,
    /// A label out of a fixed set.
    pub reason: String,
    pub message: String,
    /// UTC ms.
    pub at: i64,
    #[serde(with = "apache_avro::serde::bytes")]
    pub original: Vec<u8>,
    pub content_type: Option<String>,
    /// Where it was posted to.
    pub path: Option<String>,
}

/// Kinds of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    Event,
    Score,
    Link,
    Note,
}

impl HistoryKind {
    /// The symbol in the schema, and `kind` in the timeline.
    pub const fn as_str(self) -> &'static str {
        match self {
            HistoryKind::Event => "event",
            HistoryKind::Score => "score",
            HistoryKind::Link => "link",
            HistoryKind::Note => "note",
        }
    }
}

/// One entry of a customer's history (`avro/history.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The same on a replay.
    pub id: String,
    pub tenant: String,
    pub account_id: String,
    /// UTC ms.
    pub at: i64,
    pub kind: HistoryKind,
    pub title: String,
    /// A JSON object. For `score`: `{"score","band","card","before","receipt":[..]}`.
    pub detail: String,
}
