//! The memory that all partitions' states share, and how much of it is used.
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts};
use rocksdb::{Cache, WriteBufferManager};

/// Of the one number, write buffers take at most this part.
const WRITES_SHARE: usize = 2;
/// And one memtable of one partition this part of it, within bounds.
const MEMTABLE_SHARE: usize = 16;
const MEMTABLE_BYTES_MIN: usize = 1 << 20;
const MEMTABLE_BYTES_MAX: usize = 32 << 20;

/// Block cache and write buffers of all partitions of a process, bounded together.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(super) cache: Cache,
    pub(super) writes: WriteBufferManager,
    pub(super) memtable_bytes: usize,
    writes_bytes: usize,
}

impl Memory {
    /// `bytes` for all caches and write buffers; write buffers take at most half of it.
    pub(crate) fn new(bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(bytes);
        // Charged to the cache, so that the one number bounds both: the more is waiting to be written, the fewer blocks are kept.
        let writes_bytes = bytes / WRITES_SHARE;
        // It does not stall writers: who writes one database would wait for idle ones, which nobody flushes.
        let writes = WriteBufferManager::new_write_buffer_manager_with_cache(writes_bytes, false, cache.clone());
        let memtable_bytes = (bytes / MEMTABLE_SHARE).clamp(MEMTABLE_BYTES_MIN, MEMTABLE_BYTES_MAX);
        Self { cache, writes, memtable_bytes, writes_bytes }
    }

    /// Whether write buffers, with those that are being flushed, take more than their part.
    pub(super) fn is_full_of_writes(&self) -> bool {
        self.writes.get_usage() > self.writes_bytes
    }

    /// Shows in the default registry how much is used. Where a process has more than one engine, the first one shows.
    pub(crate) fn show(&self) {
        let opts = Opts::new(
            "c360_processor_state_memory_bytes",
            "Memory of the partitions' states: blocks and write buffers, and of these the write buffers.",
        );
        let Ok(bytes) = IntGaugeVec::new(opts, &["kind"]) else { return };
        let _ = prometheus::register(Box::new(Usage { memory: self.clone(), bytes }));
    }
}

/// Asks RocksDB when it is asked itself.
struct Usage {
    memory: Memory,
    bytes: IntGaugeVec,
}

impl Collector for Usage {
    fn desc(&self) -> Vec<&Desc> {
        self.bytes.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.bytes.with_label_values(&["all"]).set(self.memory.cache.get_usage() as i64);
        self.bytes.with_label_values(&["write_buffers"]).set(self.memory.writes.get_usage() as i64);
        self.bytes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Changes;
    use crate::storage::rocks::Storage;
    use crate::storage::{Meta, Rows};
    use crate::writes::{Bulk, Writes};

    /// 12 partitions with 60 MB of rows between them, written and read at random, in 16 MB.
    #[test]
    fn the_one_number_holds_for_all_partitions_together() {
        const BUDGET: usize = 16 << 20;
        let (dir, memory) = (tempfile::tempdir().unwrap(), Memory::new(BUDGET));
        let partitions: Vec<Storage> = (0..12).map(|p| Storage::open(&dir.path().join(p.to_string()), &memory).unwrap()).collect();
        let (mut seed, mut most) = (1_u64, 0);
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        for _ in 0..600 {
            for partition in &partitions {
                let row = |n: u64| [&[0x10][..], &(n % 20_000).to_be_bytes()].concat();
                // Values that do not compress.
                let value: Vec<u8> = (0..50).flat_map(|_| (random() as u32).to_be_bytes()).collect();
                let rows: Changes = (0..40).map(|_| (row(random()), Some(value.clone()))).collect();
                partition.commit(Writes { changes: &rows, bulk: &Bulk::default() }, &Meta::default()).unwrap();
                for _ in 0..10 {
                    partition.get(&row(random())).unwrap();
                }
            }
            most = most.max(memory.cache.get_usage());
        }
        assert!(most > BUDGET / 4, "nothing was held in memory: {most}");
        // What is being flushed when the bound is met comes on top.
        assert!(most <= BUDGET * 5 / 4, "{most} bytes used of {BUDGET}");
    }
}
