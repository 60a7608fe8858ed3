//! What is ours, by partition, and the catch-up of a partition that went live.
//!
//! When a partition goes live its outbox is as old as the last commit: outcomes may stand behind it in the log, unread. So a mark is appended to the partition, and what was
//! pending before is held until the machine has read the mark: whatever the log says was delivered is not said again.
use super::channel::Job;
use crate::outbox::RowKey;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Destination and account of a lane.
pub(super) type LaneKey = (Arc<str>, Arc<str>);

/// The partitions that are ours.
#[derive(Default)]
pub(super) struct Partitions {
    of: HashMap<u32, Partition>,
    /// Counts times of going live, so that an old mark is told from a new one.
    lives: u64,
}

#[derive(Default)]
struct Partition {
    /// What was said and whose row is not gone yet, with its lane.
    known: HashMap<RowKey, LaneKey>,
    pending: u64,
    life: u64,
    catch_up: CatchUp,
    /// Offset of the last mark read.
    passed: Option<u64>,
}

#[derive(Default)]
enum CatchUp {
    #[default]
    Done,
    /// Held deliveries, and the mark's offset when it is known.
    Until { mark: Option<u64>, held: Vec<Job> },
}

impl Partitions {
    /// The partition went live; the number of this life.
    pub(super) fn live(&mut self, number: u32) -> u64 {
        self.lives += 1;
        let partition = self.of.entry(number).or_default();
        let held = match std::mem::take(&mut partition.catch_up) {
            CatchUp::Done => Vec::new(),
            CatchUp::Until { held, .. } => held,
        };
        (partition.life, partition.catch_up) = (self.lives, CatchUp::Until { mark: None, held });
        self.lives
    }

    /// A delivery to make: given back where it may start, `None` where it is known already or must wait for the mark.
    pub(super) fn take(&mut self, job: Job) -> Option<Job> {
        let partition = self.of.entry(job.partition).or_default();
        if partition.known.insert(job.what.key.clone(), (job.destination.clone(), job.account.clone())).is_some() {
            return None;
        }
        match &mut partition.catch_up {
            CatchUp::Done => Some(job),
            CatchUp::Until { held, .. } => {
                held.push(job);
                None
            }
        }
    }

    /// The mark of a life stands in the log; the deliveries that may start now.
    pub(super) fn marked(&mut self, number: u32, life: u64, offset: u64) -> Vec<Job> {
        let Some(partition) = self.of.get_mut(&number).filter(|p| p.life == life) else { return Vec::new() };
        if let CatchUp::Until { mark, .. } = &mut partition.catch_up {
            *mark = Some(offset);
        }
        partition.caught_up()
    }

    /// A mark was read; the deliveries that may start now.
    pub(super) fn passed(&mut self, number: u32, offset: u64) -> Vec<Job> {
        let Some(partition) = self.of.get_mut(&number) else { return Vec::new() };
        partition.passed = partition.passed.max(Some(offset));
        partition.caught_up()
    }

    /// A row is gone; the lane that it may be in.
    pub(super) fn done(&mut self, number: u32, key: &RowKey) -> Option<LaneKey> {
        self.settled(number, key);
        self.of.get_mut(&number)?.known.remove(key)
    }

    /// An attempt of ours settled it; its row is still there.
    pub(super) fn settled(&mut self, number: u32, key: &RowKey) {
        if let Some(CatchUp::Until { held, .. }) = self.of.get_mut(&number).map(|partition| &mut partition.catch_up) {
            held.retain(|job| job.what.key != *key);
        }
    }

    pub(super) fn set_pending(&mut self, number: u32, pending: u64) {
        self.of.entry(number).or_default().pending = pending;
    }

    /// The partition is no longer ours; the lanes that have something of it.
    pub(super) fn revoked(&mut self, number: u32) -> HashSet<LaneKey> {
        self.of.remove(&number).map(|partition| partition.known.into_values().collect()).unwrap_or_default()
    }

    /// Rows of all partitions.
    pub(super) fn pending(&self) -> u64 {
        self.of.values().map(|partition| partition.pending).sum()
    }

    /// When the oldest delivery that waits for a mark was planned, UTC ms.
    pub(super) fn oldest_held(&self) -> Option<i64> {
        let held = self.of.values().filter_map(|partition| match &partition.catch_up {
            CatchUp::Done => None,
            CatchUp::Until { held, .. } => held.iter().map(|job| job.what.planned_at).min(),
        });
        held.min()
    }
}

impl Partition {
    fn caught_up(&mut self) -> Vec<Job> {
        match &mut self.catch_up {
            CatchUp::Until { mark: Some(mark), held } if self.passed.is_some_and(|passed| passed >= *mark) => {
                let held = std::mem::take(held);
                self.catch_up = CatchUp::Done;
                held
            }
            CatchUp::Until { .. } | CatchUp::Done => Vec::new(),
        }
    }
}
