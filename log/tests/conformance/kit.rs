//! What the properties share: blocking calls with a bound, records that own their bytes.
use c360_log::{Appended, Batch, Change, Consumed, Headers, Log, LogError, Member, MemberSpec, RecordRef};
use c360_schemas::Topic;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long anything may take before a test calls it a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long one poll waits.
pub const POLL: Duration = Duration::from_millis(100);

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub topic: Topic,
    pub partition: u32,
    pub offset: u64,
    pub recorded_at: i64,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl From<RecordRef<'_>> for Owned {
    fn from(r: RecordRef<'_>) -> Self {
        let headers = r.headers.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
        let (key, value) = (r.key.to_vec(), r.value.to_vec());
        Self { topic: r.topic, partition: r.partition, offset: r.offset, recorded_at: r.recorded_at, key, value, headers }
    }
}

impl Owned {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }
}

/// Appends, and waits for what comes of it.
pub fn try_append(log: &dyn Log, batch: Batch) -> Result<Vec<Appended>, LogError> {
    let appended = log.append(batch);
    RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, appended).await }).expect("append did not answer in time")
}

pub fn append(log: &dyn Log, batch: Batch) -> Vec<Appended> {
    try_append(log, batch).unwrap()
}

/// A batch of (key, value) for `topic`.
pub fn batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(topic: Topic, records: impl IntoIterator<Item = (K, V)>) -> Batch {
    let mut out = Batch::default();
    for (key, value) in records {
        out.push(topic, |b| b.extend_from_slice(key.as_ref()), |b| b.extend_from_slice(value.as_ref()));
    }
    out
}

/// A batch of one record with a partition of its own.
pub fn one_in(topic: Topic, partition: u32, value: &str) -> Batch {
    let mut out = Batch::default();
    add_in(&mut out, topic, partition, value);
    out
}

pub fn add_in(batch: &mut Batch, topic: Topic, partition: u32, value: &str) {
    batch.push_with(topic, Some(partition), |b| b.extend_from_slice(b"t/k"), |_| (), |b| b.extend_from_slice(value.as_bytes()));
}

/// Appends one packed header.
pub fn header(name: &'static str, value: &'static [u8]) -> impl FnOnce(&mut Vec<u8>) {
    move |b| Headers::write(b, name, value)
}

/// Waits until `done` says so.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "did not come true in time: {what}");
        std::thread::yield_now();
    }
}

/// All records of `topics` up to the ends that they have now.
pub fn read_all(log: &dyn Log, topics: &[Topic]) -> Vec<Owned> {
    read_from(log, topics, &[])
}

/// As [`read_all`], from positions.
pub fn read_from(log: &dyn Log, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Vec<Owned> {
    let mut ends = Vec::new();
    for &topic in topics {
        ends.extend(log.bounds(topic).unwrap().into_iter().enumerate().map(|(p, bounds)| (topic, p as u32, bounds.end)));
    }
    let mut reader = log.reader(topics, from).unwrap();
    let mut out: Vec<Owned> = Vec::new();
    let since = Instant::now();
    while !ends.iter().all(|&(topic, p, end)| reader.position(topic, p) >= end) {
        assert!(since.elapsed() < PATIENCE, "the reader did not come to the ends {ends:?}");
        let before = out.len();
        match reader.poll(POLL, 1000, &mut |r| out.push(r.into())) {
            Ok(n) => assert_eq!(n, out.len() - before, "poll says how many it handed over"),
            Err(e @ (LogError::Fatal(_) | LogError::OffsetGone { .. })) => panic!("{e}"),
            Err(_) => {}
        }
    }
    out
}

/// The only worker of `group`.
pub fn alone(group: &str, topics: &[Topic]) -> MemberSpec {
    MemberSpec { group: group.into(), topics: topics.to_vec(), instance: format!("{group}-0"), worker: 0, workers: 1 }
}

/// An offset to be committed.
pub fn upto(topic: Topic, partition: u32, next: u64) -> Consumed {
    Consumed::new(topic, partition, next)
}

/// Where the group is in a partition, to start from.
pub fn committed(member: &mut dyn Member, partition: u32) -> Vec<(Topic, u64)> {
    member.committed(partition).unwrap().into_iter().map(|c| (c.topic, c.next)).collect()
}

/// Polls until partitions are assigned, and starts each at the committed offsets.
pub fn join(log: &dyn Log, spec: &MemberSpec) -> (Box<dyn Member>, Vec<u32>) {
    join_at(log, spec, committed)
}

/// As [`join`], starting where `from` says.
pub fn join_at(
    log: &dyn Log,
    spec: &MemberSpec,
    mut from: impl FnMut(&mut dyn Member, u32) -> Vec<(Topic, u64)>,
) -> (Box<dyn Member>, Vec<u32>) {
    let mut member = log.member(spec).unwrap();
    let since = Instant::now();
    let mut assigned = Vec::new();
    while assigned.is_empty() {
        assert!(since.elapsed() < PATIENCE, "no partitions were assigned");
        for change in poll_passing(&mut *member, &mut |_| panic!("a record before start")) {
            if let Change::Assigned(partitions) = change {
                assigned.extend(partitions);
            }
        }
    }
    for &p in &assigned {
        let from = from(&mut *member, p);
        member.start(p, &from).unwrap();
    }
    (member, assigned)
}

/// One poll; errors that pass count as nothing.
pub fn poll_passing(member: &mut dyn Member, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Vec<Change> {
    match member.poll(POLL, 1000, on_record) {
        Ok(changes) => changes,
        Err(LogError::Fatal(e)) => panic!("fatal: {e}"),
        Err(_) => Vec::new(),
    }
}

/// Polls until there are `n` records.
pub fn take(member: &mut dyn Member, n: usize) -> Vec<Owned> {
    let since = Instant::now();
    let mut out = Vec::new();
    while out.len() < n {
        assert!(since.elapsed() < PATIENCE, "{} of {n} records came", out.len());
        let changes = poll_passing(member, &mut |r| out.push(r.into()));
        assert_eq!(changes, [], "the assignment changed");
    }
    out
}
