//! How far the fold is, for whoever waits for it: requests, the clock's barrier, the binary's health checks.
use c360_log::Bounds;
use c360_schemas::Topic;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Shared by the fold's thread, which writes it, and everybody else.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Next offset, visible to readers of the read model.
    positions: Mutex<FxHashMap<(Topic, u32), u64>>,
    generation: watch::Sender<u64>,
    started: Instant,
    beat_ms: AtomicU64,
    caught_up: AtomicBool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            positions: Mutex::default(),
            generation: watch::Sender::new(0),
            started: Instant::now(),
            beat_ms: AtomicU64::new(0),
            caught_up: AtomicBool::new(false),
        }
    }

    /// The fold's loop went round.
    pub(crate) fn beat(&self) {
        self.beat_ms.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Time since the fold's loop last went round.
    pub(crate) fn since_beat(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.beat_ms.load(Ordering::Relaxed)))
    }

    /// Sets positions whose rows can be read now, and wakes who waits where one of them moved.
    pub(crate) fn publish(&self, positions: impl Iterator<Item = (Topic, u32, u64)>) {
        let mut moved = false;
        {
            let mut known = self.positions.lock();
            for (topic, partition, next) in positions {
                moved |= known.insert((topic, partition), next) != Some(next);
            }
        }
        if moved {
            self.generation.send_modify(|g| *g += 1);
        }
    }

    /// Whether everything before `ends` (of one topic, by partition) is folded.
    pub(crate) fn reached(&self, topic: Topic, ends: &[Bounds]) -> bool {
        let known = self.positions.lock();
        ends.iter()
            .zip(0..)
            .all(|(bounds, partition)| bounds.end <= bounds.start || known.get(&(topic, partition)).is_some_and(|next| *next >= bounds.end))
    }

    /// Records between what is folded and `ends`.
    pub(crate) fn lag(&self, topic: Topic, ends: &[Bounds]) -> u64 {
        let known = self.positions.lock();
        let behind = |(bounds, partition): (&Bounds, u32)| {
            bounds.end.saturating_sub(known.get(&(topic, partition)).copied().unwrap_or(bounds.start))
        };
        ends.iter().zip(0..).map(behind).sum()
    }

    /// Changes whenever a position moved.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The fold has reached what was in the log when it started.
    pub(crate) fn set_caught_up(&self) {
        self.caught_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
    }
}
