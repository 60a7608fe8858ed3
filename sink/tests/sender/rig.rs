//! A log in memory of one partition, the machine folding it, and the sender performing its effects: the sink without an engine under it.
use c360_engine::{Actions, At, Machine, Shell, State};
use c360_log::{Appended, Batch, Bounds, Clock, Consumed, Headers, Log, LogError, Member, MemberSpec, Reader, RecordRef};
use c360_schemas::{Alert, AlertStatus, Contribution, Delivery, DeliveryOutcome, Key, Severity, Topic, Wire};
use c360_sink::{Deliver, DeliverEffect, Sender, SinkConfig};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) topic: Topic,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// Appends to memory; fails as often as it is told.
#[derive(Default)]
pub(crate) struct MemoryLog {
    records: Mutex<Vec<Stored>>,
    changed: Notify,
    pub(crate) fail_next: AtomicUsize,
    pub(crate) failed: AtomicUsize,
}

impl MemoryLog {
    pub(crate) fn records(&self) -> Vec<Stored> {
        self.records.lock().clone()
    }

    pub(crate) fn put(&self, batch: &Batch) -> Vec<Appended> {
        let mut records = self.records.lock();
        let mut appended = Vec::new();
        for entry in batch.entries() {
            appended.push(Appended { topic: entry.topic, partition: 0, offset: records.len() as u64 });
            records.push(Stored { topic: entry.topic, key: batch.key(entry).to_vec(), value: batch.value(entry).to_vec() });
        }
        drop(records);
        self.changed.notify_one();
        appended
    }

    /// Attempts' outcomes so far.
    pub(crate) fn outcomes(&self) -> Vec<Delivery> {
        let all = self.records();
        let deliveries = all.iter().filter(|r| r.topic == Topic::Deliveries).filter_map(|r| Delivery::decode(&r.value).ok());
        deliveries.filter(|d| d.outcome != DeliveryOutcome::Planned).collect()
    }
}

impl Log for MemoryLog {
    fn partitions(&self) -> u32 {
        1
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        let fails = self.fail_next.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        let result = if fails {
            self.failed.fetch_add(1, Ordering::SeqCst);
            Err(LogError::Overloaded)
        } else {
            Ok(self.put(&batch))
        };
        Box::pin(async { result })
    }

    fn member(&self, _: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Err(LogError::Setup("none here".into()))
    }

    fn reader(&self, _: &[Topic], _: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Err(LogError::Setup("none here".into()))
    }

    fn standing(&self, _: &str, _: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        Ok(vec![None])
    }

    fn bounds(&self, _: Topic) -> Result<Vec<Bounds>, LogError> {
        Ok(vec![Bounds::default()])
    }

    fn healthy(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// The machine over the log: as far as `next`.
pub(crate) struct Fold {
    machine: Deliver,
    state: State,
    next: usize,
}

impl Fold {
    pub(crate) fn new(machine: Deliver) -> Self {
        Self { machine, state: State::in_memory(), next: 0 }
    }

    /// Folds the log on up to `end`; effects, and outputs into the log where `live`.
    pub(crate) fn fold(&mut self, log: &MemoryLog, end: usize, live: bool) -> Vec<DeliverEffect> {
        let mut actions = Actions::default();
        for (i, stored) in log.records().iter().enumerate().take(end).skip(self.next) {
            let at = At { now: 1_795_341_600_000 + i as i64, partition: 0, offset: i as u64 };
            let record = RecordRef {
                topic: stored.topic,
                partition: 0,
                offset: i as u64,
                recorded_at: at.now,
                key: &stored.key,
                value: &stored.value,
                headers: Headers::default(),
            };
            self.machine.apply(at, &record, &mut self.state, &mut actions).unwrap();
            self.next = i + 1;
        }
        self.machine.flush(At::default(), &mut self.state, &mut actions).unwrap();
        if live && !actions.outputs.is_empty() {
            log.put(&actions.outputs);
        }
        actions.effects
    }

    pub(crate) fn live(&mut self) -> Vec<DeliverEffect> {
        let mut actions = Actions::default();
        self.machine.on_live(At::default(), &mut self.state, &mut actions).unwrap();
        actions.effects
    }
}

/// All of it, running.
pub(crate) struct Rig {
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) sender: Arc<Sender>,
    pump: tokio::task::JoinHandle<()>,
}

impl Rig {
    pub(crate) fn start(config: &str) -> Self {
        Self::restart(config, Arc::default(), 0)
    }

    /// Starts over `log`, whose first `committed` records were committed before.
    pub(crate) fn restart(config: &str, log: Arc<MemoryLog>, committed: usize) -> Self {
        let config: SinkConfig = toml::from_str(config).unwrap();
        let sender = Sender::start(config, log.clone(), Clock::real(), tokio::runtime::Handle::current()).unwrap();
        let mut fold = Fold::new(sender.machine());
        fold.fold(&log, committed, false);
        sender.perform(0, fold.live());
        let (to, from) = (sender.clone(), log.clone());
        let pump = tokio::spawn(async move {
            loop {
                let effects = fold.fold(&from, usize::MAX, true);
                to.perform(0, effects);
                from.changed.notified().await;
            }
        });
        Self { log, sender, pump }
    }

    /// Ends at once, as a crash would.
    pub(crate) fn kill(self) -> Arc<MemoryLog> {
        self.pump.abort();
        self.log.clone()
    }

    /// Appends an alert of `account`.
    pub(crate) fn alert(&self, account: &str, alert_id: &str) {
        let alert = alert(account, alert_id);
        let mut batch = Batch::default();
        let key = Key { tenant: "default", id: account };
        batch.push(Topic::Alerts, |out| key.write(out), |out| alert.encode(out));
        self.log.put(&batch);
    }

    /// Waits until there are `n` outcomes and gives them.
    pub(crate) async fn outcomes(&self, n: usize) -> Vec<Delivery> {
        until(&format!("{n} outcomes"), || self.log.outcomes().len() >= n).await;
        self.log.outcomes()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Waits for a condition, for at most 20 seconds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A configuration with fast retries; `webhooks` are name and URL.
pub(crate) fn webhooks(webhooks: &[(&str, &str)]) -> String {
    let limits = "allow_private = true\nlimits = { retry_first_ms = 20, retry_delay_max_ms = 100, connect_timeout_ms = 1000, answer_timeout_ms = 1000, webhook_per_second = 10000 }\n";
    let each = webhooks
        .iter()
        .map(|(name, url)| format!("[[destinations]]\nname = '{name}'\nkind = 'webhook'\nurl = '{url}'\nsecret = '{SECRET}'\n"));
    limits.to_owned() + &each.collect::<String>()
}

pub(crate) fn alert(account: &str, alert_id: &str) -> Alert {
    let line = Contribution {
        measure: "past_due".into(),
        group: "billing".into(),
        before: Some(100),
        after: Some(0),
        contribution: -31,
        events: vec!["evt_1".into()],
    };
    Alert {
        alert_id: alert_id.into(),
        revision: 1,
        alert_type: "health.changed".into(),
        status: AlertStatus::Open,
        severity: Severity::Critical,
        at: 1_795_341_600_000,
        notify: true,
        tenant: "default".into(),
        account_id: account.into(),
        account_name: Some("Acme".into()),
        owner_name: None,
        owner_email: None,
        band_before: Some("green".into()),
        band_after: Some("red".into()),
        score_before: Some(72),
        score_after: Some(41),
        receipt: vec![line],
        playbook: None,
        why: None,
        acknowledged_by: None,
        snoozed_until: None,
        verdict: None,
        actions: Vec::new(),
    }
}
