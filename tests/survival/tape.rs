//! Everything that stands in the log, as any reader sees it.
use c360_log::{Headers, Log, RecordRef};
use c360_schemas::{EventsValue, Topic, decode_events_value};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// How long reading to the end may take; who wants to know tries again.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);
const MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub struct Record {
    pub partition: u32,
    pub offset: u64,
    pub recorded_at: i64,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Record {
    pub fn as_ref(&self, topic: Topic) -> RecordRef<'_> {
        let Self { partition, offset, recorded_at, key, value } = self;
        RecordRef { topic, partition: *partition, offset: *offset, recorded_at: *recorded_at, key, value, headers: Headers::default() }
    }

    pub fn is_tick(&self) -> bool {
        matches!(decode_events_value(&self.value), Ok(EventsValue::Tick(_)))
    }
}

/// The log's records, of compacted topics the newest of each key.
#[derive(Default)]
pub struct Tape {
    pub partitions: u32,
    records: HashMap<(Topic, u32), Vec<Record>>,
    pub newest: BTreeMap<(Topic, Vec<u8>), Record>,
    /// How far each machine is: group, topic, partition.
    pub committed: BTreeMap<(&'static str, Topic, u32), u64>,
}

/// The machines, and what they consume.
pub const MACHINES: [(&str, &[Topic]); 3] =
    [("resolve", &[Topic::Unresolved]), ("aggregate", &[Topic::Events]), ("deliver", &[Topic::Alerts, Topic::Deliveries])];

impl Tape {
    /// Reads how far the machines are, then all that stands in the log.
    pub fn read(log: &dyn Log) -> Result<Self, String> {
        let mut tape = Self { partitions: log.partitions(), ..Self::default() };
        for (group, topics) in MACHINES {
            for topic in topics {
                let committed = log.committed(group, *topic).map_err(|e| format!("committed offsets: {e}"))?;
                let of = |(p, next): (usize, Option<u64>)| ((group, *topic, p as u32), next.unwrap_or(0));
                tape.committed.extend(committed.into_iter().enumerate().map(of));
            }
        }
        match tape.fill(log).map_err(|e| format!("reading the log: {e}"))? {
            None => Ok(tape),
            Some(short) => Err(format!("the log is not read to its end: {short}")),
        }
    }

    /// Reads up to where the log ends now; where a partition's end was not reached in time, what it is.
    fn fill(&mut self, log: &dyn Log) -> Result<Option<String>, c360_log::LogError> {
        let mut ends = Vec::new();
        for topic in Topic::ALL {
            ends.extend(log.bounds(topic)?.into_iter().enumerate().map(|(p, bounds)| (topic, p as u32, bounds.end)));
        }
        let (mut reader, since) = (log.reader(&Topic::ALL, &[])?, Instant::now());
        while let Some((topic, partition, end)) = ends.iter().find(|(topic, partition, end)| reader.position(*topic, *partition) < *end) {
            if since.elapsed() > PATIENCE {
                return Ok(Some(format!("{}/{partition} at {} of {end}", topic.suffix(), reader.position(*topic, *partition))));
            }
            reader.poll(POLL, MAX, &mut |record| self.put(&record))?;
        }
        Ok(None)
    }

    fn put(&mut self, record: &RecordRef<'_>) {
        let RecordRef { topic, partition, offset, recorded_at, key, value, .. } = *record;
        let owned = Record { partition, offset, recorded_at, key: key.into(), value: value.into() };
        if topic.compacted() {
            self.newest.insert((topic, owned.key.clone()), owned);
        } else {
            self.records.entry((topic, partition)).or_default().push(owned);
        }
    }

    pub fn of(&self, topic: Topic, partition: u32) -> &[Record] {
        self.records.get(&(topic, partition)).map_or(&[], Vec::as_slice)
    }

    /// All records of a topic but ticks.
    pub fn all(&self, topic: Topic) -> impl Iterator<Item = &Record> {
        (0..self.partitions).flat_map(move |partition| self.of(topic, partition)).filter(|record| !record.is_tick())
    }

    /// Where a machine has not read all that there is.
    pub fn behind(&self) -> Option<String> {
        self.committed.iter().find_map(|((group, topic, partition), next)| {
            let end = self.of(*topic, *partition).last().map_or(0, |record| record.offset + 1);
            (*next < end).then(|| format!("{group} is at {next} of {end} in {}/{partition}", topic.suffix()))
        })
    }
}
