//! A log that makes its records when they are read, and counts what is said to it. It hands out no more of them than it was told to, so that a stretch can be measured by itself.
use crate::customers::{Record, Writer};
use crate::measure;
use crate::tape::Tape;
use c360_log::{Appended, Batch, Bounds, Change, Consumed, Headers, Log, LogError, Member, MemberSpec, Reader, RecordRef};
use c360_schemas::Topic;
use futures::future::{BoxFuture, FutureExt, ready};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was said so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    pub profiles: u64,
    pub profile_bytes: u64,
    pub alerts: u64,
    /// Timers that fired, by the counts beside the offsets.
    pub timers: u64,
}

/// The log. Clones are the same one.
#[derive(Clone)]
pub struct GeneratedLog(Arc<Shared>);

struct Shared {
    tape: Tape,
    /// Records of the events topic that may be read, of each partition.
    open_until: AtomicU64,
    /// CPU time that making records took, ns: it is no part of what is measured.
    making_ns: AtomicU64,
    said: Mutex<Said>,
    committed: Mutex<HashMap<(Topic, u32), Consumed>>,
}

impl GeneratedLog {
    pub fn new(tape: Tape) -> Self {
        let (open_until, making_ns) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Shared { tape, open_until, making_ns, said: Mutex::default(), committed: Mutex::default() }))
    }

    pub fn tape(&self) -> &Tape {
        &self.0.tape
    }

    /// Lets the records of the events topic up to `offset` be read.
    pub fn open_until(&self, offset: u64) {
        self.0.open_until.store(offset, Ordering::Relaxed);
    }

    /// Records of both topics that are committed, of all partitions, and how many there are to come to.
    pub fn done(&self) -> (u64, u64) {
        let committed = self.0.committed.lock();
        let done = committed.values().map(|c| c.next).sum();
        let whole: u64 = [Topic::Events, Topic::Unresolved].into_iter().map(|topic| self.0.end(topic)).sum();
        (done, whole * self.0.tape.partitions)
    }

    pub fn making_s(&self) -> f64 {
        self.0.making_ns.load(Ordering::Relaxed) as f64 / 1e9
    }

    pub fn said(&self) -> Said {
        let timers = self.0.committed.lock().values().filter(|c| c.topic == Topic::Events).map(|c| c.note).sum();
        Said { timers, ..*self.0.said.lock() }
    }
}

impl Shared {
    fn end(&self, topic: Topic) -> u64 {
        let end = self.tape.end(topic);
        if topic == Topic::Events { end.min(self.open_until.load(Ordering::Relaxed)) } else { end }
    }
}

impl Log for GeneratedLog {
    fn partitions(&self) -> u32 {
        self.0.tape.partitions as u32
    }

    fn append(&self, _batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        ready(Err(LogError::Unavailable("all that stands in this log is made up".into()))).boxed()
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        let [topic] = spec.topics[..] else { return Err(LogError::Setup("one topic for each machine".into())) };
        let assigned = (0..self.partitions()).filter(|partition| partition % spec.workers == spec.worker).collect();
        Ok(Box::new(Seat {
            shared: Arc::clone(&self.0),
            topic,
            assigned: Some(assigned),
            next: Vec::new(),
            writer: Writer::default(),
            made: Made::default(),
        }))
    }

    fn reader(&self, _topics: &[Topic], _from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Err(LogError::Setup("this log is for machines alone".into()))
    }

    fn standing(&self, _group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        let committed = self.0.committed.lock();
        Ok((0..self.partitions()).map(|partition| committed.get(&(topic, partition)).copied()).collect())
    }

    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        Ok(vec![Bounds { start: 0, end: self.0.end(topic) }; self.partitions() as usize])
    }

    fn healthy(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// A worker's seat: its partitions never change.
struct Seat {
    shared: Arc<Shared>,
    topic: Topic,
    /// To be told at the first poll.
    assigned: Option<Vec<u32>>,
    /// Partitions that were started, and where they are read on.
    next: Vec<(u32, u64)>,
    writer: Writer,
    made: Made,
}

/// Records of one poll, in one piece of memory.
#[derive(Default)]
struct Made {
    record: Record,
    bytes: Vec<u8>,
    /// Partition, offset, time, and where key and value end.
    places: Vec<(u32, u64, i64, usize, usize)>,
}

impl Seat {
    /// Makes up to `max` records, as many of each partition.
    fn make(&mut self, max: usize) {
        let end = self.shared.end(self.topic);
        let share = (max / self.next.len().max(1)) as u64;
        let Made { record, bytes, places } = &mut self.made;
        bytes.clear();
        places.clear();
        for (partition, next) in &mut self.next {
            let until = end.min(*next + share);
            for offset in *next..until {
                self.shared.tape.record(self.topic, u64::from(*partition), offset, &mut self.writer, record);
                bytes.extend_from_slice(&record.key);
                let key_end = bytes.len();
                bytes.extend_from_slice(&record.value);
                places.push((*partition, offset, record.recorded_at, key_end, bytes.len()));
            }
            *next = until.max(*next);
        }
    }

    fn hand_over(&self, on_record: &mut dyn FnMut(RecordRef<'_>)) {
        let mut start = 0;
        for (partition, offset, recorded_at, key_end, end) in &self.made.places {
            let (key, value) = (&self.made.bytes[start..*key_end], &self.made.bytes[*key_end..*end]);
            start = *end;
            on_record(RecordRef {
                topic: self.topic,
                partition: *partition,
                offset: *offset,
                recorded_at: *recorded_at,
                key,
                value,
                headers: Headers::default(),
            });
        }
    }
}

impl Member for Seat {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<Vec<Change>, LogError> {
        if let Some(assigned) = self.assigned.take() {
            return Ok(vec![Change::Assigned(assigned)]);
        }
        let before = measure::thread_ns();
        self.make(max);
        self.shared.making_ns.fetch_add(measure::thread_ns() - before, Ordering::Relaxed);
        if self.made.places.is_empty() {
            std::thread::sleep(timeout);
        }
        self.hand_over(on_record);
        Ok(Vec::new())
    }

    fn start(&mut self, partition: u32, from: &[(Topic, u64)]) -> Result<(), LogError> {
        self.next.retain(|(p, _)| *p != partition);
        self.next.extend(from.iter().map(|(_, next)| (partition, *next)));
        Ok(())
    }

    fn committed(&mut self, partition: u32) -> Result<Vec<Consumed>, LogError> {
        let committed = self.shared.committed.lock().get(&(self.topic, partition)).copied();
        Ok(vec![committed.unwrap_or(Consumed::new(self.topic, partition, 0))])
    }

    fn commit(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError> {
        let mut said = self.shared.said.lock();
        for entry in outputs.entries() {
            match entry.topic {
                Topic::Profiles => {
                    said.profiles += 1;
                    said.profile_bytes += (outputs.key(entry).len() + outputs.value(entry).len()) as u64;
                }
                Topic::Alerts => said.alerts += 1,
                _ => {}
            }
        }
        let mut committed = self.shared.committed.lock();
        committed.extend(consumed.iter().map(|c| ((c.topic, c.partition), *c)));
        Ok(())
    }

    fn end(&mut self, topic: Topic, _partition: u32) -> Option<u64> {
        Some(self.shared.end(topic))
    }
}
