//! Reading for whoever keeps its own positions.
use super::Shared;
use super::cursor::{Cursor, Turns};
use super::member::wait_and_deliver;
use super::tail::Waiter;
use crate::{LogError, Reader, RecordRef};
use c360_schemas::Topic;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    waiter: Arc<Waiter>,
    turns: Turns,
}

impl EmbeddedReader {
    pub(super) fn new(shared: Arc<Shared>, topics: &[Topic], from: &[(Topic, u32, u64)]) -> Result<Self, LogError> {
        let partitions: Vec<_> = (0..shared.slots.partitions).collect();
        let mut turns = Turns::default();
        for &topic in topics {
            for &p in &partitions {
                let from = from.iter().find(|f| (f.0, f.1) == (topic, p)).map(|f| f.2);
                turns.replace(Cursor::new(&shared, topic, p, from)?);
            }
        }
        let waiter = shared.waiter(topics, &partitions);
        Ok(Self { shared, waiter, turns })
    }
}

impl Reader for EmbeddedReader {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, LogError> {
        wait_and_deliver(&self.shared, &self.waiter, &mut self.turns, timeout, max, on_record)
    }

    fn position(&self, topic: Topic, partition: u32) -> u64 {
        self.turns.find(topic, partition).map_or(0, Cursor::next)
    }
}
