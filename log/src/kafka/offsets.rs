//! Questions about offsets: what a group committed, where partitions start and end.
use super::KafkaConfig;
use super::client::{self, Plain};
use super::failure;
use super::health::{ANSWER_WITHIN, Health};
use super::names::Names;
use crate::{Bounds, Consumed, LogError};
use c360_schemas::Topic;
use parking_lot::Mutex;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Groups whose offsets are asked for at once; each has a client of its own. c360 has three.
const GROUPS_MAX: usize = 16;
/// Events (log lines, errors) of an idle client that are looked at in one go.
const EVENTS_AT_ONCE: usize = 64;
const OWES: &str = " owes";
/// Pause between looks at topics that are being made.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Offsets {
    config: KafkaConfig,
    names: Arc<Names>,
    health: Arc<Health>,
    client: BaseConsumer<Plain>,
    groups: Mutex<HashMap<String, Arc<BaseConsumer<Plain>>>>,
}

impl Offsets {
    pub(super) fn new(config: &KafkaConfig, names: &Arc<Names>, health: &Arc<Health>) -> Result<Self, LogError> {
        let client = new_client(&client::plain(config))?;
        Ok(Self { config: config.clone(), names: Arc::clone(names), health: Arc::clone(health), client, groups: Mutex::default() })
    }

    /// First offset kept, and the end: a reader whose position is there has seen all that was acknowledged or committed before the question. The marks of transactions take offsets
    /// too, so a reader need not see a record with the offset before.
    pub(super) fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        let starts = self.starts(topic)?;
        let ends = self.ask(topic, Offset::End)?;
        Ok(starts.into_iter().zip(ends).map(|(start, end)| Bounds { start, end: end.max(start) }).collect())
    }

    /// The first offset kept of each partition.
    pub(super) fn starts(&self, topic: Topic) -> Result<Vec<u64>, LogError> {
        self.ask(topic, Offset::Beginning)
    }

    fn ask(&self, topic: Topic, what: Offset) -> Result<Vec<u64>, LogError> {
        failure::ask_again(self.config.request_timeout(), |left| self.ask_once(topic, what, left))
            .map_err(|error| failure::unavailable(self.names.of(topic), &error))
    }

    fn ask_once(&self, topic: Topic, what: Offset, timeout: Duration) -> Result<Vec<u64>, KafkaError> {
        let name = self.names.of(topic);
        let mut list = TopicPartitionList::new();
        for partition in 0..self.names.partitions {
            list.add_partition_offset(name, partition as i32, what)?;
        }
        let found = self.client.offsets_for_times(list, timeout)?;
        let offset = |partition| {
            let element = found.find_partition(name, partition as i32).ok_or(KafkaError::MetadataFetch(Code::UnknownPartition))?;
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => Ok(offset.max(0) as u64),
                _ => Err(KafkaError::MetadataFetch(Code::NoOffset)),
            }
        };
        (0..self.names.partitions).map(offset).collect()
    }

    /// Waits until topics that were just made can be used.
    pub(super) fn wait_for_topics(&self) -> Result<(), LogError> {
        let deadline = Instant::now() + self.config.connect_timeout();
        for topic in Topic::ALL {
            while let Err(error) = self.starts(topic) {
                if Instant::now() >= deadline {
                    return Err(error);
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        }
        Ok(())
    }

    /// What a group committed.
    pub(super) fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        let name = self.names.of(topic);
        let fail = |error| failure::unavailable("committed offsets", &error);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(name, 0, self.names.partitions as i32 - 1);
        let client = self.group(group)?;
        let found = failure::ask_again(self.config.request_timeout(), |left| client.committed_offsets(list.clone(), left)).map_err(fail)?;
        (0..self.names.partitions)
            .map(|partition| match found.find_partition(name, partition as i32) {
                None => Ok(None),
                Some(element) => {
                    element.error().map_err(fail)?;
                    Ok(parse_consumed(topic, partition, &element))
                }
            })
            .collect()
    }

    fn group(&self, group: &str) -> Result<Arc<BaseConsumer<Plain>>, LogError> {
        let mut groups = self.groups.lock();
        if let Some(client) = groups.get(group) {
            return Ok(Arc::clone(client));
        }
        if groups.len() >= GROUPS_MAX {
            groups.clear();
        }
        let client = Arc::new(new_client(&client::group_watcher(&self.config, &self.names.group(group)))?);
        groups.insert(group.to_owned(), Arc::clone(&client));
        Ok(client)
    }

    /// Asks the brokers for a sign of life, and looks after what the idle clients have to tell.
    pub(super) fn look_after(&self) {
        match self.client.fetch_metadata(Some(self.names.of(Topic::Events)), ANSWER_WITHIN) {
            Ok(_) => self.health.reached(),
            Err(error) => self.health.lost(&error.to_string()),
        }
        let groups: Vec<_> = self.groups.lock().values().cloned().collect();
        for client in std::iter::once(&self.client).chain(groups.iter().map(Arc::as_ref)) {
            // Each poll looks at one event, and does not say whether there was one.
            for _ in 0..EVENTS_AT_ONCE {
                client.poll(Duration::ZERO);
            }
        }
    }
}

/// Beside an offset stands the note, and ` owes` where something is owed.
pub(super) fn metadata(consumed: &Consumed) -> String {
    format!("{}{}", consumed.note, if consumed.owes { OWES } else { "" })
}

/// What was committed, with what [`metadata`] put beside it. An offset without a number there was committed before there were notes, or by somebody's tool.
pub(super) fn parse_consumed(topic: Topic, partition: u32, element: &TopicPartitionListElem<'_>) -> Option<Consumed> {
    let Offset::Offset(offset) = element.offset() else { return None };
    let beside = element.metadata();
    let (note, owes) = beside.strip_suffix(OWES).map_or((beside, false), |note| (note, true));
    Some(Consumed { topic, partition, next: u64::try_from(offset).ok()?, note: note.parse().unwrap_or(0), owes })
}

fn new_client(config: &rdkafka::ClientConfig) -> Result<BaseConsumer<Plain>, LogError> {
    BaseConsumer::from_config_and_context(config, Plain).map_err(|error| LogError::Setup(format!("the client cannot be set up: {error}")))
}
