//! The embedded log, over RocksDB: durable, in the same process, nothing to install.
//!
//! An append goes `queue -> sequencer -> group -> store`, and when it is durable to `tail`, from where members and readers have it. What was acknowledged was
//! synced: it survives kill -9 and loss of power. A transaction is one write batch. The folder belongs to one process at a time.
mod chunk;
mod config;
mod cursor;
mod fence;
mod group;
mod health;
mod hold;
mod keys;
mod look;
mod member;
mod metrics;
mod options;
mod queue;
mod reader;
mod sequencer;
mod setup;
mod store;
mod tail;

pub use config::EmbeddedConfig;
pub use look::EmbeddedLook;

use crate::{Appended, Batch, Bounds, Clock, Consumed, Entry, Log, LogError, Member, MemberSpec, Reader};
use c360_schemas::Topic;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use health::Health;
use hold::Hold;
use parking_lot::Mutex;
use queue::{Queue, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use store::Store;
use tail::{Tail, Waiter};
use tokio::sync::oneshot;

/// The embedded log of one folder. Dropping it closes it, as [`EmbeddedLog::close`] does.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    sequencer: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedLog {
    /// Opens the folder, which is made where it is not there; stamps come from `clock`.
    ///
    /// # Errors
    /// [`LogError::Setup`] where another process has it open, where it is damaged, or where it cannot be written.
    pub fn open(config: EmbeddedConfig, clock: Clock) -> Result<Arc<Self>, LogError> {
        let (store, found) = Store::open(&config)?;
        let hold = Hold::new(&config, &store, &found)?;
        let shared = Arc::new(Shared {
            hold,
            slots: Slots { partitions: found.partitions },
            store,
            queue: Queue::new(config.queue_records, config.queue_bytes),
            tail: Tail::new(found.ends.iter().map(|e| e.next), config.tail_bytes),
            health: Health::new(config.stall_ms),
            epochs: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            clock,
            config,
        });
        let cannot = |e| LogError::Setup(format!("the log's thread cannot be started: {e}"));
        let sequencer = sequencer::start(Arc::clone(&shared), found).map_err(cannot)?;
        Ok(Arc::new(Self { shared, sequencer: Mutex::new(Some(sequencer)) }))
    }

    /// Writes what is queued, then closes the folder. Appends after that fail, and so does polling.
    pub fn close(&self) {
        self.shared.queue.close();
        if let Some(sequencer) = self.sequencer.lock().take() {
            // A panic there was told by health already.
            let _ = sequencer.join();
        }
        self.shared.closed.store(true, Ordering::Release);
        self.shared.store.close();
        self.shared.tail.wake_all();
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Log for EmbeddedLog {
    fn partitions(&self) -> u32 {
        self.shared.slots.partitions
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        if batch.is_empty() {
            return ready(Ok(Vec::new())).boxed();
        }
        let (done, answer) = oneshot::channel();
        let taken = self.shared.check(&batch).and_then(|()| self.shared.health.check_stall());
        let appended = self.shared.slots.places(&batch);
        match taken.and_then(|()| self.shared.queue.push(Request::Append { batch, appended, done })) {
            Err(e) => ready(Err(e)).boxed(),
            Ok(()) => answer.map(|answer| answer.unwrap_or_else(|_| Err(queue::closed()))).boxed(),
        }
    }

    fn member(&self, spec: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(member::EmbeddedMember::join(Arc::clone(&self.shared), spec)?))
    }

    fn reader(&self, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::new(Arc::clone(&self.shared), topics, from)?))
    }

    fn standing(&self, group: &str, topic: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        (0..self.partitions()).map(|p| self.shared.store.committed(group, topic, p)).collect()
    }

    fn bounds(&self, topic: Topic) -> Result<Vec<Bounds>, LogError> {
        (0..self.partitions()).map(|p| self.shared.bounds(topic, p)).collect()
    }

    fn keep_from(&self, group: &str, topic: Topic, partition: u32, offset: u64) {
        self.shared.hold.keep_from(&self.shared.store, group, (topic, partition), offset);
    }

    fn healthy(&self) -> Result<(), LogError> {
        self.shared.health.check()
    }
}

/// What the log, its members, its readers and its sequencer share.
struct Shared {
    slots: Slots,
    hold: Hold,
    store: Store,
    queue: Queue,
    tail: Tail,
    health: Health,
    epochs: AtomicU64,
    closed: AtomicBool,
    clock: Clock,
    config: EmbeddedConfig,
}

impl Shared {
    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether each record has a size and a partition that the log takes.
    fn check(&self, batch: &Batch) -> Result<(), LogError> {
        for entry in batch.entries() {
            let bytes = batch.key(entry).len() + batch.headers(entry).0.len() + batch.value(entry).len();
            if bytes > self.config.record_bytes {
                return Err(LogError::TooLarge(bytes));
            }
            if let Some(partition) = entry.partition.filter(|p| *p >= self.slots.partitions) {
                return Err(LogError::Setup(format!("{}: there is no partition {partition}", entry.topic.suffix())));
            }
        }
        Ok(())
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError> {
        let end = self.tail.end(self.slots.of(topic, partition));
        Ok(Bounds { start: self.store.start(topic, partition, end)?, end })
    }

    fn waiter(&self, topics: &[Topic], partitions: &[u32]) -> Arc<Waiter> {
        let mut slots = vec![false; self.slots.count()];
        for &topic in topics {
            for &p in partitions {
                slots[self.slots.of(topic, p)] = true;
            }
        }
        self.tail.waiter(slots)
    }
}

/// One number for each partition of each topic.
#[derive(Clone, Copy, Debug)]
struct Slots {
    partitions: u32,
}

impl Slots {
    fn count(self) -> usize {
        Topic::ALL.len() * self.partitions as usize
    }

    fn of(self, topic: Topic, partition: u32) -> usize {
        topic as usize * self.partitions as usize + partition as usize
    }

    /// Where the records of a batch go; offsets are given later.
    fn places(self, batch: &Batch) -> Vec<Appended> {
        let place = |entry: &Entry| Appended { topic: entry.topic, partition: entry.partition_in(batch, self.partitions), offset: 0 };
        batch.entries().iter().map(place).collect()
    }

    fn split(self, slot: usize) -> (Topic, u32) {
        (Topic::ALL[slot / self.partitions as usize], (slot % self.partitions as usize) as u32)
    }
}
