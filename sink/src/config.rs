//! What the sink is told: where alerts go, and the bounds of sending. Serde structs only; [`crate::Target`] is what a checked destination becomes.
use c360_schemas::Severity;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// The sink's part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SinkConfig {
    pub destinations: Vec<Destination>,
    /// Where the console is seen from outside; links in alerts start with it.
    pub console_url: String,
    /// Lets destinations be on private and loopback addresses.
    pub allow_private: bool,
    pub limits: Limits,
}

impl Default for SinkConfig {
    fn default() -> Self {
        Self { destinations: Vec::new(), console_url: "http://127.0.0.1:8361".into(), allow_private: false, limits: Limits::default() }
    }
}

/// One place that alerts go to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Unique; pending deliveries hold it, so a renamed destination is a new one.
    pub name: String,
    pub kind: Kind,
    /// A Slack URL is a secret itself.
    #[serde(default)]
    pub url: Option<Secret>,
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// For `webhook`: `whsec_` and base64.
    #[serde(default)]
    pub secret: Option<Secret>,
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// More secrets to sign with, while they are rotated.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    #[serde(default, rename = "match")]
    pub only: Match,
}

/// How a destination is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Standard Webhooks.
    Webhook,
    /// A Slack incoming webhook.
    Slack,
}

impl Kind {
    /// All kinds, for metrics.
    pub const ALL: [Kind; 2] = [Kind::Webhook, Kind::Slack];

    /// The name in the configuration, in the log, and the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Webhook => "webhook",
            Kind::Slack => "slack",
        }
    }
}

/// Which alerts a destination wants; what is not said does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// One severity is the least that is wanted; a list names exactly those wanted.
    pub severity: Option<SeverityMatch>,
    /// Names or e-mail addresses of accounts' owners, in any case.
    pub owner: Option<OneOrMany>,
    /// Types of alert; `billing.*` stands for all that start so.
    pub types: Option<OneOrMany>,
    pub tenant: Option<OneOrMany>,
}

/// See [`Match::severity`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum SeverityMatch {
    AtLeast(Severity),
    AnyOf(Vec<Severity>),
}

/// One string or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
        .iter()
        .map(String::as_str)
    }
}

/// The bounds of sending.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests under way at one destination at the same time, each for another account.
    pub concurrency: usize,
    /// Outbox rows of one partition and one destination that are in memory at the same time; the others wait in the state.
    pub window: usize,
    /// Messages a second to one Slack channel.
    pub slack_per_second: u32,
    /// Messages a second to one webhook.
    pub webhook_per_second: u32,
    /// Name lookup, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// From the start of the request to the end of the answer.
    pub answer_timeout_ms: u64,
    /// Bytes of an answer that are read at most.
    pub answer_bytes_max: usize,
    /// The first retry comes in half of it to all of it, the next in twice that, and so on.
    pub retry_first_ms: u64,
    /// The delay between retries grows to this.
    pub retry_delay_max_ms: u64,
    /// Time after the first failure at which a delivery is given up.
    pub retry_total_ms: u64,
    /// Longest `Retry-After` that is believed.
    pub hold_max_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const HOUR_MS: u64 = 3_600_000;
        Self {
            concurrency: 8,
            window: 256,
            slack_per_second: 1,
            webhook_per_second: 50,
            connect_timeout_ms: 5_000,
            answer_timeout_ms: 15_000,
            answer_bytes_max: 20_000,
            retry_first_ms: 10_000,
            retry_delay_max_ms: 4 * HOUR_MS,
            retry_total_ms: 72 * HOUR_MS,
            hold_max_ms: 4 * HOUR_MS,
        }
    }
}

/// A string that must not be shown: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; say where it goes before calling this.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}
