//! What can be set for the log on Kafka.
use c360_schemas::Topic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of [`super::KafkaLog`]. Times are milliseconds of real time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// `host:port` of one or more brokers, with commas between them.
    pub brokers: String,
    /// Stands before the name of every topic, group and transactional id, so several installations can share a cluster.
    pub topic_prefix: String,
    /// Partitions of topics that are created; topics that are there keep theirs.
    pub partitions: u32,
    /// Replicas of topics that are created; `None`: the brokers' own default, and 1 where there is but one broker.
    pub replication: Option<u32>,
    /// How long records are kept in topics that are created.
    pub retention: Retention,
    /// How long [`super::KafkaLog::connect`] and joining a group may take.
    pub connect_timeout_ms: u64,
    /// How long one question to the brokers (offsets, metadata) may take.
    pub request_timeout_ms: u64,
    /// After this an append that was not acknowledged fails.
    pub append_timeout_ms: u64,
    /// A partition with records under way that has acknowledged none for so long gets no more, so that it does not hold the others up: [`crate::LogError::Overloaded`].
    pub append_stall_ms: u64,
    /// Records that appends may have under way; more is [`crate::LogError::Overloaded`].
    pub append_records_max: usize,
    /// Bytes that appends may have under way.
    pub append_bytes_max: usize,
    /// How long the producer waits for company for a record, in microseconds. It need not be long: whatever comes while a request is on its way to the broker goes together in the next, so
    /// the more there is to send, the more goes together.
    pub linger_us: u64,
    /// Largest record: key, headers and value. No more than the brokers' `message.max.bytes` less 16 KB.
    pub record_bytes_max: usize,
    /// After this without a sign of life a member's partitions go to another.
    pub session_timeout_ms: u64,
    /// After this the brokers abort an open transaction; `None`: four fifths of the session timeout. It must be below the session timeout.
    pub transaction_timeout_ms: Option<u64>,
    /// How long a commit is tried before its outcome is called unknown.
    pub commit_timeout_ms: u64,
    /// After this without a poll a member's partitions go to another.
    pub poll_interval_max_ms: u64,
    /// Bytes that one consumer fetches ahead, in KB.
    pub fetch_ahead_kb: u32,
    /// More settings for librdkafka (TLS, SASL and others), as its documentation names them. What c360's promises rest on (idempotence, isolation, commits) cannot be set so.
    pub settings: Settings,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".into(),
            topic_prefix: "c360.".into(),
            partitions: 6,
            replication: None,
            retention: Retention::default(),
            connect_timeout_ms: 30_000,
            request_timeout_ms: 10_000,
            append_timeout_ms: 30_000,
            append_stall_ms: 5_000,
            append_records_max: 200_000,
            append_bytes_max: 128 << 20,
            linger_us: 500,
            record_bytes_max: 1_000_000,
            session_timeout_ms: 10_000,
            transaction_timeout_ms: None,
            commit_timeout_ms: 30_000,
            poll_interval_max_ms: 300_000,
            fetch_ahead_kb: 16_384,
            settings: Settings::default(),
        }
    }
}

impl KafkaConfig {
    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn commit_timeout(&self) -> Duration {
        Duration::from_millis(self.commit_timeout_ms)
    }

    /// Bytes of records that one request of a transaction carries for a partition: below what brokers take by default.
    pub(super) fn request_bytes(&self) -> usize {
        self.record_bytes_max.min(900_000)
    }

    /// librdkafka takes 1,000 ms at least.
    pub(super) fn transaction_timeout_ms(&self) -> u64 {
        self.transaction_timeout_ms.unwrap_or(self.session_timeout_ms / 5 * 4).max(1_000)
    }
}

/// Names and values for librdkafka. Shown without the values: some are secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, String>);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How long each topic keeps its records, ms; -1: for ever. Under a clock of one's own all is kept for ever, since Kafka reckons with the time of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub unresolved_ms: i64,
    pub events_ms: i64,
    pub alerts_ms: i64,
    pub deliveries_ms: i64,
    pub dead_letters_ms: i64,
    pub history_ms: i64,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: i64 = 86_400_000;
        Self { unresolved_ms: 30 * DAY, events_ms: -1, alerts_ms: -1, deliveries_ms: -1, dead_letters_ms: 90 * DAY, history_ms: -1 }
    }
}

impl Retention {
    /// `None` for the compacted topics: what they keep does not go by time.
    pub fn of(&self, topic: Topic) -> Option<i64> {
        match topic {
            Topic::Unresolved => Some(self.unresolved_ms),
            Topic::Events => Some(self.events_ms),
            Topic::Alerts => Some(self.alerts_ms),
            Topic::Deliveries => Some(self.deliveries_ms),
            Topic::DeadLetters => Some(self.dead_letters_ms),
            Topic::History => Some(self.history_ms),
            Topic::Profiles | Topic::Progress => None,
        }
    }
}
