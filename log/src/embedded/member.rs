//! One worker's seat in a group.
use super::Shared;
use super::cursor::{Cursor, Turns};
use super::fence::Seat;
use super::queue::Request;
use super::tail::Waiter;
use crate::{Batch, Change, Consumed, LogError, Member, MemberSpec, RecordRef};
use c360_schemas::Topic;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub(super) struct EmbeddedMember {
    shared: Arc<Shared>,
    seat: Seat,
    topics: Vec<Topic>,
    waiter: Arc<Waiter>,
    turns: Turns,
    /// Partitions were told at the first poll.
    told: bool,
}

impl EmbeddedMember {
    /// Takes the seat; commits of whoever had it before are decided when this returns.
    pub(super) fn join(shared: Arc<Shared>, spec: &MemberSpec) -> Result<Self, LogError> {
        if spec.workers == 0 || spec.worker >= spec.workers || spec.topics.is_empty() {
            return Err(LogError::Setup(format!("{}: worker {} of {} cannot be seated", spec.group, spec.worker, spec.workers)));
        }
        let partitions: Vec<_> = (0..shared.slots.partitions).filter(|p| p % spec.workers == spec.worker).collect();
        let seat = Seat { group: spec.group.clone(), instance: spec.instance.clone(), partitions, epoch: shared.next_epoch() };
        let waiter = shared.waiter(&spec.topics, &seat.partitions);
        ask(&shared, |done| Request::Join { seat: seat.clone(), done })?;
        Ok(Self { shared, seat, topics: spec.topics.clone(), waiter, turns: Turns::default(), told: false })
    }
}

impl Member for EmbeddedMember {
    fn poll(&mut self, timeout: Duration, max: usize, on_record: &mut dyn FnMut(RecordRef<'_>)) -> Result<Vec<Change>, LogError> {
        if !self.told {
            self.told = true;
            if !self.seat.partitions.is_empty() {
                return Ok(vec![Change::Assigned(self.seat.partitions.clone())]);
            }
        }
        wait_and_deliver(&self.shared, &self.waiter, &mut self.turns, timeout, max, on_record)?;
        Ok(Vec::new())
    }

    fn start(&mut self, partition: u32, from: &[(Topic, u64)]) -> Result<(), LogError> {
        if !self.seat.partitions.contains(&partition) {
            return Err(LogError::Setup(format!("partition {partition} was not given to {}", self.seat.instance)));
        }
        for &topic in &self.topics {
            let from = from.iter().find(|(t, _)| *t == topic).map(|(_, offset)| *offset);
            self.turns.replace(Cursor::new(&self.shared, topic, partition, from)?);
        }
        Ok(())
    }

    fn committed(&mut self, partition: u32) -> Result<Vec<Consumed>, LogError> {
        let of = |&topic: &Topic| match self.shared.store.committed(&self.seat.group, topic, partition)? {
            Some(committed) => Ok(committed),
            None => Ok(Consumed::new(topic, partition, self.shared.bounds(topic, partition)?.start)),
        };
        self.topics.iter().map(of).collect()
    }

    fn commit(&mut self, outputs: &Batch, consumed: &[Consumed]) -> Result<(), LogError> {
        self.shared.check(outputs)?;
        let (seat, outputs, consumed) = (self.seat.clone(), outputs.clone(), consumed.to_vec());
        ask(&self.shared, |done| Request::Commit { seat, outputs, consumed, done })
    }

    fn end(&mut self, topic: Topic, partition: u32) -> Option<u64> {
        (partition < self.shared.slots.partitions).then(|| self.shared.tail.end(self.shared.slots.of(topic, partition)))
    }
}

/// Puts a request before the sequencer and waits for its answer.
fn ask(shared: &Shared, request: impl FnOnce(mpsc::SyncSender<Result<(), LogError>>) -> Request) -> Result<(), LogError> {
    let (done, answer) = mpsc::sync_channel(1);
    shared.queue.push(request(done))?;
    answer.recv().unwrap_or_else(|_| Err(LogError::Unknown("the log was closed meanwhile".into())))
}

/// Hands over what is there; where nothing is, waits for it.
pub(super) fn wait_and_deliver(
    shared: &Shared,
    waiter: &Waiter,
    turns: &mut Turns,
    timeout: Duration,
    max: usize,
    on_record: &mut dyn FnMut(RecordRef<'_>),
) -> Result<usize, LogError> {
    let deadline = Instant::now() + timeout;
    loop {
        // Before all else, so that no wake-up after it is lost.
        waiter.clear();
        if shared.is_closed() {
            return Err(LogError::Fatal("the log was closed".into()));
        }
        let delivered = turns.deliver(shared, max, on_record)?;
        if delivered > 0 || max == 0 {
            return Ok(delivered);
        }
        if !waiter.wait_until(deadline) {
            return Ok(0);
        }
    }
}
