//! The outcome of an attempt, into the log: tried until it is there. Until then the delivery's lane waits, so order holds; should the process die before, the attempt is
//! made again, under the same id.
use super::channel::Job;
use super::retry::Decision;
use backon::{BackoffBuilder, ExponentialBuilder};
use c360_log::{Appended, Batch, Clock, Log};
use c360_schemas::{Delivery, DeliveryOutcome, Key, Tick, Topic, Wire};
use std::sync::Arc;
use std::time::Duration;

/// Waits between tries to append.
const APPEND_RETRY_FIRST: Duration = Duration::from_millis(100);
const APPEND_RETRY_MAX: Duration = Duration::from_secs(5);

/// The record of an attempt at `job`.
pub(super) fn outcome(job: &Job, kind: &str, decision: &Decision, now: i64) -> Delivery {
    let what = &job.what;
    Delivery {
        tenant: what.tenant.clone(),
        account_id: what.account_id.clone(),
        alert_id: what.alert_id.clone(),
        revision: what.revision,
        destination: what.destination.clone(),
        kind: kind.to_owned(),
        outcome: decision.outcome,
        at: now,
        attempt: i32::try_from(job.attempts.saturating_add(1)).unwrap_or(i32::MAX),
        status_code: decision.status.map(i32::from),
        error: decision.error.clone(),
        next_attempt_at: decision.next_attempt_at.filter(|_| decision.outcome == DeliveryOutcome::Retry),
        alert: None,
    }
}

/// Appends an outcome.
pub(super) async fn append_outcome(log: &Arc<dyn Log>, delivery: &Delivery) {
    let mut batch = Batch::default();
    let key = Key { tenant: &delivery.tenant, id: &delivery.account_id };
    batch.push(Topic::Deliveries, |out| key.write(out), |out| delivery.encode(out));
    append(log, &batch).await;
}

/// Appends a mark to a partition; its offset.
pub(super) async fn append_mark(log: &Arc<dyn Log>, clock: &Clock, partition: u32) -> u64 {
    let mut batch = Batch::default();
    let tick = Tick { at: clock.now_ms() };
    batch.push_with(Topic::Deliveries, Some(partition), |_| (), |_| (), |out| tick.encode(out));
    append(log, &batch).await.first().map_or(0, |appended| appended.offset)
}

async fn append(log: &Arc<dyn Log>, batch: &Batch) -> Vec<Appended> {
    let mut waits = ExponentialBuilder::new()
        .with_min_delay(APPEND_RETRY_FIRST)
        .with_max_delay(APPEND_RETRY_MAX)
        .with_jitter()
        .without_max_times()
        .build();
    loop {
        match log.append(batch.clone()).await {
            Ok(appended) => return appended,
            Err(error) => tracing::warn!(%error, "the log does not take a delivery's outcome yet"),
        }
        tokio::time::sleep(waits.next().unwrap_or(APPEND_RETRY_MAX)).await;
    }
}
