//! What librdkafka's errors mean for whoever uses the log.
use crate::LogError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::{Duration, Instant};

/// Pause before a question is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Asks again for as long as the brokers are handing a lead on; `ask` gets the time that is left.
pub(super) fn ask_again<T>(timeout: Duration, ask: impl Fn(Duration) -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let deadline = Instant::now() + timeout;
    loop {
        match ask(deadline.saturating_duration_since(Instant::now())) {
            Err(error) if passing(&error) && Instant::now() < deadline => std::thread::sleep(ASK_AGAIN),
            other => return other,
        }
    }
}

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

/// Whether the error says that another took this one's place, or that the group's generation moved on.
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

/// Whether the brokers will answer otherwise in a moment.
fn passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::OffsetNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::NoOffset
                | Code::BrokerTransportFailure
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                | Code::UnstableOffsetCommit
                | Code::WaitingForCoordinator
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_client_is_told_apart_from_what_passes() {
        for code in
            [Code::ProducerFenced, Code::InvalidProducerEpoch, Code::FencedInstanceId, Code::IllegalGeneration, Code::UnknownMemberId]
        {
            assert!(matches!(fatal(code, String::new()), LogError::Fenced(_)), "{code}");
        }
        for code in [Code::OutOfOrderSequenceNumber, Code::TransactionalIdAuthorizationFailed] {
            assert!(!fenced(code) && matches!(fatal(code, String::new()), LogError::Fatal(_)), "{code}");
        }
        for (code, passes) in [
            (Code::NotCoordinator, true),
            (Code::BrokerTransportFailure, true),
            (Code::LeaderNotAvailable, true),
            (Code::TopicAuthorizationFailed, false),
            (Code::UnknownTopicOrPartition, false),
        ] {
            assert_eq!(passing(&KafkaError::OffsetFetch(code)), passes, "{code}");
        }
        let told = |code| undelivered(&KafkaError::MessageProduction(code), "t", 7);
        assert!(matches!(told(Code::MessageSizeTooLarge), LogError::TooLarge(7)));
        assert!(matches!(told(Code::QueueFull), LogError::Overloaded));
        assert!(matches!(told(Code::UnknownTopicOrPartition), LogError::UnknownTopic(_)));
        assert!(matches!(told(Code::MessageTimedOut), LogError::Unavailable(_)));
    }
}
