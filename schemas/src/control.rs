//! Records beside events in the events topic: ticks, moves, rules and what people say of alerts.
use serde::{Deserialize, Serialize};

/// Time has passed (`avro/tick.avsc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// UTC ms; the record's own stamp is what counts.
    pub at: i64,
}

/// The whole state of a provisional customer on its way to its account (`avro/move.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub tenant: String,
    pub from_account: String,
    pub to_account: String,
    /// As the aggregate machine encodes them.
    #[serde(with = "apache_avro::serde::bytes")]
    pub rows: Vec<u8>,
}

/// What can be said of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertAction {
    Acknowledge,
    Snooze,
    Verdict,
}

/// What a person said about an alert (`avro/command.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCommand {
    pub tenant: String,
    pub account_id: String,
    pub alert_id: String,
    pub action: AlertAction,
    /// UTC ms.
    pub at: i64,
    pub by: Option<String>,
    pub reason: Option<String>,
    /// For snooze, UTC ms.
    pub until: Option<i64>,
    /// useful, known or wrong.
    pub verdict: Option<String>,
}

/// The account under which the history of a tenant's rules stands; no customer is called so.
pub const RULES_ACCOUNT: &str = "~rules";

/// Where the words of all partitions about a tenant's sources are put together.
pub const FEEDS_ACCOUNT: &str = "~feeds";
/// Where a partition is told, in its own log, which sources its scores must not rest on.
pub const DOUBT_ACCOUNT: &str = "~doubt";
/// What an alert about a source has for its account: this and the source's name.
pub const FEED_PREFIX: &str = "~feed:";

/// How a source is heard (`avro/feed.avsc`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    pub tenant: String,
    pub source: String,
    /// Under [`FEEDS_ACCOUNT`]: who says it; under [`DOUBT_ACCOUNT`]: to whom.
    pub partition: i32,
    /// Of how many it was heard there in four weeks, about, to 64 at most.
    pub customers: i32,
    /// usage, billing, support, survey: those of which it brings at least half of the events there.
    pub families: Vec<String>,
    /// For longer than it ever was; false: it is heard.
    pub silent: bool,
    /// UTC ms.
    pub at: i64,
    /// When it was heard before that; UTC ms.
    pub last_at: i64,
    /// Its longest silence in the four weeks before.
    pub usual_ms: i64,
}

/// The account under which reports of back-tests stand in the history; no customer is called so.
pub const BACKTESTS_ACCOUNT: &str = "~backtests";

/// A tenant's `health.toml` was applied (`avro/rules.avsc`). Each partition gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub tenant: String,
    /// Counted for each tenant, from 1.
    pub version: i32,
    /// UTC ms.
    pub at: i64,
    pub by: String,
    pub note: Option<String>,
    pub text: String,
}
