//! Batches on their way: how much is under way, what each batch still waits for, and which partitions do not acknowledge.
//!
//! A partition that stands still (its leader is gone, its disk is slow) must not stall the others: once it has acknowledged nothing for so long, what would go to it is refused at once,
//! so that neither the room of all appends nor the senders' connections fill up with waiting for it. What is under way there goes on being tried, and when that is through or has
//! failed, the next append is let in again.
use crate::{Appended, Batch, Entry, LogError};
use c360_schemas::Topic;
use futures::channel::oneshot;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

// A ticket travels through librdkafka as a pointer's worth of bits.
const _: () = assert!(usize::BITS >= 64);

/// One record of a batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) slot: u32,
    pub(super) index: u32,
}

impl Ticket {
    pub(super) fn pack(self) -> usize {
        (self.slot as usize) << 32 | self.index as usize
    }

    pub(super) fn unpack(bits: usize) -> Self {
        Self { slot: (bits >> 32) as u32, index: bits as u32 }
    }
}

type Outcome = Result<Vec<Appended>, LogError>;

/// A batch that waits for its last record.
struct Waiting {
    appended: Vec<Appended>,
    left: usize,
    bytes: usize,
    error: Option<LogError>,
    done: oneshot::Sender<Outcome>,
}

/// One partition of one topic.
#[derive(Clone, Copy, Default)]
struct Lane {
    /// Records under way.
    records: usize,
    /// One was acknowledged since the last look.
    moved: bool,
    /// When it was last known to move, or to have nothing under way.
    since: Option<Instant>,
}

impl Lane {
    fn is_stalled(&mut self, now: Instant, stall: Duration) -> bool {
        if self.records == 0 || self.moved {
            *self = Self { moved: false, since: Some(now), ..*self };
        }
        self.since.is_some_and(|since| now.duration_since(since) >= stall)
    }
}

#[derive(Default)]
struct State {
    /// By topic, then partition.
    lanes: Vec<Lane>,
    slots: Vec<Option<Waiting>>,
    free: Vec<u32>,
    records: usize,
    bytes: usize,
}

pub(super) struct Pending {
    records_max: usize,
    bytes_max: usize,
    stall: Duration,
    partitions: u32,
    state: Mutex<State>,
}

impl Pending {
    pub(super) fn new(records_max: usize, bytes_max: usize, stall: Duration, partitions: u32) -> Self {
        let lanes = vec![Lane::default(); Topic::ALL.len() * partitions as usize];
        Self { records_max, bytes_max, stall, partitions, state: Mutex::new(State { lanes, ..State::default() }) }
    }

    /// Takes a batch in where there is room for all of it and each of its partitions moves. One that is larger than the bound is let through when nothing else is under way.
    pub(super) fn admit(&self, batch: &Batch, now: Instant) -> Result<(u32, oneshot::Receiver<Outcome>), LogError> {
        let (sender, done) = oneshot::channel();
        let at = |entry: &Entry| Appended { topic: entry.topic, partition: entry.partition_in(batch, self.partitions), offset: 0 };
        let appended: Vec<Appended> = batch.entries().iter().map(at).collect();
        if appended.is_empty() {
            // Whoever asks hears it; nobody else can.
            let _ = sender.send(Ok(appended));
            return Ok((0, done));
        }
        let (records, bytes) = (appended.len(), batch.bytes_len());
        let mut state = self.state.lock();
        if state.records > 0 && (state.records + records > self.records_max || state.bytes + bytes > self.bytes_max) {
            return Err(LogError::Overloaded);
        }
        if appended.iter().any(|at| state.lanes[self.lane(at)].is_stalled(now, self.stall)) {
            return Err(LogError::Overloaded);
        }
        for at in &appended {
            state.lanes[self.lane(at)].records += 1;
        }
        state.records += records;
        state.bytes += bytes;
        let slot = state.free.pop().unwrap_or_else(|| {
            state.slots.push(None);
            state.slots.len() as u32 - 1
        });
        state.slots[slot as usize] = Some(Waiting { left: records, appended, bytes, error: None, done: sender });
        Ok((slot, done))
    }

    /// A record is durable at `offset`; whether it was the last of its batch.
    pub(super) fn delivered(&self, ticket: Ticket, offset: u64) -> bool {
        self.settle(ticket, true, |waiting| waiting.appended[ticket.index as usize].offset = offset)
    }

    /// A record was not taken.
    pub(super) fn failed(&self, ticket: Ticket, error: LogError) {
        self.settle(ticket, false, |waiting| {
            waiting.error.get_or_insert(error);
        });
    }

    fn lane(&self, at: &Appended) -> usize {
        at.topic as usize * self.partitions as usize + at.partition as usize
    }

    fn settle(&self, ticket: Ticket, moved: bool, note: impl FnOnce(&mut Waiting)) -> bool {
        let mut state = self.state.lock();
        let Some(waiting) = state.slots.get_mut(ticket.slot as usize).and_then(Option::as_mut) else { return false };
        note(waiting);
        waiting.left -= 1;
        let (left, lane) = (waiting.left, self.lane(&waiting.appended[ticket.index as usize]));
        state.lanes[lane].records -= 1;
        state.lanes[lane].moved |= moved;
        if left > 0 {
            return false;
        }
        let Some(waiting) = state.slots[ticket.slot as usize].take() else { return false };
        state.free.push(ticket.slot);
        state.records -= waiting.appended.len();
        state.bytes -= waiting.bytes;
        drop(state);
        // Where nobody waits any more, nobody needs to hear it.
        let _ = waiting.done.send(waiting.error.map_or(Ok(waiting.appended), Err));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const STALL: Duration = Duration::from_secs(5);

    fn to_partition(partition: u32) -> Batch {
        let mut batch = Batch::default();
        batch.push_with(Topic::Events, Some(partition), |out| out.push(b'k'), |_| (), |_| ());
        batch
    }

    #[test]
    fn a_partition_that_stands_still_is_refused_and_the_others_go_on() {
        let pending = Pending::new(100, 1 << 20, STALL, 3);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let (stuck, _waiting) = pending.admit(&to_partition(0), start).unwrap();
        let (_second, _also) = pending.admit(&to_partition(0), after(4)).expect("it may yet move");
        assert!(matches!(pending.admit(&to_partition(0), after(5)), Err(LogError::Overloaded)));
        for second in 5..20 {
            let (slot, _done) = pending.admit(&to_partition(1), after(second)).expect("another partition");
            assert!(pending.delivered(Ticket { slot, index: 0 }, second));
        }
        assert!(pending.delivered(Ticket { slot: stuck, index: 0 }, 0));
        assert!(pending.admit(&to_partition(0), after(20)).is_ok(), "it moves again");
    }

    #[test]
    fn a_partition_whose_records_have_failed_is_tried_again() {
        let pending = Pending::new(100, 1 << 20, STALL, 1);
        let start = Instant::now();
        let (slot, _waiting) = pending.admit(&to_partition(0), start).unwrap();
        assert!(pending.admit(&to_partition(0), start + STALL * 6).is_err());
        pending.failed(Ticket { slot, index: 0 }, LogError::Unavailable("timed out".into()));
        assert!(pending.admit(&to_partition(0), start + STALL * 6).is_ok(), "nothing is under way there");
        assert!(pending.admit(&to_partition(0), start + STALL * 7).is_err(), "and it stands still again");
    }

    #[test]
    fn a_batch_is_done_with_its_last_record_and_fails_with_its_first_error() {
        let mut batch = Batch::default();
        for key in [b"a", b"b"] {
            batch.push(Topic::Events, |out| out.extend_from_slice(key), |_| ());
        }
        let (pending, now) = (Pending::new(4, 1 << 20, STALL, 3), Instant::now());
        let (slot, mut done) = pending.admit(&batch, now).unwrap();
        let (other, mut other_done) = pending.admit(&batch, now).unwrap();
        assert!(matches!(pending.admit(&batch, now), Err(LogError::Overloaded)));
        assert!(!pending.delivered(Ticket { slot, index: 1 }, 8));
        assert!((&mut done).now_or_never().is_none());
        assert!(pending.delivered(Ticket { slot, index: 0 }, 7));
        let offsets: Vec<u64> = done.try_recv().unwrap().unwrap().unwrap().iter().map(|at| at.offset).collect();
        assert_eq!(offsets, [7, 8]);
        pending.failed(Ticket { slot: other, index: 0 }, LogError::TooLarge(1));
        pending.delivered(Ticket { slot: other, index: 1 }, 9);
        assert!(matches!(other_done.try_recv(), Ok(Some(Err(LogError::TooLarge(1))))));
        assert!(pending.admit(&batch, now).is_ok(), "room again");
        let ticket = Ticket { slot: u32::MAX, index: 5 };
        assert_eq!(Ticket::unpack(ticket.pack()), ticket);
    }
}
