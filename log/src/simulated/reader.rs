//! Reads on from positions that its user keeps. Readers are not disturbed: what reads back is not what is tried here.
use super::Shared;
use crate::{LogError, Reader, RecordRef};
use c360_schemas::Topic;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct SimulatedReader {
    shared: Arc<Shared>,
    next: BTreeMap<(Topic, u32), u64>,
}

impl SimulatedReader {
    pub(super) fn new(shared: Arc<Shared>, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Self {
        let inner = shared.inner.lock();
        let mut next: BTreeMap<(Topic, u32), u64> = BTreeMap::new();
        for &topic in topics {
            next.extend((0..shared.partitions).map(|partition| ((topic, partition), inner.bounds(topic, partition).start)));
        }
        next.extend(from.iter().map(|&(topic, partition, offset)| ((topic, partition), offset)));
        drop(inner);
        Self { shared, next }
    }
}

impl Reader for SimulatedReader {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        let deadline = Instant::now() + timeout;
        let mut inner = self.shared.inner.lock();
        loop {
            let mut left = max;
            for (&(topic, partition), next) in &mut self.next {
                let after = inner.book(topic, partition).read((topic, partition), *next, left, on_record)?;
                left -= (after - *next) as usize;
                *next = after;
            }
            if left < max || timeout.is_zero() || self.shared.news.wait_until(&mut inner, deadline).timed_out() {
                return Ok(max - left);
            }
        }
    }

    fn position(&self, topic: Topic, partition: u32) -> u64 {
        self.next.get(&(topic, partition)).copied().unwrap_or(0)
    }
}
