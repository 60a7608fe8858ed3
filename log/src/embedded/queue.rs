//! The bounded queue before the sequencer: what waits to be written.
//!
//! Only appends count against its bound. Commits and joins do not need one: each member has at most one of them under way.
use super::fence::Seat;
use crate::{Appended, Batch, Consumed, LogError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::oneshot;

/// What the sequencer is asked for, and whom to tell.
pub(super) enum Request {
    /// `appended` has topics and partitions already, so that the keys are hashed by those who ask and not by the one thread that writes; the offsets come there.
    Append {
        batch: Batch,
        appended: Vec<Appended>,
        done: oneshot::Sender<Result<Vec<Appended>, LogError>>,
    },
    Commit {
        seat: Seat,
        outputs: Batch,
        consumed: Vec<Consumed>,
        done: SyncSender<Result<(), LogError>>,
    },
    Join {
        seat: Seat,
        done: SyncSender<Result<(), LogError>>,
    },
}

impl Request {
    fn size(&self) -> (usize, usize) {
        match self {
            Request::Append { batch, .. } | Request::Commit { outputs: batch, .. } => (batch.len(), batch.bytes_len()),
            Request::Join { .. } => (0, 0),
        }
    }
}

/// What was taken out.
pub(super) struct Taken {
    pub(super) requests: Vec<Request>,
    /// Nothing more will come.
    pub(super) finished: bool,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    records_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    /// Of appends.
    records: usize,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), records_max, bytes_max }
    }

    /// Puts a request in. An append that does not fit is refused, but for one larger than the whole queue, which an empty queue takes.
    pub(super) fn push(&self, request: Request) -> Result<(), LogError> {
        let (records, bytes) = request.size();
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(closed());
        }
        if matches!(request, Request::Append { .. }) {
            let fits = waiting.records + records <= self.records_max && waiting.bytes + bytes <= self.bytes_max;
            if !fits && waiting.records > 0 {
                return Err(LogError::Overloaded);
            }
            waiting.records += records;
            waiting.bytes += bytes;
        }
        waiting.requests.push_back(request);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes what waits, up to about `bytes_max`; waits for the first request, at most `patience`.
    pub(super) fn take(&self, bytes_max: usize, patience: Option<Duration>) -> Taken {
        let mut waiting = self.waiting.lock();
        while waiting.requests.is_empty() && !waiting.closed {
            match patience {
                None => self.changed.wait(&mut waiting),
                Some(patience) if self.changed.wait_for(&mut waiting, patience).timed_out() => break,
                Some(_) => {}
            }
        }
        let mut requests = Vec::new();
        let mut total = 0;
        while total < bytes_max
            && let Some(request) = waiting.requests.pop_front()
        {
            let (records, bytes) = request.size();
            if matches!(request, Request::Append { .. }) {
                waiting.records -= records;
                waiting.bytes -= bytes;
            }
            // A record costs its lengths too.
            total += bytes + records * 16;
            requests.push(request);
        }
        Taken { requests, finished: waiting.closed && waiting.requests.is_empty() }
    }

    /// Takes nothing more in; what waits is still handed out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.changed.notify_all();
    }
}

/// What is answered when the log was closed.
pub(super) fn closed() -> LogError {
    LogError::Unavailable("it was closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_schemas::Topic;

    fn append(records: usize) -> Request {
        let mut batch = Batch::default();
        for _ in 0..records {
            batch.push(Topic::Events, |k| k.push(b'k'), |v| v.extend_from_slice(&[0; 9]));
        }
        Request::Append { batch, appended: Vec::new(), done: oneshot::channel().0 }
    }

    #[test]
    fn a_full_queue_refuses_appends_until_something_was_taken_out() {
        for (queue, what) in [(Queue::new(10, 1 << 20), "records"), (Queue::new(1 << 20, 100), "bytes")] {
            queue.push(append(6)).unwrap();
            assert!(matches!(queue.push(append(5)), Err(LogError::Overloaded)), "{what}");
            queue.push(append(4)).unwrap();
            assert!(matches!(queue.push(append(1)), Err(LogError::Overloaded)), "{what}");
            assert_eq!(queue.take(usize::MAX, None).requests.len(), 2, "{what}");
            queue.push(append(10)).unwrap();
        }
    }

    #[test]
    fn an_append_larger_than_the_queue_is_taken_when_it_is_empty() {
        let queue = Queue::new(10, 100);
        queue.push(append(50)).unwrap();
        assert!(matches!(queue.push(append(50)), Err(LogError::Overloaded)));
    }

    #[test]
    fn what_waits_when_it_is_closed_is_still_handed_out() {
        let queue = Queue::new(10, 1000);
        queue.push(append(1)).unwrap();
        queue.push(append(1)).unwrap();
        queue.close();
        assert!(matches!(queue.push(append(1)), Err(LogError::Unavailable(_))));
        let taken = queue.take(1, None);
        assert_eq!((taken.requests.len(), taken.finished), (1, false));
        let taken = queue.take(1, None);
        assert_eq!((taken.requests.len(), taken.finished), (1, true));
    }
}
