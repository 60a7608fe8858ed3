//! The one thread that writes. It takes all that waits, gives offsets and stamps, writes and syncs it as one batch, makes it visible, and tells whoever asked. While it syncs
//! the next group gathers.
//!
//! After a failed write the folder is opened again, and its group number tells whether the write took effect. While that does not succeed either, requests are
//! refused at once and it is tried again and again; what a commit came to is unknown then.
use super::Shared;
use super::fence::{Seat, Seats};
use super::group::{Group, Ready};
use super::keys::End;
use super::metrics::{METRICS, WriteOutcome};
use super::queue::Request;
use super::store::Found;
use crate::planted::{self, Bug};
use crate::{Appended, Consumed, LogError};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::{info, warn};

/// Between two tries to open the folder again.
const REOPEN_PAUSE: Duration = Duration::from_millis(250);

/// Starts the thread.
pub(super) fn start(shared: Arc<Shared>, found: Found) -> std::io::Result<std::thread::JoinHandle<()>> {
    let sequencer = Sequencer { shared, ends: found.ends, group: found.group, seats: Seats::default(), down: None, tried_bytes: 0 };
    std::thread::Builder::new().name("log-sequencer".into()).spawn(move || sequencer.run())
}

struct Sequencer {
    shared: Arc<Shared>,
    /// By slot.
    ends: Vec<End>,
    /// Number of the newest group.
    group: u64,
    seats: Seats,
    /// Set while the folder could not be opened again.
    down: Option<Down>,
    /// Of the newest write; what the disk must take again before it counts as mended.
    tried_bytes: usize,
}

struct Down {
    why: LogError,
    next_try: Instant,
}

/// Who waits for the group, and what to tell them.
enum Answer {
    Appended(oneshot::Sender<Result<Vec<Appended>, LogError>>, Vec<Appended>),
    Committed(SyncSender<Result<(), LogError>>),
    Joined(SyncSender<Result<(), LogError>>),
}

/// What became of a group.
enum Outcome {
    Written,
    /// Nothing of it took effect.
    Failed(LogError),
    Unknown(LogError),
}

impl Drop for Sequencer {
    /// However it ends: nobody may wait for it.
    fn drop(&mut self) {
        self.shared.health.set(Some("the log is closed".into()));
        self.shared.queue.close();
        drop(self.shared.queue.take(usize::MAX, None));
        self.shared.tail.wake_all();
    }
}

impl Sequencer {
    fn run(mut self) {
        loop {
            let taken = self.shared.queue.take(self.shared.config.group_bytes, self.down.as_ref().map(|_| REOPEN_PAUSE));
            self.try_again();
            if !taken.requests.is_empty() {
                self.serve(taken.requests);
            }
            if taken.finished {
                return;
            }
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        if let Some(down) = &self.down {
            let why = down.why.clone();
            METRICS.group(WriteOutcome::Failed);
            return requests.into_iter().for_each(|request| refuse(request, why.clone()));
        }
        let (answers, ready) = self.prepare(requests);
        let outcome = match ready {
            Ok(None) => Outcome::Written,
            Ok(Some(ready)) => self.write(ready),
            Err(e) => self.after_failure(e),
        };
        for answer in answers {
            answer.give(&outcome);
        }
    }

    /// Puts all requests into one group; whoever may not commit is told so at once.
    fn prepare(&mut self, requests: Vec<Request>) -> (Vec<Answer>, Result<Option<Ready>, LogError>) {
        let mut answers = Vec::with_capacity(requests.len());
        let shared = Arc::clone(&self.shared);
        let view = match shared.store.view() {
            Ok(view) => view,
            Err(e) => {
                requests.into_iter().for_each(|request| refuse(request, e.clone()));
                return (answers, Err(e));
            }
        };
        let mut group = Group::new(&view, shared.slots, &self.ends, shared.config.chunk_bytes);
        for request in &requests {
            if let Request::Append { batch, appended, .. } = request {
                group.expect(batch, appended);
            }
        }
        let mut trouble = None;
        for request in requests {
            match request {
                Request::Append { batch, mut appended, done } => {
                    group.append(&batch, &mut appended);
                    answers.push(Answer::Appended(done, appended));
                }
                Request::Join { seat, done } => {
                    self.seats.take(&seat);
                    answers.push(Answer::Joined(done));
                }
                Request::Commit { seat, outputs, consumed, done } => match self.may_commit(&seat, &consumed) {
                    Err(fenced) => drop(done.send(Err(fenced))),
                    Ok(()) => {
                        let mut places = shared.slots.places(&outputs);
                        group.expect(&outputs, &places);
                        group.append(&outputs, &mut places);
                        trouble = trouble.or(group.consumed(&seat, &consumed).err());
                        answers.push(Answer::Committed(done));
                    }
                },
            }
        }
        let ready = trouble.map_or_else(|| group.finish(self.group + 1, shared.clock.now_ms()), Err);
        (answers, ready)
    }

    fn may_commit(&self, seat: &Seat, consumed: &[Consumed]) -> Result<(), LogError> {
        if planted::is_on(Bug::NoFencing) {
            return Ok(());
        }
        self.seats.check(seat, consumed.iter().map(|c| c.partition))
    }

    fn write(&mut self, ready: Ready) -> Outcome {
        self.tried_bytes = ready.batch.size_in_bytes();
        let shared = &self.shared;
        shared.hold.before_write(&shared.store, shared.slots, &self.ends, &ready.chunks);
        let began = Instant::now();
        shared.health.write_begins();
        let written = shared.store.write(ready.batch);
        shared.health.write_ended();
        if let Err(e) = written {
            return self.after_failure(e);
        }
        METRICS.group(WriteOutcome::Written);
        METRICS.write_seconds.observe(began.elapsed().as_secs_f64());
        METRICS.group_records.observe(ready.records as f64);
        self.group += 1;
        for (slot, end) in ready.ends {
            self.ends[slot] = end;
        }
        self.shared.tail.publish(ready.chunks);
        Outcome::Written
    }

    /// Finds out what became of a group whose write failed.
    fn after_failure(&mut self, e: LogError) -> Outcome {
        warn!(error = %e, "a write to the log failed; opening it again");
        self.shared.health.set(Some(e.to_string()));
        let tried = self.group + 1;
        match self.recover() {
            Ok(()) if self.group >= tried => {
                METRICS.group(WriteOutcome::Written);
                Outcome::Written
            }
            Ok(()) => {
                METRICS.group(WriteOutcome::Failed);
                Outcome::Failed(e)
            }
            Err(_) => {
                METRICS.group(WriteOutcome::Unknown);
                Outcome::Unknown(e)
            }
        }
    }

    /// While it is down: opens the folder again when it is time.
    fn try_again(&mut self) {
        if self.down.as_ref().is_some_and(|down| Instant::now() >= down.next_try) && self.recover().is_ok() {
            info!("the log takes writes again");
        }
    }

    /// Opens the folder again, takes over what is in it, and writes to see whether it can.
    fn recover(&mut self) -> Result<(), LogError> {
        let shared = &self.shared;
        let found = shared.store.reopen().and_then(|found| {
            self.ends = found.ends;
            self.group = found.group;
            shared.tail.reset(self.ends.iter().map(|e| e.next));
            shared.hold.reopened(&shared.store);
            shared.store.probe(self.tried_bytes)
        });
        self.down = found.clone().err().map(|e| {
            let why = LogError::Unavailable(e.to_string());
            shared.health.set(Some(e.to_string()));
            Down { why, next_try: Instant::now() + REOPEN_PAUSE }
        });
        if found.is_ok() {
            shared.health.set(None);
        }
        found
    }
}

impl Answer {
    fn give(self, outcome: &Outcome) {
        // Whoever asked may have gone away: that is theirs to know.
        match (self, outcome) {
            (Answer::Appended(done, appended), Outcome::Written) => drop(done.send(Ok(appended))),
            (Answer::Appended(done, _), Outcome::Failed(e) | Outcome::Unknown(e)) => drop(done.send(Err(e.clone()))),
            (Answer::Committed(done), Outcome::Written) | (Answer::Joined(done), _) => drop(done.send(Ok(()))),
            (Answer::Committed(done), Outcome::Failed(e)) => drop(done.send(Err(LogError::Aborted(e.to_string())))),
            (Answer::Committed(done), Outcome::Unknown(e)) => drop(done.send(Err(LogError::Unknown(e.to_string())))),
        }
    }
}

/// Answers a request that nothing was done about.
fn refuse(request: Request, why: LogError) {
    match request {
        Request::Append { done, .. } => drop(done.send(Err(why))),
        Request::Commit { done, .. } | Request::Join { done, .. } => drop(done.send(Err(why))),
    }
}
