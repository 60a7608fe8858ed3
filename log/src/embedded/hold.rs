//! Retention that waits for those who may still need the records: see [`crate::Log::keep_from`].
//!
//! RocksDB drops a topic's oldest files when there are more bytes than its limit, and knows nothing of offsets. So it is noted now and then how many bytes had been written when the
//! partitions ended where, and the limit is raised to what was written since the last such mark that nobody needs anything before. It is reckoned in bytes before compression, with room
//! for whole files: it may keep more than is needed, and never less. What is needed is told anew after each start; until then a topic that groups have read keeps everything.
use super::Slots;
use super::chunk::Chunk;
use super::config::EmbeddedConfig;
use super::keys::End;
use super::metrics::METRICS;
use super::options::{FILES_MERGED_MAX, KEEP_ALL_BYTES};
use super::store::{Found, Store};
use crate::LogError;
use c360_schemas::Topic;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// Marks of a topic at most; beyond that every other one goes.
const MARKS_MAX: usize = 64;
/// Parts of the retention after which a mark is set, and by which the limit is raised ahead.
const STEPS: u64 = 8;
/// Whole files of the largest kind that a limit has room for beside what is needed: the one where what is needed starts, and one in the making.
const FILES_MORE: u64 = 2;
/// Keys, index and filters of files take this part of their bytes at most.
const OVERHEAD_SHARE: u64 = 16;

pub(super) struct Hold(Mutex<BTreeMap<Topic, Ledger>>);

impl Hold {
    /// For a folder that was just opened, where all is kept so far.
    pub(super) fn new(config: &EmbeddedConfig, store: &Store, found: &Found) -> Result<Self, LogError> {
        let mut ledgers = BTreeMap::new();
        if let Some(retention) = config.retention_bytes {
            let consumers = store.consumers()?;
            for (index, topic) in Topic::ALL.into_iter().enumerate().filter(|(_, topic)| !topic.compacted()) {
                let partitions = found.partitions as usize;
                let ends = found.ends[index * partitions..(index + 1) * partitions].iter().map(|end| end.next).collect();
                // Files of an older version may be larger.
                let file_bytes = store.largest_file(topic)?.max(FILES_MERGED_MAX * config.topic_buffer_bytes() as u64);
                let mut ledger = Ledger::new(retention, file_bytes, store.bytes(topic)?, ends);
                for (group, _) in consumers.iter().filter(|(_, consumed)| *consumed == topic) {
                    ledger.needs.insert(group.clone(), vec![0; partitions]);
                }
                ledger.apply(store, topic);
                ledgers.insert(topic, ledger);
            }
        }
        Ok(Self(Mutex::new(ledgers)))
    }

    /// The folder was opened again, and keeps all so far.
    pub(super) fn reopened(&self, store: &Store) {
        for (topic, ledger) in self.0.lock().iter_mut() {
            ledger.limit = KEEP_ALL_BYTES;
            ledger.apply(store, *topic);
        }
    }

    /// A group needs a partition from `offset` on.
    pub(super) fn keep_from(&self, store: &Store, group: &str, (topic, partition): (Topic, u32), offset: u64) {
        let mut ledgers = self.0.lock();
        let Some(ledger) = ledgers.get_mut(&topic) else { return };
        ledger.keep_from(group, partition as usize, offset);
        ledger.apply(store, topic);
    }

    /// Chunks are written next; `ends` are those before them.
    pub(super) fn before_write(&self, store: &Store, slots: Slots, ends: &[End], chunks: &[(usize, Chunk)]) {
        let mut ledgers = self.0.lock();
        if ledgers.is_empty() {
            return;
        }
        let mut written: BTreeMap<Topic, u64> = BTreeMap::new();
        for (slot, chunk) in chunks {
            *written.entry(slots.split(*slot).0).or_default() += chunk.bytes().len() as u64;
        }
        for (topic, bytes) in written {
            if let Some(ledger) = ledgers.get_mut(&topic) {
                let first = slots.of(topic, 0);
                ledger.write(bytes, || ends[first..first + slots.partitions as usize].iter().map(|end| end.next).collect());
                ledger.apply(store, topic);
            }
        }
    }
}

/// So many bytes had been written when the partitions ended there.
struct Mark {
    written: u64,
    ends: Vec<u64>,
}

/// What is known of one topic.
struct Ledger {
    retention: u64,
    /// Bytes of its largest files.
    file_bytes: u64,
    written: u64,
    marks: VecDeque<Mark>,
    /// For each group, the offset that it needs of each partition; 0 until it has told.
    needs: BTreeMap<String, Vec<u64>>,
    /// What RocksDB goes by.
    limit: u64,
}

impl Ledger {
    fn new(retention: u64, file_bytes: u64, written: u64, ends: Vec<u64>) -> Self {
        let marks = VecDeque::from([Mark { written, ends }]);
        Self { retention, file_bytes, written, marks, needs: BTreeMap::new(), limit: KEEP_ALL_BYTES }
    }

    fn keep_from(&mut self, group: &str, partition: usize, offset: u64) {
        let partitions = self.marks.front().map_or(0, |mark| mark.ends.len());
        let needs = self.needs.entry(group.to_owned()).or_insert_with(|| vec![0; partitions]);
        if let Some(need) = needs.get_mut(partition) {
            *need = offset;
        }
        // Older marks than the newest that nobody needs anything before are of no use.
        let passed = self.marks.iter().rposition(|mark| is_passed(&self.needs, mark)).unwrap_or(0);
        self.marks.drain(..passed);
    }

    /// `bytes` are written after `ends`.
    fn write(&mut self, bytes: u64, ends: impl FnOnce() -> Vec<u64>) {
        if self.marks.back().is_none_or(|mark| self.written - mark.written >= self.retention / STEPS) {
            if self.marks.len() >= MARKS_MAX {
                let mut index = 0;
                self.marks.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
            }
            self.marks.push_back(Mark { written: self.written, ends: ends() });
        }
        self.written += bytes;
    }

    /// Bytes on disk that must stay.
    fn required(&self) -> u64 {
        if self.needs.is_empty() {
            return self.retention;
        }
        match self.marks.iter().rev().find(|mark| is_passed(&self.needs, mark)) {
            None => KEEP_ALL_BYTES,
            Some(mark) => {
                let needed = self.written - mark.written;
                self.retention.max(needed + needed / OVERHEAD_SHARE + FILES_MORE * self.file_bytes)
            }
        }
    }

    /// The limit that is to be set, where it must be or had better be another: not for each write, since it is a file that is written.
    fn new_limit(&self) -> Option<u64> {
        let required = self.required();
        let ahead = if required == self.retention || required == KEEP_ALL_BYTES { required } else { required + self.retention / STEPS };
        (self.limit < required || self.limit > ahead.saturating_add(self.retention / STEPS)).then_some(ahead)
    }

    fn apply(&mut self, store: &Store, topic: Topic) {
        METRICS.held(topic, self.required().min(self.written).saturating_sub(self.retention));
        let Some(limit) = self.new_limit() else { return };
        match store.set_retention(topic, limit) {
            Ok(()) => self.limit = limit,
            Err(error) => tracing::error!(topic = topic.suffix(), %error, "the log's retention cannot be set"),
        }
    }
}

fn is_passed(needs: &BTreeMap<String, Vec<u64>>, mark: &Mark) -> bool {
    needs.values().all(|needs| needs.iter().zip(&mark.ends).all(|(need, end)| need >= end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ledger() -> Ledger {
        Ledger::new(800, 10, 0, vec![0, 0])
    }

    #[test]
    fn what_nobody_reads_goes_by_the_retention_alone() {
        let mut ledger = ledger();
        ledger.write(10_000, || vec![5, 5]);
        assert_eq!(ledger.required(), 800);
        assert_eq!(ledger.new_limit(), Some(800));
    }

    #[test]
    fn what_a_group_has_not_told_of_is_kept_whole() {
        let mut ledger = Ledger::new(800, 10, 5_000, vec![7, 9]);
        ledger.keep_from("a", 0, 8);
        assert_eq!(ledger.required(), KEEP_ALL_BYTES, "its other partition");
        ledger.keep_from("a", 1, 9);
        assert_eq!(ledger.required(), 800);
        ledger.keep_from("b", 0, 7);
        assert_eq!(ledger.required(), KEEP_ALL_BYTES, "the other group");
    }

    proptest! {
        /// Records of one byte, in two partitions: what lies after the place where somebody needs something is always within what must stay.
        #[test]
        fn what_is_needed_is_within_what_must_stay(steps in prop::collection::vec((0..2_usize, 1..200_u64, 0..2_usize, 0..100_u64), 1..400)) {
            let mut ledger = ledger();
            let (mut ends, mut needs, mut order) = (vec![0, 0], vec![0, 0], Vec::new());
            for (partition, records, told, part) in steps {
                ledger.write(records, || ends.clone());
                order.extend((0..records).map(|n| (partition, ends[partition] + n)));
                ends[partition] += records;
                needs[told] = ends[told] * part / 100;
                ledger.keep_from("g", told, needs[told]);
                if let Some(limit) = ledger.new_limit() {
                    ledger.limit = limit;
                }
                let first_needed = order.iter().position(|(p, offset)| *offset >= needs[*p]).unwrap_or(order.len());
                prop_assert!((order.len() - first_needed) as u64 <= ledger.limit, "{} of {}", order.len() - first_needed, ledger.limit);
                prop_assert!(ledger.marks.len() <= MARKS_MAX + 1);
            }
        }
    }
}
