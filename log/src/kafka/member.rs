//! One worker's seat in a machine's group: a static member that consumes, and a transactional producer of its own.
//!
//! The group gives partitions and takes them away only while the member polls, and the engine has committed everything by then. A member that lost its seat meanwhile cannot
//! commit: the brokers check its generation with the offsets.
//!
//! A batch that was thrown away is read again by a new member. Rewinding this one would be cheaper, but a seek of librdkafka's may be overtaken by what was fetched before it, and then
//! records are missed.
use super::client;
use super::config::KafkaConfig;
use super::failure;
use super::names::Names;
use super::offsets;
use super::rebalance::{Decision, Seat};
use super::source::Source;
use super::transaction::Transaction;
use crate::planted::{self, Bug};
use crate::{Batch, Change, Clock, Consumed, LogError, Member, MemberSpec, RecordRef};
use c360_schemas::Topic;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long records are waited for before the group is looked after.
const SLICE: Duration = Duration::from_millis(20);

pub(super) struct KafkaMember {
    source: Source<Seat>,
    transaction: Transaction,
    topics: Vec<Topic>,
    partitions: u32,
    /// For questions that are answered at once.
    timeout: Duration,
    /// For offsets that another member, who was killed, may have left in an open transaction.
    patience: Duration,
    /// Assigned and not read yet: waits until each was started.
    waiting: BTreeMap<u32, Option<Vec<(Topic, u64)>>>,
    owned: BTreeSet<u32>,
    /// For the planted bug alone: settings of a consumer that has no seat in the group.
    stranger: ClientConfig,
}

impl KafkaMember {
    pub(super) fn join(config: &KafkaConfig, spec: &MemberSpec, names: &Arc<Names>, clock: &Clock) -> Result<Self, LogError> {
        let group = names.group(&spec.group);
        let id = format!("{group}.{}", spec.instance);
        // First of all: ends what a predecessor that was killed left open, so that its offsets can be read.
        let transaction = Transaction::new(config, &id, Arc::clone(names), clock.clone())?;
        let settings = client::member(config, &group, &spec.instance);
        let consumer = BaseConsumer::from_config_and_context(&settings, Seat::default())
            .map_err(|error| LogError::Setup(format!("the consumer cannot be set up: {error}")))?;
        let source = Source::new(consumer, names.of_all(&spec.topics)?, names.partitions, config.request_timeout());
        let topics: Vec<&str> = source.topics().map(|(_, name)| name).collect();
        source.consumer().subscribe(&topics).map_err(|error| LogError::Fatal(format!("joining {group} failed: {error}")))?;
        drop(topics);
        Ok(Self {
            source,
            transaction,
            topics: spec.topics.clone(),
            partitions: names.partitions,
            timeout: config.request_timeout(),
            patience: config.connect_timeout(),
            waiting: BTreeMap::new(),
            owned: BTreeSet::new(),
            stranger: client::consumer(config, &group),
        })
    }

    /// What the group decided.
    fn changes(&mut self) -> Result<Vec<Change>, LogError> {
        let decision = self.source.consumer().context().next_decision();
        match decision {
            None => Ok(Vec::new()),
            Some(Decision::Revoked) => {
                self.source.forget();
                self.waiting.clear();
                let owned = std::mem::take(&mut self.owned);
                Ok(if owned.is_empty() { Vec::new() } else { vec![Change::Revoked(owned.into_iter().collect())] })
            }
            Some(Decision::Assigned(list)) => {
                let partitions = self.co_partitioned(&list)?;
                if partitions.is_empty() {
                    self.source.assign(&[])?;
                    return Ok(Vec::new());
                }
                self.owned = partitions.clone();
                self.waiting = partitions.iter().map(|partition| (*partition, None)).collect();
                Ok(vec![Change::Assigned(partitions.into_iter().collect())])
            }
        }
    }

    /// The partitions of a list that has each of them for each topic.
    fn co_partitioned(&self, list: &[(String, u32)]) -> Result<BTreeSet<u32>, LogError> {
        let partitions: BTreeSet<u32> = list.iter().map(|(_, partition)| *partition).collect();
        if partitions.last().is_some_and(|last| *last >= self.partitions) {
            return Err(LogError::Setup(
                "the topics were given more partitions; keys live elsewhere then, so make new topics and import anew".into(),
            ));
        }
        if list.len() != partitions.len() * self.topics.len() {
            return Err(LogError::Setup(format!(
                "the group was given different partitions of its topics ({list:?}); all its members must ask for the same topics, with the range assignor"
            )));
        }
        Ok(partitions)
    }

    fn read_when_all_started(&mut self) -> Result<(), LogError> {
        if self.waiting.is_empty() || self.waiting.values().any(Option::is_none) {
            return Ok(());
        }
        let started = std::mem::take(&mut self.waiting);
        let from: Vec<(Topic, u32, u64)> = started
            .into_iter()
            .flat_map(|(partition, offsets)| offsets.unwrap_or_default().into_iter().map(move |(topic, offset)| (topic, partition, offset)))
            .collect();
        self.source.assign(&from)
    }

    fn first_kept(&self, topic: Topic, partition: u32) -> Result<u64, LogError> {
        let name = self.source.name(topic);
        let ask = |left| self.source.consumer().fetch_watermarks(name, partition as i32, left);
        let (low, _) = failure::ask_again(self.timeout, ask).map_err(|error| failure::unavailable(name, &error))?;
        Ok(low.max(0) as u64)
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<Vec<Change>, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            // A decision that came with records waits for the next poll: records and changes are never handed over together.
            if self.source.serve(Seat::has_decision, max, on_record)? > 0 {
                return Ok(Vec::new());
            }
            let changes = self.changes()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if let Some((partition, _)) = self.waiting.iter().find(|(_, offsets)| offsets.is_none()) {
                return Err(LogError::Setup(format!("partition {partition} was assigned and not started")));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.source.pull(left.min(SLICE), max, on_record)? > 0 || left.is_zero() {
                return Ok(changes);
            }
        }
    }

    fn start(&mut self, partition: u32, from: &[(Topic, u64)]) -> Result<(), LogError> {
        for &(topic, wanted) in from {
            let start = self.first_kept(topic, partition)?;
            if wanted < start {
                return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted, start });
            }
        }
        let Some(offsets) = self.waiting.get_mut(&partition) else {
            return Err(LogError::Fenced(format!("partition {partition} is not assigned, or was started before")));
        };
        *offsets = Some(from.to_vec());
        self.read_when_all_started()
    }

    fn committed(&mut self, partition: u32) -> Result<Vec<Consumed>, LogError> {
        let mut list = TopicPartitionList::new();
        for (_, name) in self.source.topics() {
            list.add_partition(name, partition as i32);
        }
        let found = self
            .source
            .consumer()
            .committed_offsets(list, self.patience)
            .map_err(|error| failure::unavailable("committed offsets", &error))?;
        let mut all = Vec::with_capacity(self.topics.len());
        for &topic in &self.topics {
            let element = found.find_partition(self.source.name(topic), partition as i32);
            if let Some(Err(error)) = element.as_ref().map(rdkafka::topic_partition_list::TopicPartitionListElem::error) {
                return Err(failure::unavailable("committed offsets", &error));
            }
            all.push(match element.and_then(|element| offsets::parse_consumed(topic, partition, &element)) {
                Some(committed) => committed,
                None => Consumed::new(topic, partition, self.first_kept(topic, partition)?),
            });
        }
        Ok(all)
    }

    fn commit(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError> {
        if planted::is_on(Bug::NoFencing) {
            return self.commit_unfenced(outputs, consumed);
        }
        if let Some(c) = consumed.iter().find(|c| !self.owned.contains(&c.partition)) {
            return Err(LogError::Fenced(format!("partition {} is not this member's", c.partition)));
        }
        let consumer = self.source.consumer();
        if consumer.assignment_lost() {
            return Err(LogError::Fenced("the group gave this member's partitions away".into()));
        }
        let group = consumer.group_metadata().ok_or_else(|| LogError::Fatal("the consumer has no group".into()))?;
        let offsets = self.offsets(consumed)?;
        self.transaction.commit(outputs, &offsets, &group)
    }

    fn end(&mut self, topic: Topic, partition: u32) -> Option<u64> {
        self.source.end(topic, partition)
    }
}

impl KafkaMember {
    fn offsets(&self, consumed: &[Consumed]) -> Result<TopicPartitionList, LogError> {
        let mut offsets = TopicPartitionList::with_capacity(consumed.len());
        for c in consumed {
            let mut element = offsets.add_partition(self.source.name(c.topic), c.partition as i32);
            element
                .set_offset(Offset::Offset(c.next as i64))
                .map_err(|error| LogError::Fatal(format!("offset {} cannot be committed: {error}", c.next)))?;
            element.set_metadata(offsets::metadata(c));
        }
        Ok(offsets)
    }

    /// Commits in the name of nobody, as only a planted bug does: the brokers check no generation then.
    fn commit_unfenced(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError> {
        let stranger: BaseConsumer =
            self.stranger.create().map_err(|error| LogError::Setup(format!("the consumer cannot be set up: {error}")))?;
        let group = stranger.group_metadata().ok_or_else(|| LogError::Fatal("the consumer has no group".into()))?;
        let offsets = self.offsets(consumed)?;
        self.transaction.commit(outputs, &offsets, &group)
    }
}
