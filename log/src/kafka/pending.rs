//! Batches on their way: how much is under way, and what each batch still waits for.
use crate::{Appended, Batch, LogError};
use futures::channel::oneshot;
use parking_lot::Mutex;

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

#[derive(Default)]
struct State {
    slots: Vec<Option<Waiting>>,
    free: Vec<u32>,
    records: usize,
    bytes: usize,
}

pub(super) struct Pending {
    records_max: usize,
    bytes_max: usize,
    state: Mutex<State>,
}

impl Pending {
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { records_max, bytes_max, state: Mutex::default() }
    }

    /// Takes a batch in where there is room for all of it. One that is larger than the bound is let through when nothing else is under way.
    pub(super) fn admit(&self, batch: &Batch, partitions: u32) -> Result<(u32, oneshot::Receiver<Outcome>), LogError> {
        let (sender, done) = oneshot::channel();
        let at = |entry: &crate::Entry| Appended { topic: entry.topic, partition: entry.partition_in(batch, partitions), offset: 0 };
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
        self.settle(ticket, |waiting| waiting.appended[ticket.index as usize].offset = offset)
    }

    /// A record was not taken.
    pub(super) fn failed(&self, ticket: Ticket, error: LogError) {
        self.settle(ticket, |waiting| {
            waiting.error.get_or_insert(error);
        });
    }

    fn settle(&self, ticket: Ticket, note: impl FnOnce(&mut Waiting)) -> bool {
        let mut state = self.state.lock();
        let Some(waiting) = state.slots.get_mut(ticket.slot as usize).and_then(Option::as_mut) else { return false };
        note(waiting);
        waiting.left -= 1;
        if waiting.left > 0 {
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
    use c360_schemas::Topic;
    use futures::FutureExt;

    #[test]
    fn a_batch_is_done_with_its_last_record_and_fails_with_its_first_error() {
        let mut batch = Batch::default();
        for key in [b"a", b"b"] {
            batch.push(Topic::Events, |out| out.extend_from_slice(key), |_| ());
        }
        let pending = Pending::new(4, 1 << 20);
        let (slot, mut done) = pending.admit(&batch, 3).unwrap();
        let (other, mut other_done) = pending.admit(&batch, 3).unwrap();
        assert!(matches!(pending.admit(&batch, 3), Err(LogError::Overloaded)));
        assert!(!pending.delivered(Ticket { slot, index: 1 }, 8));
        assert!((&mut done).now_or_never().is_none());
        assert!(pending.delivered(Ticket { slot, index: 0 }, 7));
        let offsets: Vec<u64> = done.try_recv().unwrap().unwrap().unwrap().iter().map(|at| at.offset).collect();
        assert_eq!(offsets, [7, 8]);
        pending.failed(Ticket { slot: other, index: 0 }, LogError::TooLarge(1));
        pending.delivered(Ticket { slot: other, index: 1 }, 9);
        assert!(matches!(other_done.try_recv(), Ok(Some(Err(LogError::TooLarge(1))))));
        assert!(pending.admit(&batch, 3).is_ok(), "room again");
        let ticket = Ticket { slot: u32::MAX, index: 5 };
        assert_eq!(Ticket::unpack(ticket.pack()), ticket);
    }
}
