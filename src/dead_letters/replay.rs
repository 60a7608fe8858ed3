//! Takes letters again: events first, then the word that the letter was taken.
//!
//! A kill in between leaves letters whose events are in the log and that nobody said so of: they are taken once more, with the same message ids, and count once. A letter that
//! is refused again stays as it is.
use super::filter::Filter;
use super::letter::{Found, Letter, Place, TAKEN_AGAIN, time};
use super::scan::{self, Todo};
use c360_ingest::{Ingest, Letter as IngestLetter, RetakeError};
use c360_log::{Batch, CONNECT_PREFIX, Clock, Headers, Log, LogError};
use c360_schemas::{DeadLetter, Topic, Wire};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Letters on their way at a time.
const LETTERS_MAX: usize = 16;
/// Letters that are named in an answer.
const NAMED_MAX: usize = 1_000;
const REASON: &str = "taken_again";
const STAGE: &str = "replay";
/// As the engine marks letters of timers.
const TIMER: &str = "c360.timer.due";

/// What letters are taken again by.
#[derive(Clone)]
pub(crate) struct Replayer {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) ingest: Ingest,
    pub(crate) clock: Clock,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) filter: Filter,
    pub(crate) tenant: String,
    /// Those too that were taken again before.
    pub(crate) again: bool,
    pub(crate) dry_run: bool,
}

/// What became of a letter.
enum Outcome {
    Taken(u64),
    Refused { reason: String, message: String },
}

impl Replayer {
    /// Takes the letters of an order again; the answer names those that were refused.
    ///
    /// # Errors
    /// Where the log does not go on: what was taken until then is marked, and the same order goes on with the rest.
    pub(crate) async fn run(&self, order: Order) -> Result<Value, LogError> {
        let (log, wanted) = (Arc::clone(&self.log), order.clone());
        let todo = blocking(move || scan::todo(&*log, &wanted.filter, &wanted.tenant, wanted.again)).await?;
        let (before, more) = (todo.before, todo.more);
        let (sender, receiver) = mpsc::channel(LETTERS_MAX);
        let log = Arc::clone(&self.log);
        let reading = tokio::task::spawn_blocking(move || read(&*log, todo, &sender));
        let letters =
            stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Letter>| receiver.recv().await.map(|letter| (letter, receiver)));
        let mut outcomes = std::pin::pin!(letters.map(|letter| self.one(letter, &order)).buffered(LETTERS_MAX));
        let (mut taken, mut events, mut refused_count, mut refused) = (0_u64, 0_u64, 0_u64, Vec::new());
        while let Some(outcome) = outcomes.next().await {
            match outcome? {
                (_, Outcome::Taken(became)) => {
                    taken += 1;
                    events += became;
                }
                (place, Outcome::Refused { reason, message }) => {
                    refused_count += 1;
                    if refused.len() < NAMED_MAX {
                        refused.push(json!({"position": place.to_string(), "reason": reason, "message": message}));
                    }
                }
            }
        }
        reading.await.map_err(|error| LogError::Fatal(error.to_string()))??;
        Ok(json!({
            "dry_run": order.dry_run, "taken": taken, "events": events, "replayed_before": before,
            "refused_count": refused_count, "refused": refused, "more": more,
        }))
    }

    async fn one(&self, letter: Letter, order: &Order) -> Result<(Place, Outcome), LogError> {
        let outcome = if order.dry_run { self.look(&letter)? } else { self.take(&letter).await? };
        if !order.dry_run && matches!(outcome, Outcome::Taken(_)) {
            self.log.append(mark(&letter, self.clock.now_ms())).await?;
        }
        Ok((letter.place, outcome))
    }

    fn look(&self, letter: &Letter) -> Result<Outcome, LogError> {
        if Ingest::is_mine(&letter.letter) {
            return of_ingest(self.ingest.try_letter(for_ingest(letter, &made_id(letter))).map(|retaken| retaken.events));
        }
        Ok(record(letter).map_or_else(|outcome| outcome, |_| Outcome::Taken(1)))
    }

    async fn take(&self, letter: &Letter) -> Result<Outcome, LogError> {
        if Ingest::is_mine(&letter.letter) {
            return of_ingest(self.ingest.retake(for_ingest(letter, &made_id(letter))).await.map(|retaken| retaken.events));
        }
        match record(letter) {
            Err(outcome) => Ok(outcome),
            Ok(batch) => {
                self.log.append(batch).await?;
                Ok(Outcome::Taken(1))
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, LogError> + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LogError::Fatal(error.to_string()))?
}

/// Hands over the letters that are to be taken, until nobody wants them any more.
fn read(log: &dyn Log, mut todo: Todo, sender: &mpsc::Sender<Letter>) -> Result<(), LogError> {
    if todo.places.is_empty() {
        return Ok(());
    }
    scan::each(log, &mut |found| match found {
        Found::Letter(letter) if todo.places.remove(&letter.place) => {
            let gone = sender.blocking_send(letter).is_err();
            if gone || todo.places.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        _ => ControlFlow::Continue(()),
    })
}

/// Follows from the letter, so that an event without an id of its own counts once.
fn made_id(letter: &Letter) -> String {
    format!("dead-letter:{}", letter.place)
}

fn for_ingest<'a>(letter: &'a Letter, made_id: &'a str) -> IngestLetter<'a> {
    IngestLetter { letter: &letter.letter, headers: letter.headers(), made_id }
}

fn of_ingest(result: Result<u64, RetakeError>) -> Result<Outcome, LogError> {
    match result {
        Ok(events) => Ok(Outcome::Taken(events)),
        Err(RetakeError::Refused { reason, message }) => Ok(Outcome::Refused { reason: reason.into(), message }),
        Err(RetakeError::Unacknowledged(message)) => Err(LogError::Unavailable(message)),
    }
}

/// A record that a machine refused goes back to its topic with the key and the headers that it had.
fn record(letter: &Letter) -> Result<Batch, Outcome> {
    let no_way = |message: &str| Outcome::Refused { reason: "no_way_back".into(), message: message.into() };
    if letter.headers().get(TIMER).is_some() {
        return Err(no_way("it was a timer and no record: it fires no more"));
    }
    let name = letter.headers().get(&format!("{CONNECT_PREFIX}topic")).unwrap_or_default();
    let topic = Topic::ALL.into_iter().find(|topic| topic.suffix().as_bytes() == name).ok_or_else(|| no_way("its topic is not known"))?;
    let headers = |out: &mut Vec<u8>| {
        for (name, value) in letter.headers().iter().filter(|(name, _)| !name.starts_with(CONNECT_PREFIX)) {
            Headers::write(out, name, value);
        }
    };
    let mut batch = Batch::default();
    batch.push_with(topic, None, |out| out.extend_from_slice(&letter.key), headers, |out| out.extend_from_slice(&letter.letter.original));
    Ok(batch)
}

/// The word that a letter was taken again, beside it in its partition.
fn mark(letter: &Letter, now: i64) -> Batch {
    let word = DeadLetter {
        tenant: letter.letter.tenant.clone(),
        source: letter.letter.source.clone(),
        stage: STAGE.into(),
        reason: REASON.into(),
        message: format!("the letter at {} of {} was taken again", letter.place, time(letter.letter.at)),
        at: now,
        original: Vec::new(),
        content_type: None,
        path: None,
    };
    let place = letter.place.to_string();
    let mut batch = Batch::default();
    batch.push_with(
        Topic::DeadLetters,
        Some(letter.place.partition),
        |out| out.extend_from_slice(&letter.key),
        |out| Headers::write(out, TAKEN_AGAIN, place.as_bytes()),
        |out| word.encode(out),
    );
    batch
}
