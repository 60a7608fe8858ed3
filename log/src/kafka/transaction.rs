//! One member's transactions: outputs and consumed offsets, all or nothing.
//!
//! Making a [`Transaction`] fences an older one of the same id and ends what that left open. Whatever dies and whenever, an open transaction is never visible: the brokers abort it
//! when the next of its id comes, or after the transaction timeout.
use super::KafkaConfig;
use super::client::{self, client_error, log_line};
use super::names::Names;
use super::pump::Pump;
use super::{failure, native};
use crate::{Batch, Clock, Entry, LogError};
use c360_schemas::Topic;
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pause before a step that timed out or has to wait is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// What a record takes in a request besides its key, headers and value, at most.
const RECORD_OVERHEAD_BYTES: usize = 64;

/// Context of a transactional producer: notes the first record that failed.
#[derive(Default)]
struct Outputs {
    failed: Mutex<Option<LogError>>,
}

impl ClientContext for Outputs {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_error(&error, reason);
    }
}

impl ProducerContext for Outputs {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let bytes = message.payload().map_or(0, <[u8]>::len) + message.key().map_or(0, <[u8]>::len);
            self.failed.lock().get_or_insert_with(|| failure::undelivered(error, message.topic(), bytes));
        }
    }
}

pub(super) struct Transaction {
    /// Before the producer: it holds it too, and must end first.
    _pump: Pump,
    producer: Arc<BaseProducer<Outputs>>,
    names: Arc<Names>,
    clock: Clock,
    timeout: Duration,
    record_bytes_max: usize,
    request_bytes: usize,
    /// A transaction that could not be aborted yet.
    open: bool,
}

impl Transaction {
    /// Takes the place of an older one of the same `id`.
    pub(super) fn new(config: &KafkaConfig, id: &str, names: Arc<Names>, clock: Clock) -> Result<Self, LogError> {
        let producer = BaseProducer::from_config_and_context(&client::transactional(config, id), Outputs::default())
            .map_err(|error| LogError::Setup(format!("the transactional producer cannot be set up: {error}")))?;
        let producer = Arc::new(producer);
        let pump = Pump::start("log-commit", Arc::clone(&producer))
            .map_err(|error| LogError::Fatal(format!("no thread for a producer: {error}")))?;
        let this = Self {
            _pump: pump,
            producer,
            names,
            clock,
            timeout: config.commit_timeout(),
            record_bytes_max: config.record_bytes_max,
            request_bytes: config.request_bytes(),
            open: false,
        };
        let deadline = Instant::now() + config.connect_timeout();
        this.retry(deadline, Producer::init_transactions).map_err(|error| match this.outcome(&error, "init") {
            LogError::Aborted(text) => LogError::Unavailable(text),
            other => other,
        })?;
        Ok(this)
    }

    /// Commits. Nothing took effect on an error, unless it is [`LogError::Unknown`].
    pub(super) fn commit(&mut self, outputs: &Batch, offsets: &TopicPartitionList, group: &ConsumerGroupMetadata) -> Result<(), LogError> {
        self.names.check_sizes(outputs, self.record_bytes_max)?;
        let deadline = Instant::now() + self.timeout;
        if self.open {
            self.abort()?;
        }
        *self.producer.context().failed.lock() = None;
        self.producer.begin_transaction().map_err(|error| self.outcome(&error, "begin"))?;
        self.open = true;
        match self.fill(outputs, offsets, group, deadline) {
            Ok(()) => self.finish(deadline),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// All that goes before the commit itself.
    fn fill(
        &self,
        outputs: &Batch,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
        deadline: Instant,
    ) -> Result<(), LogError> {
        let stamp = self.clock.is_manual().then(|| self.clock.now_ms());
        for portion in portions(outputs, self.names.partitions, self.request_bytes) {
            for entry in portion {
                let record = self.names.record(outputs, entry, stamp, ());
                self.producer
                    .send(record)
                    .map_err(|(error, record)| failure::undelivered(&error, record.topic, outputs.value(entry).len()))?;
            }
            if !native::flush(self.producer.client(), left(deadline)) {
                return Err(LogError::Unavailable("the outputs were not acknowledged in time".into()));
            }
            if let Some(error) = self.producer.context().failed.lock().take() {
                return Err(error);
            }
        }
        if offsets.count() > 0 {
            self.retry(deadline, |producer, left| producer.send_offsets_to_transaction(offsets, group, left))
                .map_err(|error| self.outcome(&error, "offsets"))?;
        }
        Ok(())
    }

    fn finish(&mut self, deadline: Instant) -> Result<(), LogError> {
        let mut asked = false;
        loop {
            let Err(error) = self.producer.commit_transaction(left(deadline)) else {
                self.open = false;
                return Ok(());
            };
            let again = retriable(&error);
            if again && Instant::now() < deadline {
                // It may be asked again: the answer to the first time holds.
                asked = true;
                std::thread::sleep(RETRY);
                continue;
            }
            // What was asked and never answered may have taken effect.
            if again || asked {
                return Err(LogError::Unknown(error.to_string()));
            }
            let outcome = self.outcome(&error, "commit");
            return Err(self.give_up(outcome));
        }
    }

    /// Ends a transaction that failed with `error`; what to tell.
    fn give_up(&mut self, error: LogError) -> LogError {
        if matches!(error, LogError::Fatal(_)) {
            return error;
        }
        if let Some((code, text)) = self.producer.client().fatal_error() {
            return failure::fatal(code, text);
        }
        match self.abort() {
            Ok(()) | Err(LogError::Unavailable(_)) => error,
            Err(worse) => worse,
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        let deadline = Instant::now() + self.timeout;
        match self.retry(deadline, Producer::abort_transaction) {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(error) if retriable(&error) => Err(LogError::Unavailable(format!("a transaction could not be aborted yet: {error}"))),
            Err(error) => match self.outcome(&error, "abort") {
                LogError::Aborted(text) => Err(LogError::Fatal(text)),
                other => Err(other),
            },
        }
    }

    /// Tries a step until the deadline for as long as it says that it may be tried again.
    fn retry(
        &self,
        deadline: Instant,
        step: impl Fn(&BaseProducer<Outputs>, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        loop {
            match step(&self.producer, left(deadline)) {
                Err(error) if retriable(&error) && Instant::now() < deadline => std::thread::sleep(RETRY),
                other => return other,
            }
        }
    }

    fn outcome(&self, error: &KafkaError, step: &str) -> LogError {
        let text = format!("{step}: {error}");
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return failure::fatal(code, format!("{text} ({reason})"));
        }
        match error {
            KafkaError::Transaction(e) if failure::fenced(e.code()) => LogError::Fenced(text),
            KafkaError::Transaction(e) if e.is_fatal() => LogError::Fatal(text),
            KafkaError::Transaction(e) if e.txn_requires_abort() => LogError::Aborted(text),
            KafkaError::Transaction(e) if e.is_retriable() => LogError::Unavailable(text),
            _ => LogError::Fatal(text),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.open && self.producer.client().fatal_error().is_none() {
            // Spares the next of this id the wait; where it fails the brokers do it.
            let _ = self.producer.abort_transaction(Duration::from_secs(1));
        }
    }
}

/// The outputs in portions that hold at most one request's worth of records for each partition, in the order of each partition. An idempotent producer has one request of a partition
/// under way at a time, and librdkafka does not sleep while more wait behind it: without portions its thread spins through most of a large transaction.
fn portions(outputs: &Batch, partitions: u32, request_bytes: usize) -> Vec<Vec<&Entry>> {
    let mut portions: Vec<Vec<&Entry>> = Vec::new();
    // Bytes, and the portion in hand, by topic and partition.
    let mut filled = vec![(0_usize, 0_usize); Topic::ALL.len() * partitions as usize];
    for entry in outputs.entries() {
        let bytes = RECORD_OVERHEAD_BYTES + outputs.key(entry).len() + outputs.headers(entry).0.len() + outputs.value(entry).len();
        let slot = entry.topic as usize * partitions as usize + entry.partition_in(outputs, partitions) as usize;
        let Some((taken, number)) = filled.get_mut(slot) else { continue };
        if *taken > 0 && *taken + bytes > request_bytes {
            (*taken, *number) = (0, *number + 1);
        }
        *taken += bytes;
        if portions.len() <= *number {
            portions.resize_with(*number + 1, Vec::new);
        }
        if let Some(portion) = portions.get_mut(*number) {
            portion.push(entry);
        }
    }
    portions
}

fn retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(e) => e.is_retriable() && !e.txn_requires_abort(),
        KafkaError::Flush(code) => *code == Code::OperationTimedOut,
        _ => false,
    }
}

fn left(deadline: Instant) -> Duration {
    // At least a moment, so that each step is tried once.
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100))
}
