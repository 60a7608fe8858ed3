//! Senders and the receiver behind them. A sender is one process's hands: it has what the machine told it, sends a customer's deliveries in order, and says in the log what came of them.
use crate::mischief::Mischief;
use crate::scenario::Trouble;
use c360_engine::Shell;
use c360_log::{Batch, Clock, Log};
use c360_schemas::{Delivery, DeliveryOutcome, Key, Topic, Wire};
use c360_sink::{DeliverEffect, Outgoing, RowKey};
use futures::executor::block_on;
use parking_lot::Mutex;
use std::sync::Arc;

/// What identifies a delivery: alert, revision and destination.
pub(crate) type DeliveryId = (String, i32, String);

/// Everything that was accepted, in order.
#[derive(Default)]
pub(crate) struct Receiver {
    pub(crate) accepted: Mutex<Vec<(String, DeliveryId)>>,
}

pub(crate) struct Sender {
    jobs: Mutex<Vec<(u32, Outgoing)>>,
    receiver: Arc<Receiver>,
    mischief: Arc<Mischief>,
    log: Arc<dyn Log>,
    clock: Clock,
}

impl Sender {
    pub(crate) fn new(receiver: Arc<Receiver>, mischief: Arc<Mischief>, log: Arc<dyn Log>, clock: Clock) -> Self {
        Self { jobs: Mutex::default(), receiver, mischief, log, clock }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.lock().is_empty()
    }

    /// Tries one delivery: the first of some customer at some destination.
    pub(crate) fn step(&self) {
        let Some(job) = self.pick() else { return };
        let (accepts, answers) = match self.mischief.comes(Trouble::Receiver, 1, 3) {
            false => (true, true),
            true => (self.mischief.below(2) == 0, false),
        };
        let id = (job.alert_id.clone(), job.revision, job.destination.clone());
        if accepts {
            self.receiver.accepted.lock().push((format!("{}/{}", job.tenant, job.account_id), id));
        }
        self.record(&job, answers);
    }

    fn pick(&self) -> Option<Outgoing> {
        let jobs = self.jobs.lock();
        let whose = |job: &Outgoing| (job.destination.clone(), job.tenant.clone(), job.account_id.clone());
        let firsts: Vec<&Outgoing> = (jobs.iter().enumerate())
            .filter(|(index, (_, job))| jobs.iter().take(*index).all(|(_, earlier)| whose(earlier) != whose(job)))
            .map(|(_, (_, job))| job)
            .collect();
        firsts.get(self.mischief.below(firsts.len())).map(|job| (*job).clone())
    }

    /// What came of it goes into the log. Where that fails it is sent again.
    fn record(&self, job: &Outgoing, delivered: bool) {
        let delivery = Delivery {
            tenant: job.tenant.clone(),
            account_id: job.account_id.clone(),
            alert_id: job.alert_id.clone(),
            revision: job.revision,
            destination: job.destination.clone(),
            kind: job.kind.clone(),
            outcome: if delivered { DeliveryOutcome::Delivered } else { DeliveryOutcome::Retry },
            at: self.clock.now_ms(),
            attempt: job.attempts.cast_signed() + 1,
            status_code: Some(if delivered { 200 } else { 500 }),
            error: None,
            next_attempt_at: (!delivered).then(|| self.clock.now_ms()),
            alert: None,
        };
        let mut batch = Batch::default();
        let key = Key { tenant: &job.tenant, id: &job.account_id };
        batch.push(Topic::Deliveries, |out| key.write(out), |out| delivery.encode(out));
        if block_on(self.log.append(batch)).is_ok() && delivered {
            self.forget(&job.key);
        }
    }

    fn forget(&self, key: &RowKey) {
        self.jobs.lock().retain(|(_, job)| job.key != *key);
    }
}

impl Shell<DeliverEffect> for Sender {
    fn perform(&self, partition: u32, effects: Vec<DeliverEffect>) {
        for effect in effects {
            match effect {
                DeliverEffect::Live => self.revoked(partition),
                DeliverEffect::Send(job) => self.jobs.lock().push((partition, job)),
                DeliverEffect::Done(key) => self.forget(&key),
                DeliverEffect::Passed(_) | DeliverEffect::Pending(_) => {}
            }
        }
    }

    fn revoked(&self, partition: u32) {
        self.jobs.lock().retain(|(of, _)| *of != partition);
    }
}
