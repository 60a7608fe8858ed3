//! A consumer and where its partitions put their records. It reads assigned partitions from given offsets; it commits nothing.
use super::failure;
use super::native::{self, DataQueue, Fetched, Message};
use crate::{Headers, LogError, RecordRef};
use c360_schemas::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::time::Duration;

/// Events of the consumer that are looked at in one go.
const EVENTS_AT_ONCE: usize = 16;

pub(super) struct Source<C: ConsumerContext + 'static> {
    /// Before the consumer: it must be dropped first.
    data: DataQueue,
    consumer: BaseConsumer<C>,
    cursors: Cursors,
    /// An error that came behind records: told at the next pull.
    failed: Option<LogError>,
    timeout: Duration,
}

/// Names and positions of what is read.
struct Cursors {
    partitions: u32,
    topics: Vec<(Topic, CString)>,
    /// Next offset by topic and partition; `None` where it is not assigned.
    next: Vec<Option<u64>>,
    /// The end that was reached, by topic and partition.
    reached: Vec<u64>,
    headers: Vec<u8>,
}

impl Cursors {
    fn slot(&self, topic: Topic, partition: u32) -> usize {
        topic as usize * self.partitions as usize + partition.min(self.partitions - 1) as usize
    }

    fn topic(&self, name: &[u8]) -> Option<Topic> {
        self.topics.iter().find(|(_, n)| n.as_bytes() == name).map(|(topic, _)| *topic)
    }

    fn name(&self, topic: Topic) -> Option<&CString> {
        self.topics.iter().find(|(t, _)| *t == topic).map(|(_, name)| name)
    }

    /// Hands a record over and moves on; whether it was one that is asked for.
    fn record(
        &mut self,
        topic: &[u8],
        mut record: RecordRef<'_>,
        headers: impl FnOnce(&mut Vec<u8>),
        on_record: &mut dyn FnMut(RecordRef<'_>),
    ) -> bool {
        let Some(topic) = self.topic(topic) else { return false };
        let slot = self.slot(topic, record.partition);
        // Taken away meanwhile, or seen before: it may have been in the queue already.
        if self.next[slot].is_none_or(|next| record.offset < next) {
            return false;
        }
        self.next[slot] = Some(record.offset + 1);
        self.headers.clear();
        headers(&mut self.headers);
        record.topic = topic;
        on_record(RecordRef { headers: Headers(&self.headers), ..record });
        true
    }

    /// The same for one that came in batches, from the data queue.
    fn batched(&mut self, message: &Message<'_>, on_record: &mut dyn FnMut(RecordRef<'_>)) -> bool {
        let Message { partition, offset, timestamp, key, value, .. } = *message;
        let record = RecordRef { topic: Topic::Events, partition, offset, recorded_at: timestamp, key, value, headers: Headers(&[]) };
        let headers = |out: &mut Vec<u8>| message.headers(|name, value| Headers::write(out, name, value));
        self.record(message.topic, record, headers, on_record)
    }

    /// The same for one that came by itself, from the consumer's own queue.
    fn single(&mut self, message: &BorrowedMessage<'_>, on_record: &mut dyn FnMut(RecordRef<'_>)) -> bool {
        let record = RecordRef {
            topic: Topic::Events,
            partition: message.partition().max(0) as u32,
            offset: message.offset().max(0) as u64,
            recorded_at: message.timestamp().to_millis().unwrap_or(0),
            key: message.key().unwrap_or_default(),
            value: message.payload().unwrap_or_default(),
            headers: Headers(&[]),
        };
        let headers = |out: &mut Vec<u8>| {
            for header in message.headers().iter().flat_map(|headers| headers.iter()) {
                Headers::write(out, header.key, header.value.unwrap_or_default());
            }
        };
        self.record(message.topic().as_bytes(), record, headers, on_record)
    }
}

impl<C: ConsumerContext + 'static> Source<C> {
    /// `topics` with their full names.
    pub(super) fn new(consumer: BaseConsumer<C>, topics: Vec<(Topic, CString)>, partitions: u32, timeout: Duration) -> Self {
        let slots = Topic::ALL.len() * partitions as usize;
        let cursors = Cursors { partitions, topics, next: vec![None; slots], reached: vec![0; slots], headers: Vec::new() };
        Self { data: DataQueue::new(consumer.client()), consumer, cursors, failed: None, timeout }
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    pub(super) fn name(&self, topic: Topic) -> &str {
        self.cursors.name(topic).and_then(|name| name.to_str().ok()).unwrap_or(topic.suffix())
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (Topic, &str)> {
        self.cursors.topics.iter().map(|(topic, name)| (*topic, name.to_str().unwrap_or_default()))
    }

    /// Reads these partitions from these offsets, and no others.
    pub(super) fn assign(&mut self, from: &[(Topic, u32, u64)]) -> Result<(), LogError> {
        self.forget();
        let list = self.prepare(from)?;
        self.consumer.assign(&list).map_err(|error| LogError::Fatal(format!("partitions cannot be assigned: {error}")))
    }

    fn prepare(&mut self, from: &[(Topic, u32, u64)]) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(from.len());
        for &(topic, partition, offset) in from {
            let name = self
                .cursors
                .name(topic)
                .ok_or_else(|| LogError::Setup(format!("topic {} is not one of those asked for", topic.suffix())))?;
            self.data.attach(self.consumer.client(), name, partition);
            list.add_partition_offset(name.to_str().unwrap_or_default(), partition as i32, Offset::Offset(offset as i64))
                .map_err(|error| LogError::Fatal(format!("offset {offset} cannot be asked for: {error}")))?;
            let slot = self.cursors.slot(topic, partition);
            (self.cursors.next[slot], self.cursors.reached[slot]) = (Some(offset), 0);
        }
        Ok(list)
    }

    /// What was read does not count any more; records still under way are dropped.
    pub(super) fn forget(&mut self) {
        self.cursors.next.fill(None);
        self.cursors.reached.fill(0);
        self.failed = None;
    }

    /// Looks after what the consumer has to tell; callbacks for assignments run in here, and it ends after the first for which `stop` holds. How many records were handed over: a
    /// partition whose topic the client came to know only just now may put its records into the consumer's own queue and not into the data queue, and none may be lost.
    pub(super) fn serve(
        &mut self,
        stop: impl Fn(&C) -> bool,
        max: usize,
        on_record: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<usize, LogError> {
        let (mut events, mut records) = (0, 0);
        while events < EVENTS_AT_ONCE && records < max {
            match self.consumer.poll(Duration::ZERO) {
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(failure::fatal(code, format!("the consumer is at its end: {code}")));
                }
                Some(Err(error)) => {
                    events += 1;
                    self.passing(&error)?;
                }
                Some(Ok(message)) => records += usize::from(self.cursors.single(&message, on_record)),
                None => break,
            }
            if stop(self.consumer.context()) {
                break;
            }
        }
        match self.consumer.client().fatal_error() {
            Some((code, text)) => Err(failure::fatal(code, text)),
            None => Ok(records),
        }
    }

    fn passing(&self, error: &KafkaError) -> Result<(), LogError> {
        match error.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                Err(LogError::UnknownTopic(self.topics().map(|(_, name)| name).collect::<Vec<_>>().join(", ")))
            }
            Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::SaslAuthenticationFailed) => {
                Err(LogError::Setup(error.to_string()))
            }
            // librdkafka mends the others itself.
            _ => {
                tracing::debug!(%error, "the consumer reported an error");
                Ok(())
            }
        }
    }

    /// Hands over at most `max` records that are there, waiting at most `timeout` for the first; how many.
    pub(super) fn pull(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (mut records, mut gone) = (0, None);
        let cursors = &mut self.cursors;
        self.data.take(timeout, max, |fetched| match fetched {
            Fetched::Record(message) => records += usize::from(cursors.batched(&message, on_record)),
            Fetched::End { topic, partition, offset } => {
                if let Some(topic) = cursors.topic(topic) {
                    let slot = cursors.slot(topic, partition);
                    cursors.reached[slot] = cursors.reached[slot].max(offset);
                }
            }
            Fetched::Failed { topic, partition, code, text } => {
                gone = cursors.topic(topic).map(|topic| (topic, partition, code, text)).or(gone.take());
            }
        });
        if let Some((topic, partition, code, text)) = gone {
            self.failed = self.fetch_error(topic, partition, code, text);
        }
        match self.failed.take() {
            Some(error) if records == 0 => Err(error),
            later => {
                self.failed = later;
                Ok(records)
            }
        }
    }

    fn fetch_error(&self, topic: Topic, partition: u32, code: Code, text: String) -> Option<LogError> {
        let wanted = self.cursors.next[self.cursors.slot(topic, partition)]?;
        match code {
            Code::AutoOffsetReset | Code::OffsetOutOfRange => {
                let start = self
                    .consumer
                    .fetch_watermarks(self.name(topic), partition as i32, self.timeout)
                    .map_or(0, |(low, _)| low.max(0) as u64);
                Some(LogError::OffsetGone { topic: topic.suffix(), partition, wanted, start })
            }
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                Some(LogError::UnknownTopic(self.name(topic).to_owned()))
            }
            _ => {
                tracing::warn!(topic = topic.suffix(), partition, %code, text, "a partition could not be fetched; it is tried again");
                None
            }
        }
    }

    /// Next offset to be handed over; past the marks of transactions once the end was reached.
    pub(super) fn position(&self, topic: Topic, partition: u32) -> u64 {
        let slot = self.cursors.slot(topic, partition);
        let (Some(next), reached) = (self.cursors.next[slot], self.cursors.reached[slot]) else { return 0 };
        // Where records are taken in batches, librdkafka counts the end of a partition that it tells of like a record, and stands one past it: whoever went on from there would miss the
        // record that comes next. A mark that stands alone there (of a transaction that was ended before it had a record) looks the same, and is passed with the end that is told next.
        let passed = self.passed(topic, partition).filter(|passed| *passed != reached + 1);
        next.max(reached).max(passed.unwrap_or(0))
    }

    /// librdkafka's own position: it moves with the marks of transactions, without waiting for a fetch that finds nothing.
    fn passed(&self, topic: Topic, partition: u32) -> Option<u64> {
        match self.consumer.position().ok()?.find_partition(self.name(topic), partition as i32)?.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        }
    }

    /// End of a partition, as far as the last fetch told: the next offset where only marks of transactions are left.
    pub(super) fn end(&self, topic: Topic, partition: u32) -> Option<u64> {
        let next = self.cursors.next[self.cursors.slot(topic, partition)]?;
        let end = native::known_end(self.consumer.client(), self.cursors.name(topic)?, partition)?;
        Some(if self.position(topic, partition) >= end { next } else { end })
    }
}
