//! The barrier: waits until every stage has lived through the time, and the read model shows it.
//!
//! Into each partition of a stage's topics goes a tick, and the stage has passed when its committed offsets are past the ticks and it owes nothing: while it is busy it says profiles a little after what it commits. What a stage says into the topics of one before it
//! (a link that forwards, a move) is waited for by going round again, until nothing moves any more or the rounds are used up; under live traffic the latter is the
//! rule, and all that was acknowledged before the call is through by then.
use crate::metrics::FOLDED;
use crate::progress::Progress;
use c360_log::{Batch, Log, LogError};
use c360_schemas::{Tick, Topic};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Rounds at most; a chain of forwards is never longer in practice.
const ROUNDS_MAX: usize = 12;
const WAIT_FIRST: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_millis(20);

/// A machine and what it consumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Consumer group: the machine's name.
    pub group: String,
    pub topics: Vec<Topic>,
}

/// Why the barrier did not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BarrierError {
    #[error("{0} did not get there in time")]
    Timeout(String),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the wait was cut off")]
    Ended,
}

/// Waits for all `stages`, then for the read model.
pub(crate) async fn wait(
    log: &Arc<dyn Log>,
    stages: &[Stage],
    progress: &Progress,
    now: i64,
    deadline: Instant,
) -> Result<(), BarrierError> {
    let mut ticked: Vec<Vec<(Topic, Vec<u64>)>> = vec![Vec::new(); stages.len()];
    for _ in 0..ROUNDS_MAX {
        let mut quiet = true;
        for (stage, ticked) in stages.iter().zip(&mut ticked) {
            if ticked.is_empty() || moved(log, ticked).await? {
                quiet = false;
                *ticked = tick(log, stage, now).await?;
                passed(log, stage, ticked, deadline).await?;
            }
        }
        if quiet {
            break;
        }
    }
    shown(log, progress, deadline).await
}

/// Appends a tick to every partition of the stage's topics; the next offset after it for each.
async fn tick(log: &Arc<dyn Log>, stage: &Stage, now: i64) -> Result<Vec<(Topic, Vec<u64>)>, BarrierError> {
    let partitions = log.partitions();
    let mut batch = Batch::default();
    for topic in &stage.topics {
        for partition in 0..partitions {
            batch.push_with(*topic, Some(partition), |_| (), |_| (), |out| Tick { at: now }.encode(out));
        }
    }
    let mut after: Vec<_> = stage.topics.iter().map(|topic| (*topic, vec![0; partitions as usize])).collect();
    for appended in log.append(batch).await? {
        let of_topic = after.iter_mut().find(|(topic, _)| *topic == appended.topic);
        if let Some(next) = of_topic.and_then(|(_, nexts)| nexts.get_mut(appended.partition as usize)) {
            *next = appended.offset + 1;
        }
    }
    Ok(after)
}

/// Whether something came into the topics after the ticks.
async fn moved(log: &Arc<dyn Log>, ticked: &[(Topic, Vec<u64>)]) -> Result<bool, BarrierError> {
    for (topic, nexts) in ticked {
        let topic = *topic;
        let bounds = blocking(log, move |log| log.bounds(topic)).await?;
        if bounds.iter().zip(nexts).any(|(bounds, next)| bounds.end > *next) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until the stage has committed past the ticks, and has said what it owed.
async fn passed(log: &Arc<dyn Log>, stage: &Stage, ticked: &[(Topic, Vec<u64>)], deadline: Instant) -> Result<(), BarrierError> {
    for (topic, nexts) in ticked {
        let topic = *topic;
        let mut pause = WAIT_FIRST;
        loop {
            let group = stage.group.clone();
            let standing = blocking(log, move |log| log.standing(&group, topic)).await?;
            let is_past =
                |partition: usize, tick: u64| standing.get(partition).copied().flatten().is_some_and(|at| at.next >= tick && !at.owes);
            if nexts.iter().enumerate().all(|(partition, next)| is_past(partition, *next)) {
                break;
            }
            pause_until(deadline, &mut pause, || format!("the stage {} on {}", stage.group, topic.suffix())).await?;
        }
    }
    Ok(())
}

/// Waits until the read model shows all that is in its topics now.
async fn shown(log: &Arc<dyn Log>, progress: &Progress, deadline: Instant) -> Result<(), BarrierError> {
    for topic in FOLDED {
        let ends = blocking(log, move |log| log.bounds(topic)).await?;
        let mut moved = progress.subscribe();
        while !progress.reached(topic, &ends) {
            let wait = tokio::time::timeout_at(deadline, moved.changed()).await;
            let changed = wait.map_err(|_| BarrierError::Timeout(format!("the read model on {}", topic.suffix())))?;
            changed.map_err(|_| BarrierError::Ended)?;
        }
    }
    Ok(())
}

async fn pause_until(deadline: Instant, pause: &mut Duration, what: impl FnOnce() -> String) -> Result<(), BarrierError> {
    if Instant::now() >= deadline {
        return Err(BarrierError::Timeout(what()));
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(WAIT_MAX);
    Ok(())
}

/// Asks the log off the async threads: it may wait for a broker.
async fn blocking<T: Send + 'static>(
    log: &Arc<dyn Log>,
    ask: impl FnOnce(&dyn Log) -> Result<T, LogError> + Send + 'static,
) -> Result<T, BarrierError> {
    let log = log.clone();
    Ok(tokio::task::spawn_blocking(move || ask(&*log)).await.map_err(|_| BarrierError::Ended)??)
}
