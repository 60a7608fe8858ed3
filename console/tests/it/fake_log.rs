//! A log in memory: appends, readers, and machines that commit all that there is. Can be down, lose its beginning, and hold the marks that transactions leave.
use c360_log::{Appended, Batch, Bounds, Clock, Consumed, Headers, Log, LogError, Member, MemberSpec, Reader, RecordRef};
use c360_schemas::Topic;
use futures::future::BoxFuture;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Place = (Topic, u32);
type Machine = Arc<dyn Fn(Topic, &[u8], &[u8]) -> Batch + Send + Sync>;

#[derive(Clone, Default)]
struct Rec {
    at: i64,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The end of a transaction: takes an offset and is handed to nobody.
    mark: bool,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<Place, Vec<Rec>>,
    starts: BTreeMap<Place, u64>,
    stuck: HashSet<String>,
    down: bool,
    refused: u64,
    owed: Option<(String, u32, Batch)>,
    machine: Option<Machine>,
}

impl Inner {
    fn up(&mut self) -> Result<(), LogError> {
        if self.down {
            self.refused += 1;
            return Err(LogError::Unavailable("it is down".into()));
        }
        Ok(())
    }

    fn bounds(&self, place: Place) -> Bounds {
        let end = self.records.get(&place).map_or(0, |records| records.len() as u64);
        Bounds { start: self.starts.get(&place).copied().unwrap_or(0), end }
    }
}

pub(crate) struct FakeLog {
    partitions: u32,
    clock: Clock,
    inner: Arc<(Mutex<Inner>, Condvar)>,
}

impl FakeLog {
    pub(crate) fn new(partitions: u32, clock: Clock) -> Arc<Self> {
        Arc::new(Self { partitions, clock, inner: Arc::default() })
    }

    /// What happens after each record that is appended; what it returns is appended too.
    pub(crate) fn set_machine(&self, machine: impl Fn(Topic, &[u8], &[u8]) -> Batch + Send + Sync + 'static) {
        self.inner.0.lock().machine = Some(Arc::new(machine));
    }

    /// The group commits nothing any more.
    pub(crate) fn stick(&self, group: &str) {
        self.inner.0.lock().stuck.insert(group.into());
    }

    /// The group has committed all, and says `batch` only after it was asked `asks` times how far it is.
    pub(crate) fn owe(&self, group: &str, asks: u32, batch: Batch) {
        self.inner.0.lock().owed = Some((group.into(), asks, batch));
    }

    /// Whether the group owes something at this asking.
    fn pay(&self, group: &str) -> bool {
        let mut inner = self.inner.0.lock();
        match &mut inner.owed {
            Some((who, asks, _)) if who == group && *asks > 0 => {
                *asks -= 1;
                true
            }
            Some((who, ..)) if who == group => {
                let batch = inner.owed.take().map(|(.., batch)| batch).unwrap_or_default();
                drop(inner);
                self.push(&batch);
                false
            }
            _ => false,
        }
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.inner.0.lock().down = down;
    }

    /// How often somebody was told that it is down.
    pub(crate) fn refused(&self) -> u64 {
        self.inner.0.lock().refused
    }

    /// Retention takes everything before `start`.
    pub(crate) fn drop_before(&self, topic: Topic, partition: u32, start: u64) {
        self.inner.0.lock().starts.insert((topic, partition), start);
    }

    /// Leaves a transaction's mark at the end of a partition.
    pub(crate) fn mark(&self, topic: Topic, partition: u32) {
        let mut inner = self.inner.0.lock();
        inner.records.entry((topic, partition)).or_default().push(Rec { mark: true, ..Rec::default() });
        self.inner.1.notify_all();
    }

    /// Key and value of all records of a topic.
    pub(crate) fn all(&self, topic: Topic) -> Vec<(Vec<u8>, Vec<u8>)> {
        let inner = self.inner.0.lock();
        (0..self.partitions)
            .flat_map(|p| inner.records.get(&(topic, p)).cloned().unwrap_or_default())
            .filter(|r| !r.mark)
            .map(|r| (r.key, r.value))
            .collect()
    }

    pub(crate) fn push(&self, batch: &Batch) -> Vec<Appended> {
        let (mut done, mut pending) = (Vec::new(), vec![batch.clone()]);
        let machine = self.inner.0.lock().machine.clone();
        while let Some(batch) = pending.pop() {
            for entry in batch.entries() {
                let partition = entry.partition_in(&batch, self.partitions);
                let rec = Rec { at: self.clock.now_ms(), key: batch.key(entry).into(), value: batch.value(entry).into(), mark: false };
                let mut inner = self.inner.0.lock();
                let records = inner.records.entry((entry.topic, partition)).or_default();
                done.push(Appended { topic: entry.topic, partition, offset: records.len() as u64 });
                records.push(rec);
                drop(inner);
                if let Some(machine) = &machine {
                    pending.push(machine(entry.topic, batch.key(entry), batch.value(entry)));
                }
            }
        }
        self.inner.1.notify_all();
        done.truncate(batch.len());
        done
    }

    fn up(&self) -> Result<(), LogError> {
        self.inner.0.lock().up()
    }
}

impl Log for FakeLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        let result = self.up().map(|()| self.push(&batch));
        Box::pin(async move { result })
    }

    fn member(&self, _spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Err(LogError::Setup("the fake log has no members".into()))
    }

    fn reader(&self, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        self.up()?;
        let inner = self.inner.0.lock();
        let mut next = BTreeMap::new();
        for topic in topics {
            for partition in 0..self.partitions {
                let start = inner.bounds((*topic, partition)).start;
                let wanted = from.iter().find(|(t, p, _)| (t, *p) == (topic, partition)).map_or(start, |(_, _, next)| *next);
                if wanted < start {
                    return Err(LogError::OffsetGone { topic: topic.suffix(), partition, wanted, start });
                }
                next.insert((*topic, partition), wanted);
            }
        }
        Ok(Box::new(FakeReader { inner: self.inner.clone(), next }))
    }

    fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        self.up()?;
        let owes = self.pay(group);
        let inner = self.inner.0.lock();
        let stuck = inner.stuck.contains(group);
        let standing = |p| Consumed { owes, ..Consumed::new(topic, p, inner.bounds((topic, p)).end) };
        Ok((0..self.partitions).map(|p| (!stuck).then(|| standing(p))).collect())
    }

    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        self.up()?;
        let inner = self.inner.0.lock();
        Ok((0..self.partitions).map(|p| inner.bounds((topic, p))).collect())
    }

    fn healthy(&self) -> Result<(), LogError> {
        self.up()
    }
}

struct FakeReader {
    inner: Arc<(Mutex<Inner>, Condvar)>,
    next: BTreeMap<Place, u64>,
}

impl Reader for FakeReader {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        let until = Instant::now() + timeout;
        let mut inner = self.inner.0.lock();
        loop {
            inner.up()?;
            let (mut count, mut moved) = (0, false);
            for ((topic, partition), next) in &mut self.next {
                let records = inner.records.get(&(*topic, *partition)).map_or(&[][..], Vec::as_slice);
                while let Some(rec) = records.get(*next as usize) {
                    if !rec.mark {
                        if count == max {
                            break;
                        }
                        count += 1;
                        on_record(RecordRef {
                            topic: *topic,
                            partition: *partition,
                            offset: *next,
                            recorded_at: rec.at,
                            key: &rec.key,
                            value: &rec.value,
                            headers: Headers::default(),
                        });
                    }
                    moved = true;
                    *next += 1;
                }
            }
            if moved || self.inner.1.wait_until(&mut inner, until).timed_out() {
                return Ok(count);
            }
        }
    }

    fn position(&self, topic: Topic, partition: u32) -> u64 {
        self.next.get(&(topic, partition)).copied().unwrap_or(0)
    }
}
