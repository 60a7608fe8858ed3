//! What the group tells a member. The callbacks run inside the consumer's poll, on the member's own thread; they only note what happened, and the member hands it out.
use super::client::{client_error, log_line};
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use std::collections::VecDeque;

/// What the group decided, with full topic names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// All that the member has from now on. librdkafka waits until the consumer was assigned it.
    Assigned(Vec<(String, u32)>),
    /// All was taken away.
    Revoked,
}

/// Context of a member's consumer.
#[derive(Default)]
pub(super) struct Seat {
    decisions: Mutex<VecDeque<Decision>>,
}

impl Seat {
    pub(super) fn has_decision(&self) -> bool {
        !self.decisions.lock().is_empty()
    }

    pub(super) fn next_decision(&self) -> Option<Decision> {
        self.decisions.lock().pop_front()
    }
}

impl ClientContext for Seat {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_error(&error, reason);
    }
}

impl ConsumerContext for Seat {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let all = list.elements().iter().map(|e| (e.topic().to_owned(), e.partition().max(0) as u32)).collect();
            self.decisions.lock().push_back(Decision::Assigned(all));
            return;
        }
        // Nothing uncommitted is held while the member polls, so it can be given away at once.
        if let Err(error) = consumer.unassign() {
            tracing::error!(%error, "partitions could not be given away");
        }
        self.decisions.lock().push_back(Decision::Revoked);
    }
}
