//! What all stages' dead letters have in common: the count, one metric for all; and the headers, in Kafka Connect's convention.
use crate::Headers;
use prometheus::{IntCounterVec, register_int_counter_vec};
use std::sync::LazyLock;

#[allow(clippy::expect_used, reason = "the name is a constant; a clash is a bug that the first test finds")]
static DEAD_LETTERS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("c360_dead_letters_total", "What could not be taken, by reason.", &["reason"]).expect("metric")
});

/// What the names of Kafka Connect's headers begin with.
pub const CONNECT_PREFIX: &str = "__connect.errors.";

/// Counts one dead letter.
pub fn count_dead_letter(reason: &str) {
    DEAD_LETTERS.with_label_values(&[reason]).inc();
}

/// Makes the series of `reasons` exist from the start.
pub fn init_dead_letters(reasons: &[&str]) {
    for reason in reasons {
        DEAD_LETTERS.with_label_values(&[reason]);
    }
}

/// What the headers of a dead letter say.
#[derive(Clone, Copy, Debug)]
pub struct ConnectErrors<'a> {
    /// Topic, partition and offset of the record; `None` for what came from outside.
    pub record: Option<(&'a str, u32, u64)>,
    /// The source, or the installation where the record is one of ours.
    pub connector: &'a str,
    /// The part of the work that it fell out of.
    pub task: u32,
    pub stage: &'a str,
    /// What refused it.
    pub class: &'a str,
    /// Out of a fixed set.
    pub reason: &'a str,
    pub message: &'a str,
}

impl ConnectErrors<'_> {
    /// Appends the headers in the packed form of [`Headers`].
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut put = |name: &str, value: &str| Headers::write(out, &format!("{CONNECT_PREFIX}{name}"), value.as_bytes());
        let mut at = self.stage.to_owned();
        if let Some((topic, partition, offset)) = self.record {
            put("topic", topic);
            put("partition", &partition.to_string());
            put("offset", &offset.to_string());
            at = format!("{topic}-{partition}@{offset}");
        }
        put("connector.name", self.connector);
        put("task.id", &self.task.to_string());
        put("stage", self.stage);
        put("class.name", self.class);
        put("exception.class.name", self.reason);
        put("exception.message", self.message);
        // Tools that know the convention show this one: what, and where.
        put("exception.stacktrace", &format!("{}: {}\n\tat {}({at})", self.reason, self.message, self.class));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_are_those_of_kafka_connect() {
        let errors = ConnectErrors {
            record: Some(("events", 3, 17)),
            connector: "c360",
            task: 3,
            stage: "aggregate",
            class: "Aggregate",
            reason: "undecodable",
            message: "no avro",
        };
        let names = |errors: ConnectErrors<'_>| {
            let mut packed = Vec::new();
            errors.write(&mut packed);
            Headers(&packed).iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect::<Vec<_>>()
        };
        assert_eq!(
            names(errors),
            [
                "__connect.errors.topic=events",
                "__connect.errors.partition=3",
                "__connect.errors.offset=17",
                "__connect.errors.connector.name=c360",
                "__connect.errors.task.id=3",
                "__connect.errors.stage=aggregate",
                "__connect.errors.class.name=Aggregate",
                "__connect.errors.exception.class.name=undecodable",
                "__connect.errors.exception.message=no avro",
                "__connect.errors.exception.stacktrace=undecodable: no avro\n\tat Aggregate(events-3@17)",
            ]
        );
        assert_eq!(names(ConnectErrors { record: None, ..errors }).len(), 7);
    }
}
