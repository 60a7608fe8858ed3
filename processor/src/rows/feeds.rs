//! Sources as rows keep them: how they are usually heard, which of them scores must not rest on, and what was said of them.
use super::Row;
use serde::{Deserialize, Serialize};

/// One a tenant: its sources, as this partition hears them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedsRow {
    pub(crate) feeds: Vec<Heard>,
    /// When they are looked at next, where that is planned; UTC ms.
    pub(crate) due: Option<i64>,
}

/// How one source is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) source: String,
    /// UTC ms; never goes back.
    pub(crate) last_at: i64,
    /// The UTC days on which it was heard: bit n for n days before `last_at`'s.
    pub(crate) days: u32,
    /// Silences of the last four weeks that no longer one came after: day of the end, ms.
    pub(crate) gaps: Vec<(i32, i64)>,
    /// The day on which the running period of four weeks began.
    pub(crate) period: i32,
    /// Of this period and the one before: which of 64 buckets its customers fall into, and its events by family.
    pub(crate) spread: [u64; 2],
    pub(crate) counts: [[u32; 4]; 2],
    /// It is silent for too long, and the next record is to say that time was lived through: c360 itself may have been away.
    pub(crate) asked: bool,
    pub(crate) answered_at: Option<i64>,
    /// What was said of it last: nothing, that it is heard, that it is silent.
    pub(crate) said: Option<bool>,
}

impl Row for FeedsRow {
    const VERSION: u8 = 1;
}

/// One a tenant: what scores must not rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DoubtRow {
    pub(crate) doubts: Vec<Doubt>,
}

/// A source that is silent, or was lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubt {
    pub(crate) source: String,
    /// A bit for each family, by its number.
    pub(crate) families: u8,
    /// UTC ms; none while it is silent.
    pub(crate) back_at: Option<i64>,
}

impl Row for DoubtRow {
    const VERSION: u8 = 1;
}

/// One a tenant, where all partitions' words come together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedWordsRow {
    pub(crate) sources: Vec<SourceWords>,
}

/// What the partitions say of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceWords {
    pub(crate) source: String,
    /// The newest of each partition.
    pub(crate) words: Vec<FeedWord>,
    /// The alert that is open.
    pub(crate) alert: Option<FeedAlert>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedWord {
    pub(crate) partition: i32,
    pub(crate) customers: i32,
    pub(crate) families: Vec<String>,
    pub(crate) silent: bool,
    pub(crate) last_at: i64,
    pub(crate) usual_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedAlert {
    pub(crate) alert_id: String,
    pub(crate) why: String,
    pub(crate) actions: Vec<String>,
}

impl Row for FeedWordsRow {
    const VERSION: u8 = 1;
}
