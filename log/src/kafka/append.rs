//! Appends: one idempotent producer for the whole process, and batches that wait for their last acknowledgement.
//!
//! A batch is refused whole where the bound on what is under way would be passed, or one of its partitions stands still, before any of it is sent. What was acknowledged is on all in-sync replicas. A producer that
//! came to its end (Kafka's idempotence knows such errors) is replaced; what it had under way fails and may be appended again by its sender.
use super::KafkaConfig;
use super::client::{self, client_error, log_line};
use super::health::Health;
use super::names::Names;
use super::pending::{Pending, Ticket};
use super::pump::Pump;
use super::{failure, native};
use crate::{Appended, Batch, Clock, LogError};
use futures::channel::oneshot;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the last appends are waited for when the log is closed.
const LAST: Duration = Duration::from_secs(5);

/// Context of the producer: its deliveries complete batches.
struct Deliveries {
    health: Arc<Health>,
    pending: Arc<Pending>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let ticket = Ticket::unpack(ticket);
        match result {
            Ok(message) => {
                if self.pending.delivered(ticket, message.offset().max(0) as u64) {
                    self.health.acknowledged();
                }
            }
            Err((error, message)) => {
                let bytes = message.payload().map_or(0, <[u8]>::len) + message.key().map_or(0, <[u8]>::len);
                let error = failure::undelivered(error, message.topic(), bytes);
                if let LogError::Unavailable(reason) = &error {
                    self.health.append_failed(reason);
                }
                self.pending.failed(ticket, error);
            }
        }
    }
}

/// A producer and its thread.
struct Live {
    /// Before the producer: it holds it too, and must end first.
    _pump: Pump,
    producer: Arc<BaseProducer<Deliveries>>,
}

impl Live {
    fn new(config: &KafkaConfig, health: &Arc<Health>, pending: &Arc<Pending>) -> Result<Self, LogError> {
        let context = Deliveries { health: Arc::clone(health), pending: Arc::clone(pending) };
        let producer = BaseProducer::from_config_and_context(&client::appender(config), context)
            .map_err(|error| LogError::Setup(format!("the producer cannot be set up: {error}")))?;
        let producer = Arc::new(producer);
        let pump = Pump::start("log-append", Arc::clone(&producer))
            .map_err(|error| LogError::Unavailable(format!("no thread for a producer: {error}")))?;
        Ok(Self { _pump: pump, producer })
    }
}

pub(super) struct Appender {
    config: KafkaConfig,
    names: Arc<Names>,
    clock: Clock,
    health: Arc<Health>,
    pending: Arc<Pending>,
    live: RwLock<Arc<Live>>,
}

impl Appender {
    pub(super) fn new(config: &KafkaConfig, names: &Arc<Names>, clock: &Clock, health: &Arc<Health>) -> Result<Self, LogError> {
        let stall = Duration::from_millis(config.append_stall_ms);
        let pending = Arc::new(Pending::new(config.append_records_max, config.append_bytes_max, stall, names.partitions));
        let live = RwLock::new(Arc::new(Live::new(config, health, &pending)?));
        Ok(Self { config: config.clone(), names: Arc::clone(names), clock: clock.clone(), health: Arc::clone(health), pending, live })
    }

    /// See [`crate::Log::append`]. All of it is handed over before this returns, so appends of one caller keep their order.
    pub(super) fn append(&self, batch: &Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        match self.send(batch) {
            Ok(done) => Box::pin(async move { done.await.unwrap_or_else(|_| Err(LogError::Unavailable("the log was closed".into()))) }),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn send(&self, batch: &Batch) -> Result<oneshot::Receiver<Result<Vec<Appended>, LogError>>, LogError> {
        self.names.check_sizes(batch, self.config.record_bytes_max)?;
        let live = self.live()?;
        let (slot, done) = self.pending.admit(batch, Instant::now())?;
        let stamp = self.clock.is_manual().then(|| self.clock.now_ms());
        for (index, entry) in batch.entries().iter().enumerate() {
            let ticket = Ticket { slot, index: index as u32 };
            let record = self.names.record(batch, entry, stamp, ticket.pack());
            if let Err((error, record)) = live.producer.send(record) {
                self.pending.failed(ticket, failure::undelivered(&error, record.topic, batch.value(entry).len()));
            }
        }
        Ok(done)
    }

    /// The producer; a new one where the old one came to its end.
    fn live(&self) -> Result<Arc<Live>, LogError> {
        let live = Arc::clone(&self.live.read());
        let Some((code, reason)) = live.producer.client().fatal_error() else { return Ok(live) };
        let mut current = self.live.write();
        if !Arc::ptr_eq(&live, &current) {
            return Ok(Arc::clone(&current));
        }
        tracing::error!(%code, reason, "the producer came to its end; a new one takes its place");
        let new = Arc::new(Live::new(&self.config, &self.health, &self.pending)?);
        *current = Arc::clone(&new);
        drop(current);
        // Its end waits for what it had under way to fail; not on this thread.
        std::thread::spawn(move || drop(live));
        Ok(new)
    }

    /// Makes the producer fail for good, as the brokers can.
    #[cfg(test)]
    fn break_producer(&self) {
        native::break_client(self.live.read().producer.client());
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        native::flush(self.live.read().producer.client(), LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_schemas::Topic;
    use futures::FutureExt;
    use futures::executor::block_on;
    use rdkafka::mocking::MockCluster;

    /// librdkafka's own mock brokers, inside the client.
    fn appender(change: impl FnOnce(&mut KafkaConfig)) -> Appender {
        let mut config = KafkaConfig { topic_prefix: "t.".into(), append_timeout_ms: 10_000, ..KafkaConfig::default() };
        config.settings.0.insert("test.mock.num.brokers".into(), "1".into());
        change(&mut config);
        Appender::new(&config, &Arc::new(Names::new("t.", 4)), &Clock::real(), &Arc::new(Health::new())).unwrap()
    }

    fn batch(n: usize) -> Batch {
        let mut batch = Batch::default();
        for i in 0..n {
            batch.push(Topic::Events, |key| key.extend_from_slice(format!("t/{i}").as_bytes()), |value| value.extend_from_slice(b"value"));
        }
        batch
    }

    #[test]
    fn each_record_of_a_batch_gets_its_own_offset() {
        let appender = appender(|_| ());
        let appended = block_on(appender.append(&batch(100))).unwrap();
        let mut next = [0; 4];
        for (entry, at) in batch(100).entries().iter().zip(appended) {
            assert_eq!((at.topic, at.partition), (Topic::Events, entry.partition_in(&batch(100), 4)));
            assert_eq!(at.offset, next[at.partition as usize], "in order within the partition");
            next[at.partition as usize] += 1;
        }
    }

    #[test]
    fn an_empty_batch_is_done_at_once() {
        assert_eq!(block_on(appender(|_| ()).append(&Batch::default())).unwrap(), vec![]);
    }

    #[test]
    fn a_batch_over_the_bound_is_refused_whole_and_fits_again_later() {
        let appender = appender(|config| {
            config.append_records_max = 100;
            config.linger_us = 200_000;
        });
        let first = appender.append(&batch(60));
        assert!(matches!(block_on(appender.append(&batch(60))), Err(LogError::Overloaded)));
        assert_eq!(block_on(first).unwrap().len(), 60);
        assert_eq!(block_on(appender.append(&batch(60))).unwrap().len(), 60);
        assert_eq!(block_on(appender.append(&batch(150))).unwrap().len(), 150, "alone, a batch over the bound is let through");
    }

    #[test]
    fn a_record_that_is_too_large_refuses_its_batch() {
        let mut batch = batch(1);
        batch.push(Topic::Events, |_| (), |value| value.resize(2_000_000, 0));
        assert!(matches!(block_on(appender(|_| ()).append(&batch)), Err(LogError::TooLarge(bytes)) if bytes > 1_000_000));
    }

    #[test]
    fn a_producer_that_came_to_its_end_is_replaced() {
        let appender = appender(|_| ());
        block_on(appender.append(&batch(1))).unwrap();
        appender.break_producer();
        // The new one has mock brokers of its own, so offsets begin anew.
        assert_eq!(block_on(appender.append(&batch(10))).unwrap().len(), 10);
    }

    #[test]
    fn a_partition_whose_broker_is_gone_does_not_stall_the_others() {
        let brokers = MockCluster::new(2).unwrap();
        brokers.create_topic("t.events", 4, 1).unwrap();
        for partition in 0..4 {
            brokers.partition_leader("t.events", partition, Some(if partition == 0 { 2 } else { 1 })).unwrap();
        }
        let appender = appender(|config| {
            config.settings.0.clear();
            config.brokers = brokers.bootstrap_servers();
            config.append_stall_ms = 300;
        });
        let to = |partition| {
            let mut batch = Batch::default();
            batch.push_with(Topic::Events, Some(partition), |key| key.push(b'k'), |_| (), |value| value.push(b'v'));
            appender.append(&batch)
        };
        for partition in 0..4 {
            block_on(to(partition)).unwrap();
        }
        brokers.broker_down(2).unwrap();
        let stuck = to(0);
        let from = Instant::now();
        while !matches!(to(0).now_or_never(), Some(Err(LogError::Overloaded))) {
            assert!(from.elapsed() < Duration::from_secs(10), "it is never refused");
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..50 {
            for partition in 1..4 {
                block_on(to(partition)).expect("a healthy partition");
            }
        }
        brokers.broker_up(2).unwrap();
        block_on(stuck).expect("what was under way is through in the end");
        block_on(to(0)).expect("and it takes more");
    }

    #[test]
    fn brokers_that_are_not_there_fail_an_append_in_bounded_time() {
        let appender = appender(|config| {
            config.settings.0.clear();
            config.brokers = "127.0.0.1:1".into();
            config.append_timeout_ms = 300;
        });
        let from = Instant::now();
        assert!(matches!(block_on(appender.append(&batch(3))), Err(LogError::Unavailable(_))));
        assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
        assert!(appender.health.check().is_err());
    }
}
