//! Settings of ingest: every bound by its name.
use serde::Deserialize;

/// What a settings file may say about ingest; each part has its defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    pub limits: LimitsConfig,
    pub time: TimeConfig,
    pub dead_letters: DeadLetterConfig,
}

/// How much a request may hold. What is over it is refused with 413, or 400 for the depth.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// A body as it is sent.
    pub body_bytes_max: usize,
    /// A body after unpacking.
    pub unpacked_bytes_max: usize,
    /// All bodies that are held at a time, sent and unpacked; over it: 429.
    pub in_flight_bytes_max: usize,
    /// Within this many seconds a body must be there; else 408. Real time.
    pub body_read_s_max: u64,
    /// Objects and arrays within one another.
    pub json_depth_max: usize,
    /// Calls in one batch.
    pub batch_events_max: usize,
    /// One event as it is written into the log; below what the log takes (Kafka: 1 MiB). A larger one in a batch is a dead letter.
    pub event_bytes_max: usize,
    /// A `messageId`, in characters.
    pub message_id_chars_max: usize,
    /// An id of a user, an account or a foreign thing, in characters.
    pub id_chars_max: usize,
    /// An event's name, in characters.
    pub name_chars_max: usize,
    /// A body up to this size is parsed where it is read; a larger one on a thread of its own, so that it does not hold others up. What is packed counts 16-fold.
    pub inline_bytes_max: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            unpacked_bytes_max: 32 << 20,
            in_flight_bytes_max: 512 << 20,
            body_read_s_max: 30,
            json_depth_max: 64,
            batch_events_max: 20_000,
            event_bytes_max: 768 << 10,
            message_id_chars_max: 256,
            id_chars_max: 256,
            name_chars_max: 512,
            inline_bytes_max: 256 << 10,
        }
    }
}

/// How an event's time is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeConfig {
    /// A sender's clock is corrected where it is off by more than this; below, transit would pass for skew.
    pub skew_s_min: u64,
    /// Only a time at most this long before it was sent is corrected: an older one was set by hand and is taken as it stands.
    pub skew_queue_s_max: u64,
    /// An event further ahead than this becomes now, and is flagged.
    pub future_s_max: u64,
}

impl Default for TimeConfig {
    fn default() -> Self {
        Self { skew_s_min: 60, skew_queue_s_max: 7 * 86_400, future_s_max: 23 * 3_600 }
    }
}

/// How dead letters are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetterConfig {
    /// Of an original larger than this only the beginning is kept, and the message says so: the log takes no larger record.
    pub original_bytes_max: usize,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self { original_bytes_max: 768 << 10 }
    }
}

/// What is wrong with settings, keys or sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("ingest.limits.{0} must be at least 1")]
    Zero(&'static str),
    #[error("ingest.limits.{small} must not be above {large}")]
    Order { small: &'static str, large: &'static str },
    #[error("tenant {0:?} is not a name: use letters, digits, '-', '_' and '.'")]
    Tenant(String),
    #[error("source {name:?}: there is no provider {provider:?}; there are {known}")]
    Provider { name: String, provider: String, known: String },
    #[error("source {0:?} is not a name: use letters, digits, '-', '_' and '.'")]
    SourceName(String),
    #[error("source {provider}/{name} is there twice; give each source of a provider a name of its own")]
    Twice { provider: String, name: String },
    #[error("source {name:?}: {what}")]
    Json { name: String, what: String },
    #[error("source {name:?}: {what}")]
    Secret { name: String, what: &'static str },
    #[error("source {0:?}: a table [sources.map] and provider = \"json\" go together")]
    MapAndProvider(String),
    #[error("source {0:?}: public_url must begin with https:// or http://")]
    PublicUrl(String),
    #[error("source {0:?} has no secret, or an empty one; set secret or secret_file")]
    NoSecret(String),
}

impl IngestConfig {
    /// Says what is wrong with the settings.
    ///
    /// # Errors
    /// The first bound that makes no sense.
    pub fn validate(&self) -> Result<(), SetupError> {
        let limits = &self.limits;
        for (name, value) in [
            ("body_bytes_max", limits.body_bytes_max),
            ("unpacked_bytes_max", limits.unpacked_bytes_max),
            ("json_depth_max", limits.json_depth_max),
            ("batch_events_max", limits.batch_events_max),
            ("event_bytes_max", limits.event_bytes_max),
            ("message_id_chars_max", limits.message_id_chars_max),
            ("id_chars_max", limits.id_chars_max),
            ("name_chars_max", limits.name_chars_max),
            ("body_read_s_max", usize::try_from(limits.body_read_s_max).unwrap_or(usize::MAX)),
        ] {
            if value == 0 {
                return Err(SetupError::Zero(name));
            }
        }
        if limits.body_bytes_max.saturating_add(limits.unpacked_bytes_max) > limits.in_flight_bytes_max {
            return Err(SetupError::Order { small: "body_bytes_max + unpacked_bytes_max", large: "in_flight_bytes_max" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_a_misspelt_setting_is_named() {
        assert_eq!(IngestConfig::default().validate(), Ok(()));
        let error = serde_json::from_str::<IngestConfig>(r#"{"limits":{"body_byte_max":1}}"#).unwrap_err().to_string();
        assert!(error.contains("body_byte_max"), "{error}");
    }

    #[test]
    fn a_bound_of_zero_and_a_body_larger_than_all_bodies_are_refused() {
        let mut config = IngestConfig::default();
        config.limits.json_depth_max = 0;
        assert_eq!(config.validate(), Err(SetupError::Zero("json_depth_max")));
        let mut config = IngestConfig::default();
        config.limits.in_flight_bytes_max = 1;
        assert!(matches!(config.validate(), Err(SetupError::Order { .. })));
    }
}
