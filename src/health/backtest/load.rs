//! Reads the log once for each part of the customers, so that memory is bounded whatever the log's size.
use anyhow::{Context, bail};
use c360_log::embedded::EmbeddedLook;
use c360_log::kafka::KafkaLog;
use c360_log::{Clock, ClockSpec, Log, RecordRef};
use c360_schemas::{DOUBT_ACCOUNT, EventsValue, FEEDS_ACCOUNT, Key, RULES_ACCOUNT, Rules, Topic, decode_events_value};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::settings::Settings;

/// Records held at a time, about: with some 400 bytes each.
const RECORDS_MAX: u64 = 4_000_000;
/// What came so much later than it happened was loaded, and is lived through when it happened.
const LOADED_AFTER_MS: i64 = 3 * 86_400_000;
const POLL: Duration = Duration::from_millis(200);
const POLL_RECORDS: usize = 10_000;
/// Polls without a record after which a Kafka log is taken to be stuck.
const IDLE_POLLS_MAX: u32 = 150;

/// Where the log is.
pub(super) enum Source {
    Embedded(EmbeddedLook),
    Kafka(Arc<dyn Log>),
}

/// A record as it is lived through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// When, UTC ms.
    pub(super) at: i64,
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// It is what the partition was told of its sources, and not the customer's own.
    is_doubt: bool,
    start: usize,
    len: u32,
}

/// Records of a part of the customers, each customer's in the order of time.
#[derive(Default)]
pub(super) struct Part {
    bytes: Vec<u8>,
    /// Key of what partitions were told of their sources.
    doubt_key: Vec<u8>,
    pub(super) customers: Vec<(Box<[u8]>, Vec<Taken>)>,
}

impl Part {
    /// Keeps a record.
    fn take(&mut self, at: i64, record: &RecordRef<'_>, is_doubt: bool) -> Taken {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.value);
        Taken { at, partition: record.partition, offset: record.offset, is_doubt, start, len: record.value.len() as u32 }
    }

    /// A record as the machine takes it.
    pub(super) fn record<'a>(&'a self, key: &'a [u8], taken: &Taken) -> RecordRef<'a> {
        let value = self.bytes.get(taken.start..taken.start + taken.len as usize).unwrap_or_default();
        RecordRef {
            topic: Topic::Events,
            partition: taken.partition,
            offset: taken.offset,
            recorded_at: taken.at,
            key: if taken.is_doubt { &self.doubt_key } else { key },
            value,
            headers: Default::default(),
        }
    }
}

/// What to read of the log.
pub(super) struct Wanted<'a> {
    pub(super) tenant: &'a str,
    /// Records are lived through when they came, and not when what they tell of happened.
    pub(super) as_recorded: bool,
    pub(super) from: Option<i64>,
    pub(super) until: Option<i64>,
}

impl Source {
    /// The log of the settings.
    pub(super) fn open(settings: &Settings, clock: Option<ClockSpec>) -> anyhow::Result<Self> {
        match &settings.kafka {
            // Its topics are those of c360 run with or without a clock of its own.
            Some(config) => Ok(Self::Kafka(KafkaLog::connect(config.clone(), clock.map_or_else(Clock::real, Clock::manual))?)),
            None => {
                let look = EmbeddedLook::open(&settings.embedded.dir);
                Ok(Self::Embedded(look.context("--data says where c360's data is, --kafka which Kafka its log is on")?))
            }
        }
    }

    /// Records that there are.
    pub(super) fn count(&self) -> anyhow::Result<u64> {
        let bounds = match self {
            Self::Embedded(look) => look.bounds(Topic::Events)?,
            Self::Kafka(log) => log.bounds(Topic::Events)?,
        };
        Ok(bounds.iter().map(|b| b.end.saturating_sub(b.start)).sum())
    }

    /// How many parts the customers are taken in.
    pub(super) fn parts(&self) -> anyhow::Result<u64> {
        Ok(self.count()?.div_ceil(RECORDS_MAX).max(1))
    }

    fn each(&self, on_record: &mut dyn FnMut(RecordRef<'_>)) -> anyhow::Result<()> {
        match self {
            Self::Embedded(look) => {
                for partition in 0..look.partitions() {
                    look.read(Topic::Events, partition, &mut |record| {
                        on_record(record);
                        ControlFlow::Continue(())
                    })?;
                }
            }
            Self::Kafka(log) => {
                let ends: Vec<u64> = log.bounds(Topic::Events)?.iter().map(|b| b.end).collect();
                let mut reader = log.reader(&[Topic::Events], &[])?;
                let mut idle = 0;
                while ends.iter().enumerate().any(|(p, end)| reader.position(Topic::Events, p as u32) < *end) {
                    let read = reader.poll(POLL, POLL_RECORDS, &mut |record| {
                        // What came since the start is not history.
                        if record.offset < ends.get(record.partition as usize).copied().unwrap_or(0) {
                            on_record(record);
                        }
                    })?;
                    idle = if read == 0 { idle + 1 } else { 0 };
                    if idle > IDLE_POLLS_MAX {
                        bail!("Kafka has not given a record for {} s", IDLE_POLLS_MAX / 5);
                    }
                }
            }
        }
        Ok(())
    }

    /// One part of the customers, of so many; the newest rules that were applied, and the time of the last record.
    pub(super) fn part(
        &self,
        wanted: &Wanted<'_>,
        (number, parts): (u64, u64),
        hasher: &RandomState,
        bar: &ProgressBar,
    ) -> anyhow::Result<(Part, Option<Rules>, i64)> {
        let mut part = Part { doubt_key: Key { tenant: wanted.tenant, id: DOUBT_ACCOUNT }.to_vec(), ..Part::default() };
        let mut doubts: Vec<Taken> = Vec::new();
        let mut numbers: HashMap<Box<[u8]>, usize> = HashMap::new();
        let (mut rules, mut last, mut ticked, mut read) = (None::<Rules>, i64::MIN, i64::MIN, 0_u64);
        self.each(&mut |record| {
            read += 1;
            if read % 8_192 == 0 {
                bar.inc(8_192);
            }
            if record.key.is_empty() {
                // A tick: time went on, though nothing happened.
                ticked = ticked.max(record.recorded_at);
            }
            let Some(key) = Key::parse(record.key).filter(|key| key.tenant == wanted.tenant) else { return };
            if key.id == RULES_ACCOUNT {
                if let Ok(EventsValue::Rules(applied)) = decode_events_value(record.value)
                    && rules.as_ref().is_none_or(|old| (old.version, old.at) < (applied.version, applied.at))
                {
                    rules = Some(applied);
                }
                return;
            }
            let at = if wanted.as_recorded { record.recorded_at } else { lived_at(&record) };
            if wanted.from.is_some_and(|from| at < from) || wanted.until.is_some_and(|until| at >= until) {
                return;
            }
            let is_doubt = key.id == DOUBT_ACCOUNT;
            if is_doubt || key.id == FEEDS_ACCOUNT {
                if is_doubt {
                    doubts.push(part.take(at, &record, is_doubt));
                }
                return;
            }
            last = last.max(at);
            if parts > 1 && hasher.hash_one(record.key) % parts != number {
                return;
            }
            let customers = &mut part.customers;
            let index = *numbers.entry(record.key.into()).or_insert_with(|| {
                customers.push((record.key.into(), Vec::new()));
                customers.len() - 1
            });
            let taken = part.take(at, &record, is_doubt);
            part.customers[index].1.push(taken);
        })?;
        bar.inc(read % 8_192);
        for (_, records) in &mut part.customers {
            let partition = records.first().map(|taken| taken.partition);
            records.extend(doubts.iter().filter(|taken| Some(taken.partition) == partition));
            records.sort_by_key(|taken| (taken.at, taken.offset));
        }
        Ok((part, rules, if last == i64::MIN { last } else { last.max(ticked) }))
    }
}

/// When a record is lived through: when it came, or when it happened where it was loaded.
fn lived_at(record: &RecordRef<'_>) -> i64 {
    match decode_events_value(record.value) {
        Ok(EventsValue::Event(event)) if record.recorded_at - event.occurred_at > LOADED_AFTER_MS => event.occurred_at,
        _ => record.recorded_at,
    }
}
