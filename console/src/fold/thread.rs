//! The fold's thread: reads the log on from the positions in the file, and commits batch after batch.
//!
//! Whatever goes wrong ends the session, and the next one starts from what is committed. Rows and positions are one transaction, so the crash of the process at any point is no
//! different. A file that is ahead of the log belongs to another log and is emptied; records that the log no longer keeps are passed over.
use super::batch::Batch;
use crate::config::ConsoleLimits;
use crate::db::{positions, schema};
use crate::live::Live;
use crate::metrics::{FOLDED, METRICS};
use crate::progress::Progress;
use c360_log::{Bounds, Log, LogError, Reader};
use c360_schemas::Topic;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often the lag is measured.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// All that the thread owns.
pub(crate) struct Folder {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) connection: Connection,
    pub(crate) progress: Arc<Progress>,
    pub(crate) live: Arc<Live>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) limits: ConsoleLimits,
}

#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("read model: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Folder {
    /// Folds until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut pause = RETRY_FIRST;
        while !self.stopped() {
            let started = Instant::now();
            let Err(error) = self.session() else { return };
            if started.elapsed() > RETRY_MAX {
                pause = RETRY_FIRST;
            }
            match &error {
                SessionError::Sqlite(e) if schema::unreadable(e) => {
                    tracing::error!(%error, "the read model is broken: stop the console, delete its file, and it is folded again");
                }
                _ => tracing::warn!(%error, "the fold starts again from what is committed"),
            }
            self.wait(pause);
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn wait(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stopped() && Instant::now() < until {
            // Alive, though it can do nothing: whether the log is there is told by the log's own health.
            self.progress.beat();
            std::thread::sleep(RETRY_FIRST.min(pause));
        }
    }

    fn session(&mut self) -> Result<(), SessionError> {
        let ends = self.ends()?;
        let mut saved = self.positions(&ends)?;
        let from: Vec<_> = saved.iter().map(|((topic, partition), next)| (*topic, *partition, *next)).collect();
        let mut reader = self.log.reader(&FOLDED, &from).map_err(|e| self.pass_over(e))?;
        let mut batch = Batch::default();
        let mut measured: Option<Instant> = None;
        while !self.stopped() {
            self.progress.beat();
            let timeout = Duration::from_millis(self.limits.fold_poll_ms);
            // What came before an error is not committed, and is read again.
            reader.poll(timeout, self.limits.fold_batch_records_max, &mut |record| batch.take(&record)).map_err(|e| self.pass_over(e))?;
            self.commit(&mut batch, reader.as_ref(), &mut saved)?;
            if !self.progress.caught_up() && ends.iter().all(|(topic, ends)| self.progress.reached(*topic, ends)) {
                self.progress.set_caught_up();
                tracing::info!("the read model shows all that was in the log at the start");
            }
            if measured.is_none_or(|at| at.elapsed() >= LAG_EVERY) {
                measured = Some(Instant::now());
                let lag: u64 = self.ends()?.iter().map(|(topic, ends)| self.progress.lag(*topic, ends)).sum();
                METRICS.lag.set(lag as i64);
            }
        }
        Ok(())
    }

    fn ends(&self) -> Result<Vec<(Topic, Vec<Bounds>)>, LogError> {
        FOLDED.iter().map(|topic| Ok((*topic, self.log.bounds(*topic)?))).collect()
    }

    /// Where to read on from; nowhere, and an empty read model, where the file is ahead of the log.
    fn positions(&self, ends: &[(Topic, Vec<Bounds>)]) -> Result<FxHashMap<(Topic, u32), u64>, SessionError> {
        let saved = positions::load(&self.connection)?;
        let end = |topic: Topic, partition: u32| ends.iter().find(|(t, _)| *t == topic).and_then(|(_, ends)| ends.get(partition as usize));
        let ahead = saved.iter().find(|(topic, partition, next)| end(*topic, *partition).is_none_or(|bounds| *next > bounds.end));
        if let Some((topic, partition, next)) = ahead {
            let end = end(*topic, *partition).map(|bounds| bounds.end);
            let topic = topic.suffix();
            tracing::warn!(topic, partition, next, ?end, "the read model is ahead of the log, so it is another log's: it is folded again");
            schema::empty(&self.connection)?;
            return Ok(FxHashMap::default());
        }
        Ok(saved.into_iter().map(|(topic, partition, next)| ((topic, partition), next)).collect())
    }

    /// Writes a batch and the positions after it in one transaction, and tells whoever waits.
    fn commit(&mut self, batch: &mut Batch, reader: &dyn Reader, saved: &mut FxHashMap<(Topic, u32), u64>) -> Result<(), SessionError> {
        let partitions = self.log.partitions();
        let now: Vec<_> = FOLDED
            .iter()
            .flat_map(|topic| (0..partitions).map(|partition| (*topic, partition, reader.position(*topic, partition))))
            .collect();
        if batch.is_empty() {
            // Only the log's own marks went by: nothing to write, and the positions are right as they are.
            self.progress.publish(now.into_iter());
            return Ok(());
        }
        let started = Instant::now();
        let transaction = self.connection.transaction()?;
        let changes = batch.write(&transaction)?;
        for (topic, partition, next) in &now {
            if saved.insert((*topic, *partition), *next) != Some(*next) {
                positions::save(&transaction, *topic, *partition, *next)?;
            }
        }
        transaction.commit()?;
        METRICS.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.progress.publish(now.into_iter());
        self.live.publish(changes);
        Ok(())
    }

    /// Where the log no longer keeps what is to be read next, moves the position on to what it keeps, for the next session.
    fn pass_over(&self, error: LogError) -> SessionError {
        if let LogError::OffsetGone { topic, partition, start, .. } = error
            && let Some(gone) = FOLDED.into_iter().find(|t| topic.ends_with(t.suffix()))
            && let Err(error) = self.skip(gone, partition, start)
        {
            return error.into();
        }
        error.into()
    }

    /// Customers of a partition of profiles are dropped, as their removal may be among what is gone; those that live come again.
    fn skip(&self, topic: Topic, partition: u32, next: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        if topic == Topic::Profiles {
            let ids = "SELECT id FROM customers WHERE partition = ?1";
            transaction.execute(&format!("DELETE FROM customer_search WHERE rowid IN ({ids})"), [partition])?;
            transaction.execute(&format!("DELETE FROM views WHERE id IN ({ids})"), [partition])?;
            transaction.execute("DELETE FROM customers WHERE partition = ?1", [partition])?;
        }
        positions::save(&transaction, topic, partition, next)?;
        transaction.commit()
    }
}
