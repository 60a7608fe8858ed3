//! What librdkafka's errors mean for whoever uses the log.
use crate::LogError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// An error of a question to the brokers.
pub(super) fn unavailable(what: &str, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => LogError::UnknownTopic(what.to_owned()),
        _ => LogError::Unavailable(format!("{what}: {error}")),
    }
}

/// Why a record was not acknowledged; `bytes` is its size.
pub(super) fn undelivered(error: &KafkaError, topic: &str, bytes: usize) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::MessageSizeTooLarge) => LogError::TooLarge(bytes),
        Some(Code::QueueFull) => LogError::Overloaded,
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => LogError::UnknownTopic(topic.to_owned()),
        _ => LogError::Unavailable(format!("{topic}: {error}")),
    }
}

/// Whether the error says that another took this one's place.
pub(super) fn fenced(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::FencedInstanceId
            | Code::IllegalGeneration
            | Code::UnknownMemberId
    )
}

/// An error that ends a client.
pub(super) fn fatal(code: Code, text: String) -> LogError {
    if fenced(code) { LogError::Fenced(text) } else { LogError::Fatal(text) }
}
