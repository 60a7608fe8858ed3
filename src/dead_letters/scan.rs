//! Goes through the topic of dead letters, from its beginning to where its end was.
use super::filter::Filter;
use super::letter::{Found, Letter, Place, read};
use c360_log::{Log, LogError};
use c360_schemas::Topic;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How long the log is waited for at a time.
const POLL: Duration = Duration::from_millis(200);
const POLL_RECORDS_MAX: usize = 1_000;
/// Without a record for so long the log is taken to be gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands over what stands in the topic now, each partition in its order, until `on` has enough. Blocks.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) fn each(log: &dyn Log, on: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<(), LogError> {
    let ends = log.bounds(Topic::DeadLetters)?;
    let mut reader = log.reader(&[Topic::DeadLetters], &[])?;
    let mut moved = Instant::now();
    loop {
        let behind = |place: usize| reader.position(Topic::DeadLetters, place as u32) < ends[place].end;
        if !(0..ends.len()).any(behind) {
            return Ok(());
        }
        let mut enough = false;
        let records = reader.poll(POLL, POLL_RECORDS_MAX, &mut |record| {
            let is_new = ends.get(record.partition as usize).is_none_or(|bounds| record.offset >= bounds.end);
            if !enough
                && !is_new
                && let Some(found) = read(&record)
            {
                enough = on(found).is_break();
            }
        })?;
        if enough {
            return Ok(());
        }
        if records > 0 {
            moved = Instant::now();
        } else if moved.elapsed() > PATIENCE {
            return Err(LogError::Unavailable("the dead letters cannot be read to their end".into()));
        }
    }
}

/// Which letters were taken again, and when the last time.
pub(crate) type TakenAgain = HashMap<Place, i64>;

/// The newest letters that fit.
pub(crate) struct Listing {
    /// The newest first.
    pub(crate) letters: Vec<(Letter, Option<i64>)>,
    /// All that fit.
    pub(crate) total: u64,
}

/// Lists letters.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) fn list(log: &dyn Log, filter: &Filter, tenant: &str) -> Result<Listing, LogError> {
    let (mut newest, mut taken, mut total) = (BTreeMap::new(), TakenAgain::new(), 0);
    each(log, &mut |found| {
        match found {
            Found::TakenAgain(place, at) => {
                taken.insert(place, at);
            }
            Found::Letter(letter) if filter.fits(&letter, tenant) => {
                total += 1;
                newest.insert((letter.letter.at, letter.place), letter);
                if newest.len() > filter.limit() {
                    newest.pop_first();
                }
            }
            Found::Letter(_) => {}
        }
        ControlFlow::Continue(())
    })?;
    let letters =
        newest.into_values().rev().map(|letter| (taken.get(&letter.place).copied(), letter)).map(|(at, letter)| (letter, at)).collect();
    Ok(Listing { letters, total })
}

/// What is to be taken again.
#[derive(Debug, Default)]
pub(crate) struct Todo {
    /// In the order of their places.
    pub(crate) places: BTreeSet<Place>,
    /// Those that were taken again before.
    pub(crate) before: u64,
    /// There are more than the limit.
    pub(crate) more: bool,
}

/// Finds the letters that fit and were not taken again yet; with `again` those that were, too.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) fn todo(log: &dyn Log, filter: &Filter, tenant: &str, again: bool) -> Result<Todo, LogError> {
    // Places are small: all that fit, since what was taken before is known at the end only.
    let (mut fitting, mut taken) = (BTreeSet::new(), TakenAgain::new());
    each(log, &mut |found| {
        match found {
            Found::TakenAgain(place, at) => {
                taken.insert(place, at);
            }
            Found::Letter(letter) if filter.fits(&letter, tenant) => {
                fitting.insert((letter.letter.at, letter.place));
            }
            Found::Letter(_) => {}
        }
        ControlFlow::Continue(())
    })?;
    let mut todo = Todo::default();
    for (_, place) in fitting {
        if taken.contains_key(&place) {
            todo.before += 1;
            if !again {
                continue;
            }
        }
        if todo.places.len() >= filter.limit() {
            todo.more = true;
            break;
        }
        todo.places.insert(place);
    }
    Ok(todo)
}
