//! A log of its own on the shared broker: its topics have a prefix of their own.
use super::broker::{self, Broker};
use crate::conformance::kit::until;
use crate::conformance::{Fixture, PARTITIONS};
use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Clock, Log};
use c360_schemas::Topic;
use futures::executor::block_on;
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Where a child process finds the log.
const BROKERS: &str = "C360_TEST_BROKERS";
const PREFIX: &str = "C360_TEST_PREFIX";
static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Kafka {
    pub broker: &'static Broker,
    pub config: KafkaConfig,
    pub clock: Clock,
    log: Option<Arc<KafkaLog>>,
    _user: Option<RwLockReadGuard<'static, ()>>,
    _alone: Option<RwLockWriteGuard<'static, ()>>,
}

/// Short timeouts, so that tests of failure do not take long.
fn config(brokers: &str, prefix: &str) -> KafkaConfig {
    KafkaConfig {
        brokers: brokers.to_owned(),
        topic_prefix: prefix.to_owned(),
        partitions: PARTITIONS,
        append_timeout_ms: 5_000,
        session_timeout_ms: 4_000,
        commit_timeout_ms: 10_000,
        ..KafkaConfig::default()
    }
}

/// The log that the environment names.
pub fn of_child() -> Arc<KafkaLog> {
    let config = config(&std::env::var(BROKERS).unwrap(), &std::env::var(PREFIX).unwrap());
    KafkaLog::connect(config, Clock::real()).unwrap()
}

impl Kafka {
    pub fn new() -> Self {
        let mut fixture = Self::unopened();
        fixture.open();
        fixture
    }

    /// Nothing is there yet.
    pub fn unopened() -> Self {
        let (broker, user) = broker::shared();
        let prefix = format!("t{}.", NEXT.fetch_add(1, Ordering::Relaxed));
        let config = config(&broker.address, &prefix);
        Self { broker, config, clock: Clock::real(), log: None, _user: Some(user), _alone: None }
    }

    /// No other test uses the broker meanwhile.
    pub fn alone() -> Self {
        let mut fixture = Self::unopened();
        fixture._user = None;
        fixture._alone = Some(broker::alone());
        // An outage is waited out more than once.
        fixture.config.append_timeout_ms = 2_000;
        fixture.open();
        fixture
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.config.brokers).create().unwrap()
    }

    pub fn name(&self, topic: Topic) -> String {
        topic.name(&self.config.topic_prefix)
    }

    /// The test binary itself, running its ignored test `name` on this log.
    pub fn child_running(&self, name: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", name]);
        command.env(BROKERS, &self.config.brokers).env(PREFIX, &self.config.topic_prefix);
        command
    }
}

pub fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)))
}

impl Fixture for Kafka {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(self.log.as_ref().unwrap()) as Arc<dyn Log>
    }

    fn close(&mut self) {
        let log = self.log.take().unwrap();
        assert_eq!(Arc::strong_count(&log), 1, "somebody else holds the log");
    }

    fn open(&mut self) {
        self.log = Some(KafkaLog::connect(self.config.clone(), self.clock.clone()).unwrap());
    }

    fn child(&self) -> Command {
        self.child_running("a_child_that_writes_until_it_is_killed")
    }

    fn breakdown(&mut self) {
        assert!(self._alone.is_some(), "other tests use the broker");
        self.broker.freeze();
    }

    fn mend(&mut self) {
        self.broker.thaw();
    }

    /// Asks the broker to drop half of what is there.
    fn press_retention(&mut self, topic: Topic) {
        let mut list = TopicPartitionList::new();
        for (partition, bounds) in self.log().bounds(topic).unwrap().into_iter().enumerate() {
            let half = bounds.start + (bounds.end - bounds.start).div_ceil(2);
            list.add_partition_offset(&self.name(topic), partition as i32, Offset::Offset(half as i64)).unwrap();
        }
        block_on(self.admin().delete_records(&list, &options())).unwrap();
    }

    fn log_without(&mut self, topic: Topic) -> Option<Arc<dyn Log>> {
        block_on(self.admin().delete_topics(&[&self.name(topic)], &options())).unwrap();
        // The broker takes it away a moment after it said so.
        until("the topic is gone", || self.log().bounds(topic).is_err());
        Some(self.log())
    }
}
