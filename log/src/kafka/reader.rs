//! Reading on from positions that the reader's user keeps: partitions are assigned by hand, nothing is committed.
use super::KafkaConfig;
use super::client::{self, Plain};
use super::names::Names;
use super::offsets::Offsets;
use super::source::Source;
use crate::{LogError, Reader, RecordRef};
use c360_schemas::Topic;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::BaseConsumer;
use std::time::{Duration, Instant};

/// How long records are waited for before the consumer's own events are looked after.
const SLICE: Duration = Duration::from_millis(100);

pub(super) struct KafkaReader {
    source: Source<Plain>,
}

impl KafkaReader {
    pub(super) fn new(
        config: &KafkaConfig,
        names: &Names,
        offsets: &Offsets,
        topics: &[Topic],
        from: &[(Topic, u32, u64)],
    ) -> Result<Self, LogError> {
        // librdkafka wants a group to read by; nobody joins this one, and nothing is committed to it.
        let group = names.group(&format!("reader.{}", std::process::id()));
        let consumer = BaseConsumer::from_config_and_context(&client::consumer(config, &group), Plain)
            .map_err(|error| LogError::Setup(format!("the consumer cannot be set up: {error}")))?;
        let mut source = Source::new(consumer, names.of_all(topics)?, names.partitions, config.request_timeout());
        let mut all = Vec::new();
        for &topic in topics {
            for (partition, bounds) in (0..).zip(offsets.bounds(topic)?) {
                let wanted = from.iter().find(|(t, p, _)| (*t, *p) == (topic, partition)).map_or(bounds.start, |(_, _, offset)| *offset);
                if wanted < bounds.start {
                    return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted, start: bounds.start });
                }
                all.push((topic, partition, wanted));
            }
        }
        source.assign(&all)?;
        Ok(Self { source })
    }
}

impl Reader for KafkaReader {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            let alone = self.source.serve(|_| false, max, on_record)?;
            if alone > 0 {
                return Ok(alone);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let records = self.source.pull(left.min(SLICE), max, on_record)?;
            if records > 0 || left.is_zero() {
                return Ok(records);
            }
        }
    }

    fn position(&self, topic: Topic, partition: u32) -> u64 {
        self.source.position(topic, partition)
    }
}
