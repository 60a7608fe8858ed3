//! The log on Kafka, over rdkafka.
//!
//! A record that was acknowledged is on all in-sync replicas. Consumed offsets go into the same transaction as the outputs, and the brokers check that whoever commits them
//! still is the member that it was (KIP-447). Nothing is kept on this machine: all of it can die at any time.
mod append;
mod client;
mod config;
mod failure;
mod health;
mod member;
mod names;
#[allow(unsafe_code, reason = "rdkafka has no flush without a pause and no reading in batches: both are calls into librdkafka")]
mod native;
mod offsets;
mod pending;
mod pump;
mod reader;
mod rebalance;
mod source;
mod topics;
mod transaction;

pub use config::{KafkaConfig, Retention, Settings};

use crate::{Appended, Batch, Bounds, Clock, Consumed, Keeps, Log, LogError, Member, MemberSpec, Reader};
use append::Appender;
use c360_schemas::Topic;
use futures::future::BoxFuture;
use health::Health;
use member::KafkaMember;
use names::Names;
use offsets::Offsets;
use parking_lot::{Condvar, Mutex};
use reader::KafkaReader;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For so long a topic's retention is not asked for again.
const KEEPS_KNOWN: Duration = Duration::from_secs(60);

/// The log of one installation on a Kafka cluster.
pub struct KafkaLog {
    config: KafkaConfig,
    clock: Clock,
    names: Arc<Names>,
    health: Arc<Health>,
    offsets: Arc<Offsets>,
    appender: Appender,
    keeps: Mutex<HashMap<Topic, (Instant, Keeps)>>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    watcher: Option<JoinHandle<()>>,
}

impl KafkaLog {
    /// Reaches the cluster, makes the topics that are not there and checks those that are.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] where no broker answers in time; [`LogError::Setup`] where topics are not as they must be, or a setting is wrong.
    pub fn connect(config: KafkaConfig, clock: Clock) -> Result<Arc<Self>, LogError> {
        if config.transaction_timeout_ms() >= config.session_timeout_ms.max(1_001) {
            // Otherwise a partition's new owner would wait for the transaction that its old one left open.
            return Err(LogError::Setup("transaction_timeout_ms must be below session_timeout_ms, and that above 1000".into()));
        }
        let health = Arc::new(Health::new());
        let partitions = topics::ensure(&config, &clock, &health)?;
        let names = Arc::new(Names::new(&config.topic_prefix, partitions));
        let offsets = Arc::new(Offsets::new(&config, &names, &health)?);
        offsets.wait_for_topics()?;
        let appender = Appender::new(&config, &names, &clock, &health)?;
        let stop = Arc::default();
        let watcher = watch(&offsets, &stop)?;
        Ok(Arc::new(Self { config, clock, names, health, offsets, appender, keeps: Mutex::default(), stop, watcher: Some(watcher) }))
    }
}

/// Looks after the health and the idle clients until told to stop.
fn watch(offsets: &Arc<Offsets>, stop: &Arc<(Mutex<bool>, Condvar)>) -> Result<JoinHandle<()>, LogError> {
    let (offsets, stop) = (Arc::clone(offsets), Arc::clone(stop));
    let watch = move || {
        let (stopped, wake) = &*stop;
        loop {
            let mut stopped = stopped.lock();
            if !*stopped {
                wake.wait_for(&mut stopped, health::ASK_EVERY);
            }
            if *stopped {
                return;
            }
            drop(stopped);
            offsets.look_after();
        }
    };
    std::thread::Builder::new()
        .name("log-watch".into())
        .spawn(watch)
        .map_err(|error| LogError::Fatal(format!("no thread for the log: {error}")))
}

impl Log for KafkaLog {
    fn partitions(&self) -> u32 {
        self.names.partitions
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        self.appender.append(&batch)
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        for topic in &spec.topics {
            // librdkafka would wait for a topic that is not there.
            self.offsets.starts(*topic)?;
        }
        Ok(Box::new(KafkaMember::join(&self.config, spec, &self.names, &self.clock)?))
    }

    fn reader(&self, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(KafkaReader::new(&self.config, &self.names, &self.offsets, topics, from)?))
    }

    fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        self.offsets.standing(group, topic)
    }

    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        self.offsets.bounds(topic)
    }

    fn keeps(&self, topic: Topic) -> Result<Keeps, LogError> {
        let mut known = self.keeps.lock();
        if let Some((_, keeps)) = known.get(&topic).filter(|(asked, _)| asked.elapsed() < KEEPS_KNOWN) {
            return Ok(*keeps);
        }
        let keeps = topics::keeps(&self.config, topic)?;
        known.insert(topic, (Instant::now(), keeps));
        Ok(keeps)
    }

    fn healthy(&self) -> Result<(), LogError> {
        self.health.check()
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(watcher) = self.watcher.take()
            && watcher.join().is_err()
        {
            tracing::error!("the log's watcher panicked");
        }
    }
}
