//! What goes on beside a worker for one partition: asking the store, uploading, removing old ones, telling the log what must stay.
use super::catalog::Catalog;
use super::layout::Place;
use super::observe::{self, Outcome};
use super::retention::Retention;
use super::schedule::Schedule;
use super::seat::{Seat, Told};
use super::upload::{Upload, Uploaded};
use super::{SnapshotError, SnapshotInfo, prune};
use c360_log::Clock;
use c360_schemas::Topic;
use std::sync::Arc;
use std::time::Duration;

/// Of the grace time, an upload may take this part: it refers to files that may go after the grace time.
const UPLOAD_SHARE: u32 = 2;
/// After a failure it is tried again when this part of the interval is over.
const RETRY_SHARE: u32 = 10;
const RETRY_MIN: Duration = Duration::from_secs(1);
/// First snapshots of partitions that have none are spread over the interval by so many.
const SPREAD: u32 = 8;

/// What goes on beside the worker for one partition.
pub(super) struct Job {
    pub(super) schedule: Arc<Schedule>,
    pub(super) place: Place,
    pub(super) inputs: &'static [Topic],
    pub(super) seat: Arc<Seat>,
}

impl Job {
    /// Asks the store how old the newest snapshot is.
    pub(super) async fn look_up(self) {
        match Catalog::read(&self.schedule.store, &self.place).await {
            Ok(catalog) => {
                let newest = catalog.good().next_back().map(|newest| newest.taken_at_ms);
                if let Some(at_ms) = newest {
                    observe::newest(&self.place.machine, self.place.partition, at_ms);
                }
                self.seat.set_due(self.schedule.every.map(|every| wait_after(every, self.place.partition, newest, Clock::real_ms())));
                self.hold_the_log(&catalog).await;
            }
            Err(error) => {
                self.complain(&error.to_string());
                self.seat.set_due(self.retry());
            }
        }
    }

    /// Takes a checkpoint to the store, and tidies up.
    pub(super) async fn upload(self, request: u64, upload: Result<Upload, SnapshotError>) {
        let result = match &upload {
            Ok(upload) => self.bounded(upload).await,
            Err(error) => Err(error.clone()),
        };
        if let Ok(upload) = upload {
            let _ = tokio::fs::remove_dir_all(&upload.dir).await;
        }
        let result = match result {
            Ok(uploaded) => {
                self.seat.set_due(self.schedule.every);
                Ok(self.show(uploaded))
            }
            Err(error) => {
                self.seat.set_due(self.retry());
                observe::count(&self.place.machine, Outcome::Failed);
                self.complain(&error.to_string());
                Err(error.to_string())
            }
        };
        if result.is_ok()
            && let Err(error) = self.tidy_up().await
        {
            self.complain(&format!("it was taken, but old ones could not be removed: {error}"));
        }
        self.seat.tell(Told { request, result: Some(result) });
    }

    /// One of few at a time, and within the time for which its files are sure to stay.
    async fn bounded(&self, upload: &Upload) -> Result<Uploaded, SnapshotError> {
        let _turn = self.schedule.store.uploads.acquire().await.map_err(|e| SnapshotError::Store(e.to_string()))?;
        let limit = self.schedule.keep.grace / UPLOAD_SHARE;
        let late = |_| SnapshotError::Store(format!("the upload took longer than {limit:?}; raise engine.snapshots.grace_s"));
        tokio::time::timeout(limit.max(RETRY_MIN), upload.run(&self.schedule.store)).await.map_err(late)?
    }

    fn show(&self, uploaded: Uploaded) -> (SnapshotInfo, bool) {
        let (snapshot, outcome) = match uploaded {
            Uploaded::Taken(snapshot) => (snapshot, Outcome::Taken),
            Uploaded::Unchanged(snapshot) => (snapshot, Outcome::Unchanged),
        };
        let (machine, partition, sequence) = (&snapshot.machine, snapshot.partition, snapshot.sequence);
        observe::count(machine, outcome);
        observe::newest(machine, partition, Clock::real_ms());
        if outcome == Outcome::Taken {
            observe::uploaded(&snapshot);
            tracing::info!(machine, partition, sequence, bytes = snapshot.bytes, new_bytes = snapshot.new_bytes, "a snapshot was taken");
        }
        (snapshot, outcome == Outcome::Taken)
    }

    async fn tidy_up(&self) -> Result<(), SnapshotError> {
        prune::prune(&self.schedule.store, &self.place, self.schedule.keep).await?;
        let catalog = Catalog::read(&self.schedule.store, &self.place).await?;
        self.hold_the_log(&catalog).await;
        Ok(())
    }

    async fn hold_the_log(&self, catalog: &Catalog) {
        let Some(every) = self.schedule.every else { return };
        let retention = Retention::of(&self.place, self.inputs, catalog, every);
        let log = Arc::clone(&self.schedule.log);
        // Kafka is asked over the network.
        if tokio::task::spawn_blocking(move || retention.tell(&*log)).await.is_err() {
            self.complain("the log's retention could not be looked at");
        }
    }

    fn retry(&self) -> Option<Duration> {
        self.schedule.every.map(|every| (every / RETRY_SHARE).max(RETRY_MIN))
    }

    fn complain(&self, error: &str) {
        tracing::warn!(
            machine = self.place.machine,
            partition = self.place.partition,
            error,
            "snapshots: something failed; it is tried again"
        );
    }
}

impl Drop for Job {
    /// However it ends: the next one may begin.
    fn drop(&mut self) {
        self.seat.leave();
    }
}

/// How long until the next one, where the newest was taken at `newest_ms`.
fn wait_after(every: Duration, partition: u32, newest_ms: Option<i64>, now_ms: i64) -> Duration {
    match newest_ms {
        Some(at) => every.saturating_sub(Duration::from_millis(u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0))),
        None => every * (1 + partition % SPREAD) / SPREAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_do_not_put_the_next_one_off_and_first_ones_are_spread() {
        let every = Duration::from_secs(80);
        let wait = |partition, newest| wait_after(every, partition, newest, 1_000_000).as_secs();
        assert_eq!([wait(0, Some(1_000_000)), wait(0, Some(970_000)), wait(0, Some(0))], [80, 50, 0]);
        assert_eq!(wait(0, Some(2_000_000)), 80, "a clock that was set back");
        assert_eq!([wait(0, None), wait(1, None), wait(7, None), wait(8, None)], [10, 20, 80, 10]);
    }
}
