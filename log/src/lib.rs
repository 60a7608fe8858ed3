//! The log: one small interface, and what stands behind it: Kafka, the embedded log, or a simulated one for tests.
//!
//! What holds for every implementation (one conformance suite shows it for each): order within a partition; a transaction is all or nothing and invisible until it is
//! committed; a member that was replaced cannot commit; consumed offsets are committed in the transaction; what was acknowledged survives a crash.
//!
//! Three ways in: [`Log::append`] for whoever only writes (ingest, senders), a [`Member`] for a machine's worker (consume, transform, commit exactly once), and a [`Reader`]
//! for whoever keeps its own positions (the console).
mod batch;
mod clock;
mod dead_letter;
pub mod embedded;
mod error;
pub mod kafka;
pub mod planted;
mod record;
pub mod simulated;

pub use batch::{Batch, Entry};
pub use clock::{Clock, ClockSpec};
pub use dead_letter::{CONNECT_PREFIX, ConnectErrors, count_dead_letter, init_dead_letters};
pub use error::LogError;
pub use record::{Headers, RecordRef};

use c360_schemas::Topic;
use futures::future::BoxFuture;
use std::time::Duration;

/// Where a record was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub topic: Topic,
    pub partition: u32,
    pub offset: u64,
}

/// First offset kept, and the offset after the last one: a reader whose [`Reader::position`] is at `end` has seen all that was acknowledged or committed before the bounds were asked
/// for. (In Kafka a commit is decided a moment before its records can be read.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub start: u64,
    pub end: u64,
}

/// What decides how long records of a topic are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// What [`Log::keep_from`] asks for, and more where there is room.
    AsAsked,
    /// The log's own settings, whoever may need the records: `None` where there is no limit.
    ByItself { ms: Option<u64>, bytes: Option<u64> },
}

/// How far a member is in a partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    pub topic: Topic,
    pub partition: u32,
    /// The next offset to be read.
    pub next: u64,
    /// What the member wants to find again beside the offset; the log keeps it as it is. 0 where nothing was committed.
    pub note: u64,
    /// Something of what was consumed is to be said yet: a machine may commit first, and say things a little later.
    pub owes: bool,
}

impl Consumed {
    /// An offset without a note.
    pub fn new(topic: Topic, partition: u32, next: u64) -> Self {
        Self { topic, partition, next, note: 0, owes: false }
    }
}

/// What a machine's worker asks for.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// Consumer group, without the installation's prefix: the machine's name.
    pub group: String,
    /// Co-partitioned topics: the member gets the same partitions of each.
    pub topics: Vec<Topic>,
    /// Stable name of this worker across restarts of its process, unique in the group: static membership and the transactional id come from it.
    pub instance: String,
    /// This worker's number among `workers` of its process; the embedded log deals partitions out by it, Kafka ignores it.
    pub worker: u32,
    pub workers: u32,
}

/// A change of what a member owns. Partitions count for all topics of the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its records come after [`Member::start`] was called for it.
    Assigned(Vec<u32>),
    /// Taken away; nothing of it may be committed any more.
    Revoked(Vec<u32>),
}

/// The log of one installation. Cheap to clone behind an `Arc`.
pub trait Log: Send + Sync + 'static {
    /// How many partitions each topic has; the same for all of them.
    fn partitions(&self) -> u32;

    /// Appends a batch; resolves when every record of it is durable, with one [`Appended`] for each record in order. Not a transaction: on an error some of it may be in the log.
    ///
    /// # Errors
    /// [`LogError::Overloaded`] at once where the bounded queue is full; [`LogError::Unavailable`] where the log did not acknowledge in time.
    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>>;

    /// Joins a machine's consumer group. An older member of the same instance is fenced.
    ///
    /// # Errors
    /// Where the log cannot be reached, or a topic is not there.
    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError>;

    /// Reads all partitions of `topics` from `from` (topic, partition, next offset; what is not named starts at the first record).
    ///
    /// # Errors
    /// Where the log cannot be reached, or a topic is not there.
    fn reader(&self, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError>;

    /// What the group committed for each partition; `None` where it never did.
    ///
    /// # Errors
    /// Where the log cannot be reached.
    fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError>;

    /// The next offsets of [`Log::standing`] alone.
    ///
    /// # Errors
    /// Where the log cannot be reached.
    fn committed(&self, group: &str, topic: Topic) -> Result<Vec<Option<u64>>, LogError> {
        Ok(self.standing(group, topic)?.into_iter().map(|standing| standing.map(|c| c.next)).collect())
    }

    /// First and last offsets of each partition.
    ///
    /// # Errors
    /// Where the log cannot be reached.
    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError>;

    /// Says that a group may need the records of a partition from `offset` on again: whatever the retention is, they stay. Where it was said before, this takes its place. A log whose
    /// retention is not its own does nothing, see [`Log::keeps`].
    fn keep_from(&self, group: &str, topic: Topic, partition: u32, offset: u64) {
        let _ = (group, topic, partition, offset);
    }

    /// What decides how long records of a topic are kept.
    ///
    /// # Errors
    /// Where the log cannot be reached.
    fn keeps(&self, topic: Topic) -> Result<Keeps, LogError> {
        let _ = topic;
        Ok(Keeps::AsAsked)
    }

    /// Whether the log takes appends now; what `/readyz` asks. Cheap: it may be asked often.
    ///
    /// # Errors
    /// Why it does not.
    fn healthy(&self) -> Result<(), LogError>;
}

/// One worker's seat in a machine's group; used by one thread.
pub trait Member: Send {
    /// Hands over at most `max` records that are there, waiting at most `timeout` for the first. Changes of assignment come back instead of records:
    /// for each partition assigned call [`Member::start`] before the next poll.
    ///
    /// # Errors
    /// [`LogError::Fatal`] where the member must be made anew; others pass.
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<Vec<Change>, LogError>;

    /// Starts reading an assigned partition: `from` has the next offset for each topic of the member.
    ///
    /// # Errors
    /// [`LogError::OffsetGone`] where that offset is no longer kept; [`LogError::Fenced`] where it was started before and this log cannot go back: the member must
    /// be made anew.
    fn start(&mut self, partition: u32, from: &[(Topic, u64)]) -> Result<(), LogError>;

    /// How far the group is in a partition, for each topic of the member; at the first kept offset where it never committed.
    ///
    /// # Errors
    /// Where the log cannot be reached.
    fn committed(&mut self, partition: u32) -> Result<Vec<Consumed>, LogError>;

    /// Commits `outputs` and how far the member is in one transaction; durable and visible when it returns. An offset may be committed again with another note.
    ///
    /// # Errors
    /// Nothing of it took effect, unless the error is [`LogError::Unknown`] (then the member must be made anew, and [`Member::committed`] tells what holds);
    /// [`LogError::Fenced`]: another owns the partitions now.
    fn commit(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError>;

    /// End of a partition as far as this member knows, for the lag; `None` where not known yet.
    fn end(&mut self, topic: Topic, partition: u32) -> Option<u64>;
}

/// Reads on from positions that its user keeps; used by one thread.
pub trait Reader: Send {
    /// Hands over at most `max` committed records, waiting at most `timeout` for the first; how many.
    ///
    /// # Errors
    /// [`LogError::Fatal`] where the reader must be made anew; others pass.
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError>;

    /// Next offset to be read of a partition. Past the log's own marks (ends of transactions) once the end was reached, so a reader has seen all that was visible at a
    /// moment when `position` is at or past the [`Bounds::end`] of that moment.
    fn position(&self, topic: Topic, partition: u32) -> u64;
}
