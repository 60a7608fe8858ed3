//! The newest chunks in memory, the ends that readers may see, and who is to be woken when they move.
//!
//! Whoever reads at the end never goes to RocksDB: a chunk is shared by all of them. What is evicted is read from disk.
use super::chunk::Chunk;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

pub(super) struct Tail {
    chunks: Mutex<Chunks>,
    /// Offset after the last visible record, by slot (see [`super::Slots`]).
    ends: Vec<AtomicU64>,
    waiters: Mutex<Vec<Weak<Waiter>>>,
    bytes_max: usize,
}

#[derive(Default)]
struct Chunks {
    by_slot: Vec<VecDeque<Arc<Chunk>>>,
    /// Slots in the order in which chunks came.
    order: VecDeque<usize>,
    bytes: usize,
}

/// Sleeps until one of its slots moves.
pub(super) struct Waiter {
    slots: Vec<bool>,
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Waiter {
    /// Forgets earlier wake-ups; call it before looking for records.
    pub(super) fn clear(&self) {
        *self.woken.lock() = false;
    }

    /// Waits for a wake-up since [`Waiter::clear`]; false when `deadline` passed without one.
    pub(super) fn wait_until(&self, deadline: Instant) -> bool {
        let mut woken = self.woken.lock();
        while !*woken {
            if self.changed.wait_until(&mut woken, deadline).timed_out() {
                return *woken;
            }
        }
        true
    }

    fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_all();
    }
}

impl Tail {
    pub(super) fn new(ends: impl Iterator<Item = u64>, bytes_max: usize) -> Self {
        let ends: Vec<_> = ends.map(AtomicU64::new).collect();
        let chunks = Chunks { by_slot: vec![VecDeque::new(); ends.len()], ..Chunks::default() };
        Self { chunks: Mutex::new(chunks), ends, waiters: Mutex::default(), bytes_max }
    }

    pub(super) fn end(&self, slot: usize) -> u64 {
        self.ends[slot].load(Ordering::Acquire)
    }

    /// The chunk that holds `offset`, if it is in memory.
    pub(super) fn find(&self, slot: usize, offset: u64) -> Option<Arc<Chunk>> {
        let chunks = self.chunks.lock();
        let chunks = &chunks.by_slot[slot];
        let found = chunks.get(chunks.partition_point(|c| c.last() < offset))?;
        (found.base() <= offset).then(|| Arc::clone(found))
    }

    /// Makes durable chunks visible and wakes who waits for them. Chunks of a slot come in order.
    pub(super) fn publish(&self, published: Vec<(usize, Chunk)>) {
        let mut moved = vec![false; self.ends.len()];
        let mut chunks = self.chunks.lock();
        for (slot, chunk) in published {
            moved[slot] = true;
            let end = chunk.last() + 1;
            chunks.push(slot, chunk);
            self.ends[slot].store(end, Ordering::Release);
        }
        chunks.evict(self.bytes_max);
        drop(chunks);
        self.wake(&moved);
    }

    /// Forgets all chunks and takes the ends that were found on disk.
    pub(super) fn reset(&self, ends: impl Iterator<Item = u64>) {
        let mut chunks = self.chunks.lock();
        *chunks = Chunks { by_slot: vec![VecDeque::new(); self.ends.len()], ..Chunks::default() };
        for (mine, end) in self.ends.iter().zip(ends) {
            mine.store(end, Ordering::Release);
        }
        drop(chunks);
        self.wake_all();
    }

    /// A waiter for the slots that are true.
    pub(super) fn waiter(&self, slots: Vec<bool>) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter { slots, woken: Mutex::new(false), changed: Condvar::new() });
        let mut waiters = self.waiters.lock();
        waiters.retain(|w| w.strong_count() > 0);
        waiters.push(Arc::downgrade(&waiter));
        waiter
    }

    pub(super) fn wake_all(&self) {
        self.wake(&vec![true; self.ends.len()]);
    }

    fn wake(&self, moved: &[bool]) {
        for waiter in self.waiters.lock().iter().filter_map(Weak::upgrade) {
            if waiter.slots.iter().zip(moved).any(|(wanted, moved)| *wanted && *moved) {
                waiter.wake();
            }
        }
    }
}

impl Chunks {
    fn push(&mut self, slot: usize, chunk: Chunk) {
        self.bytes += chunk.weight();
        self.by_slot[slot].push_back(Arc::new(chunk));
        self.order.push_back(slot);
    }

    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(slot) = self.order.pop_front()
        {
            if let Some(chunk) = self.by_slot[slot].pop_front() {
                self.bytes -= chunk.weight();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::ChunkBuilder;
    use super::*;
    use crate::Headers;
    use std::time::Duration;

    fn chunk(base: u64, records: usize, bytes: usize) -> Chunk {
        let mut builder = ChunkBuilder::new(base, 0);
        for _ in 0..records {
            builder.push(b"k", Headers::default(), &vec![0; bytes]);
        }
        builder.finish(0)
    }

    #[test]
    fn the_chunk_that_holds_an_offset_is_found() {
        let tail = Tail::new([0, 5].into_iter(), 1 << 20);
        tail.publish(vec![(1, chunk(5, 3, 10)), (1, chunk(8, 1, 10)), (1, chunk(9, 4, 10))]);
        let base_of = |offset| tail.find(1, offset).map(|c| c.base());
        let found: Vec<_> = [4, 5, 7, 8, 9, 12, 13].into_iter().map(base_of).collect();
        assert_eq!(found, [None, Some(5), Some(5), Some(8), Some(9), Some(9), None]);
        assert_eq!((tail.end(0), tail.end(1)), (0, 13));
        assert!(tail.find(0, 0).is_none());
    }

    #[test]
    fn the_oldest_chunks_of_all_slots_go_first() {
        let tail = Tail::new([0, 0].into_iter(), 3000);
        tail.publish(vec![(0, chunk(0, 1, 1000)), (1, chunk(0, 1, 1000))]);
        tail.publish(vec![(1, chunk(1, 1, 1000))]);
        assert!(tail.find(0, 0).is_none() && tail.find(1, 1).is_some());
        assert!(tail.chunks.lock().bytes <= 3000);
        assert_eq!(tail.end(0), 1, "what was evicted stays visible");
    }

    #[test]
    fn a_waiter_wakes_for_its_own_slots_only() {
        let tail = Tail::new([0, 0].into_iter(), 1 << 20);
        let waiter = tail.waiter(vec![false, true]);
        let soon = || Instant::now() + Duration::from_millis(1);
        tail.publish(vec![(0, chunk(0, 1, 1))]);
        assert!(!waiter.wait_until(soon()));
        tail.publish(vec![(1, chunk(0, 1, 1))]);
        assert!(waiter.wait_until(soon()));
        waiter.clear();
        assert!(!waiter.wait_until(soon()));
    }
}
