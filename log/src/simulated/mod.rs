//! A log in memory that misbehaves on demand: what the simulator runs the pipeline on. It keeps what every log promises (the conformance suite runs on it too) and nothing more: whatever
//! Kafka may do between the promises, this one does when its [`Faults`] say so.
//!
//! It survives every simulated crash, since it stands for the brokers; members of processes that died keep their seats until they are replaced or expelled, as static members do.
mod book;
mod faults;
mod member;
mod reader;
mod seats;

pub use faults::{AppendFate, CommitFate, Faultless, Faults};

use crate::planted::{self, Bug};
use crate::{Appended, Batch, Bounds, Clock, Consumed, Log, LogError, Member, MemberSpec, Reader};
use book::Book;
use c360_schemas::Topic;
use futures::FutureExt;
use futures::future::BoxFuture;
use member::{Late, SimulatedMember};
use parking_lot::{Condvar, Mutex};
use reader::SimulatedReader;
use seats::{Group, Incarnation};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes of a record at most, as on Kafka by default.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// The log; clones share it.
#[derive(Clone)]
pub struct SimulatedLog(Arc<Shared>);

struct Shared {
    partitions: u32,
    clock: Clock,
    inner: Mutex<Inner>,
    /// Something was appended, or a group changed.
    news: Condvar,
}

struct Inner {
    books: HashMap<(Topic, u32), Book>,
    groups: BTreeMap<String, Group>,
    committed: HashMap<(String, Topic, u32), Consumed>,
    faults: Box<dyn Faults>,
    /// Commits on their way.
    late: Vec<Late>,
    available: bool,
}

impl SimulatedLog {
    /// An empty log that behaves.
    pub fn new(partitions: u32, clock: Clock) -> Self {
        let inner = Inner {
            books: HashMap::new(),
            groups: BTreeMap::new(),
            committed: HashMap::new(),
            faults: Box::new(Faultless),
            late: Vec::new(),
            available: true,
        };
        Self(Arc::new(Shared { partitions, clock, inner: Mutex::new(inner), news: Condvar::new() }))
    }

    /// From now on it behaves as `faults` say.
    pub fn misbehave(&self, faults: Box<dyn Faults>) {
        self.0.inner.lock().faults = faults;
    }

    /// Takes the seat of a member away, as the brokers do when they have not heard of it for the length of its session. It takes it again when it polls.
    pub fn expel(&self, group: &str, instance: &str) {
        if let Some(group) = self.0.inner.lock().groups.get_mut(group) {
            group.expel(instance);
        }
        self.0.news.notify_all();
    }

    /// Commits that were late come in now: whoever sent them is fenced, unless nobody has taken the seat and the group is as it was.
    pub fn deliver_late(&self) {
        let mut inner = self.0.inner.lock();
        for late in std::mem::take(&mut inner.late) {
            let current = inner.is_current(&late.group, &late.instance, late.incarnation, late.generation);
            if current || planted::is_on(Bug::NoFencing) {
                inner.commit(&late.group, &late.outputs, &late.consumed, &self.0);
            }
        }
        drop(inner);
        self.0.news.notify_all();
    }

    /// Forgets all seats: every process that used it has ended.
    pub fn empty_seats(&self) {
        self.0.inner.lock().groups.clear();
    }

    /// Drops the records of a partition before `offset`.
    pub fn drop_before(&self, topic: Topic, partition: u32, offset: u64) {
        self.0.inner.lock().book(topic, partition).drop_before(offset);
    }

    /// While it is not available nothing can be written.
    pub fn set_available(&self, available: bool) {
        self.0.inner.lock().available = available;
    }
}

impl Shared {
    /// Whether a batch may be written at all.
    fn check(&self, batch: &Batch) -> Result<(), LogError> {
        let len = |entry| batch.key(entry).len() + batch.headers(entry).0.len() + batch.value(entry).len();
        match batch.entries().iter().map(len).find(|len| *len > RECORD_BYTES_MAX) {
            Some(len) => Err(LogError::TooLarge(len)),
            None => Ok(()),
        }
    }
}

impl Inner {
    fn book(&mut self, topic: Topic, partition: u32) -> &mut Book {
        self.books.entry((topic, partition)).or_default()
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Bounds {
        self.books.get(&(topic, partition)).map(Book::bounds).unwrap_or_default()
    }

    /// Puts the first `records` of a batch where they belong.
    fn write(&mut self, batch: &Batch, records: usize, shared: &Shared) -> Vec<Appended> {
        let now = shared.clock.now_ms();
        let write = |entry| {
            let partition = crate::Entry::partition_in(entry, batch, shared.partitions);
            let offset = self.book(entry.topic, partition).push(now, batch.key(entry), batch.headers(entry), batch.value(entry));
            Appended { topic: entry.topic, partition, offset }
        };
        batch.entries().iter().take(records).map(write).collect()
    }

    /// Whether a member still has its seat, and has heard of all changes.
    fn is_current(&self, group: &str, instance: &str, incarnation: Incarnation, generation: u64) -> bool {
        self.groups.get(group).is_some_and(|group| group.holder(instance) == Some(incarnation) && group.generation == generation)
    }

    fn commit(&mut self, group: &str, outputs: &Batch, consumed: &[Consumed], shared: &Shared) {
        self.write(outputs, outputs.len(), shared);
        for c in consumed {
            self.committed.insert((group.to_owned(), c.topic, c.partition), *c);
        }
    }

    fn append(&mut self, batch: &Batch, shared: &Shared) -> Result<Vec<Appended>, LogError> {
        shared.check(batch)?;
        if !self.available {
            return Err(LogError::Unavailable("it is switched off".into()));
        }
        let fate = self.faults.append(batch.len());
        let records = if let AppendFate::Breaks { after } = fate { after } else { batch.len() };
        let appended = self.write(batch, records, shared);
        match fate {
            AppendFate::Goes => Ok(appended),
            AppendFate::Breaks { .. } => Err(LogError::Unavailable("the acknowledgement did not come".into())),
        }
    }
}

impl Log for SimulatedLog {
    fn partitions(&self) -> u32 {
        self.0.partitions
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        let appended = self.0.inner.lock().append(&batch, &self.0);
        self.0.news.notify_all();
        futures::future::ready(appended).boxed()
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(SimulatedMember::join(Arc::clone(&self.0), spec)?))
    }

    fn reader(&self, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(SimulatedReader::new(Arc::clone(&self.0), topics, from)))
    }

    fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        let inner = self.0.inner.lock();
        let of = |partition| inner.committed.get(&(group.to_owned(), topic, partition)).copied();
        Ok((0..self.0.partitions).map(of).collect())
    }

    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        let inner = self.0.inner.lock();
        Ok((0..self.0.partitions).map(|partition| inner.bounds(topic, partition)).collect())
    }

    fn healthy(&self) -> Result<(), LogError> {
        if self.0.inner.lock().available { Ok(()) } else { Err(LogError::Unavailable("it is switched off".into())) }
    }
}
