//! The dispatcher: one task that owns all lanes, decides what starts when, and never waits for any of it.
use super::Message;
use super::attempt::Poster;
use super::bucket::Bucket;
use super::channel::{Channel, Job, Next};
use super::partitions::Partitions;
use super::record;
use super::retry::{self, Answer, Decision, Tries};
use crate::config::{Kind, Limits};
use crate::deliver::{DeliverEffect, Outgoing};
use crate::metrics::METRICS;
use crate::target::Target;
use c360_log::{Clock, Log};
use c360_schemas::{Delivery, DeliveryOutcome};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How often the gauges are set.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// How long a delivery rests whose task broke down.
const REST_AFTER_PANIC: Duration = Duration::from_secs(60);
/// A sleep for when nothing is due; anything that comes ends it.
const LONG: Duration = Duration::from_secs(3_600);

/// What attempts need.
pub(super) struct World {
    pub(super) poster: Poster,
    pub(super) log: Arc<dyn Log>,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
}

/// What a task brings back.
enum Step {
    /// The answer is there; its outcome is not in the log yet.
    Answered(Job, Option<Kind>, Decision),
    /// The outcome is in the log.
    Recorded(Job, Decision),
    /// The mark of a partition's life is in the log.
    Marked { partition: u32, life: u64, offset: u64 },
}

/// When to look at a destination again; at one lane of it, or at all.
type Wake = (Instant, Arc<str>, Option<Arc<str>>);

pub(super) struct Dispatcher {
    world: Arc<World>,
    inbox: mpsc::UnboundedReceiver<Message>,
    channels: HashMap<Arc<str>, Channel>,
    partitions: Partitions,
    tasks: JoinSet<Step>,
    /// The deliveries of the tasks under way, so that one that breaks down is not lost.
    under_way: HashMap<Id, Job>,
    wakes: BTreeSet<Wake>,
    stopping: Option<oneshot::Sender<()>>,
}

impl Dispatcher {
    pub(super) fn new(world: Arc<World>, inbox: mpsc::UnboundedReceiver<Message>, targets: Vec<Target>) -> Self {
        let mut new = Self {
            world,
            inbox,
            channels: HashMap::new(),
            partitions: Partitions::default(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            wakes: BTreeSet::new(),
            stopping: None,
        };
        new.reload(targets);
        new
    }

    /// Runs until it is stopped or its sender is gone.
    pub(super) async fn run(mut self) {
        let mut measure = interval(MEASURE_EVERY);
        measure.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let next = self.wakes.first().map_or_else(|| Instant::now() + LONG, |wake| wake.0);
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.on_message(message),
                    None => return,
                },
                Some(step) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.on_joined(step),
                () = sleep_until(next) => self.on_wakes(),
                _ = measure.tick() => self.measure(),
            }
            if self.under_way.is_empty()
                && let Some(stopped) = self.stopping.take()
            {
                let _ = stopped.send(());
                return;
            }
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Perform(partition, effects) => {
                for effect in effects {
                    self.on_effect(partition, effect);
                }
                self.pump_all();
                self.measure();
            }
            Message::Revoked(partition) => self.on_revoked(partition),
            Message::Reload(targets) => self.reload(targets),
            Message::Stop(stopped) => self.stopping = Some(stopped),
        }
    }

    fn on_effect(&mut self, partition: u32, effect: DeliverEffect) {
        match effect {
            DeliverEffect::Live => {
                let life = self.partitions.live(partition);
                let world = self.world.clone();
                self.tasks.spawn(async move {
                    let offset = record::append_mark(&world.log, &world.clock, partition).await;
                    Step::Marked { partition, life, offset }
                });
            }
            DeliverEffect::Send(what) => {
                let job = self.job(partition, what);
                if let Some(job) = self.partitions.take(job) {
                    self.enqueue(job);
                }
            }
            DeliverEffect::Done(key) => {
                if let Some((destination, account)) = self.partitions.done(partition, &key) {
                    self.remove(&destination, &account, |job| job.what.key == key);
                }
            }
            DeliverEffect::Passed(offset) => self.partitions.passed(partition, offset).into_iter().for_each(|job| self.enqueue(job)),
            DeliverEffect::Pending(rows) => self.partitions.set_pending(partition, rows),
        }
    }

    fn on_revoked(&mut self, partition: u32) {
        for (destination, account) in self.partitions.revoked(partition) {
            self.remove(&destination, &account, |job| job.partition == partition);
        }
        self.pump_all();
        self.measure();
    }

    fn reload(&mut self, targets: Vec<Target>) {
        let mut targets: HashMap<Arc<str>, Arc<Target>> = targets.into_iter().map(|t| (t.name.clone(), Arc::new(t))).collect();
        let now = Instant::now();
        for (name, channel) in &mut self.channels {
            let target = targets.remove(name);
            if channel.target() != target.as_ref() || channel.is_gone() {
                let bucket = target.as_ref().map(|t| Bucket::new(t.kind, &self.world.limits));
                channel.replace(target, bucket, now);
            }
        }
        for (name, target) in targets {
            let bucket = Bucket::new(target.kind, &self.world.limits);
            self.channels.insert(name, Channel::new(Some(target), Some(bucket)));
        }
        self.pump_all();
    }

    fn job(&self, partition: u32, what: Outgoing) -> Job {
        Job {
            partition,
            destination: what.destination.as_str().into(),
            account: format!("{}/{}", what.tenant, what.account_id).into(),
            attempts: what.attempts,
            first_retry_at: what.first_retry_at,
            due: what.next_attempt_at.map_or_else(Instant::now, |at| self.instant(at)),
            what: Arc::new(what),
        }
    }

    /// The instant of a real time in UTC ms; no further off than a retry can be, should the machine's clock have been set.
    fn instant(&self, at: i64) -> Instant {
        let limits = &self.world.limits;
        let wait_ms = u64::try_from(at.saturating_sub(Clock::real_ms())).unwrap_or(0);
        Instant::now() + Duration::from_millis(wait_ms.min(limits.retry_delay_max_ms.max(limits.hold_max_ms)))
    }

    fn enqueue(&mut self, job: Job) {
        let (destination, account) = (job.destination.clone(), job.account.clone());
        let channel = self.channels.entry(destination.clone()).or_insert_with(|| Channel::new(None, None));
        let wake = channel.push(job, Instant::now());
        self.wakes.extend(wake.map(|at| (at, destination, Some(account))));
    }

    fn remove(&mut self, destination: &Arc<str>, account: &Arc<str>, gone: impl Fn(&Job) -> bool) {
        if let Some(channel) = self.channels.get_mut(destination) {
            let wake = channel.remove(account, gone, Instant::now());
            self.wakes.extend(wake.map(|at| (at, destination.clone(), Some(account.clone()))));
        }
    }

    fn on_wakes(&mut self) {
        let now = Instant::now();
        while self.wakes.first().is_some_and(|wake| wake.0 <= now) {
            let Some((_, destination, lane)) = self.wakes.pop_first() else { return };
            if let (Some(account), Some(channel)) = (lane, self.channels.get_mut(&destination)) {
                let wake = channel.wake(&account, now);
                self.wakes.extend(wake.map(|at| (at, destination.clone(), Some(account))));
            }
            self.pump(&destination);
        }
    }

    fn pump_all(&mut self) {
        let destinations: Vec<Arc<str>> = self.channels.keys().cloned().collect();
        for destination in destinations {
            self.pump(&destination);
        }
    }

    /// Starts what may start at a destination.
    fn pump(&mut self, destination: &Arc<str>) {
        while self.stopping.is_none()
            && let Some(channel) = self.channels.get_mut(destination)
        {
            match channel.next(self.world.limits.concurrency, Instant::now()) {
                Next::Start(job) => {
                    let (target, gone) = (channel.target().cloned(), channel.is_gone());
                    let id = self.tasks.spawn(attempt(self.world.clone(), target, gone, job.clone())).id();
                    self.under_way.insert(id, job);
                }
                Next::Wait(until) => {
                    self.wakes.insert((until, destination.clone(), None));
                    return;
                }
                Next::Nothing => return,
            }
        }
    }

    fn on_joined(&mut self, joined: Result<(Id, Step), JoinError>) {
        match joined {
            Ok((id, step)) => {
                self.under_way.remove(&id);
                self.on_step(step);
            }
            Err(error) => {
                tracing::error!(%error, "a delivery's task broke down; it is made again");
                if let Some(job) = self.under_way.remove(&error.id()) {
                    let again = Job { due: Instant::now() + REST_AFTER_PANIC, ..job.clone() };
                    self.finish(&job, Some(again));
                }
            }
        }
    }

    fn on_step(&mut self, step: Step) {
        match step {
            Step::Answered(job, kind, decision) => self.on_answer(job, kind, decision),
            Step::Recorded(job, decision) => {
                let again = decision.next_attempt_at.map(|at| Job {
                    attempts: job.attempts.saturating_add(1),
                    first_retry_at: job.first_retry_at.or(Some(at)),
                    due: self.instant(at),
                    ..job.clone()
                });
                if again.is_none() {
                    self.partitions.settled(job.partition, &job.what.key);
                }
                self.finish(&job, again);
            }
            Step::Marked { partition, life, offset } => {
                self.partitions.marked(partition, life, offset).into_iter().for_each(|job| self.enqueue(job));
                self.pump_all();
            }
        }
    }

    fn on_answer(&mut self, job: Job, kind: Option<Kind>, decision: Decision) {
        tell(&job, &decision);
        if let Some(kind) = kind {
            METRICS.attempt(kind, decision.outcome);
        }
        let now = Instant::now();
        if let Some(channel) = self.channels.get_mut(&job.destination) {
            decision.hold.into_iter().for_each(|wait| channel.hold(wait, now));
            if decision.disables {
                channel.disable(now);
            }
        }
        let delivery =
            record::outcome(&job, kind.map_or_else(|| job.what.kind.as_str(), |kind| kind.as_str()), &decision, self.world.clock.now_ms());
        let id = self.tasks.spawn(record(self.world.clone(), delivery, job.clone(), decision)).id();
        self.under_way.insert(id, job);
    }

    fn finish(&mut self, job: &Job, again: Option<Job>) {
        if let Some(channel) = self.channels.get_mut(&job.destination) {
            let wake = channel.finished(&job.account, &job.what.key, again, Instant::now());
            self.wakes.extend(wake.map(|at| (at, job.destination.clone(), Some(job.account.clone()))));
        }
        self.pump(&job.destination);
    }

    fn measure(&mut self) {
        self.channels.retain(|_, channel| channel.target().is_some() || !channel.is_empty());
        METRICS.pending.set(i64::try_from(self.partitions.pending()).unwrap_or(i64::MAX));
        let oldest = self.channels.values().filter_map(Channel::oldest_planned_at).chain(self.partitions.oldest_held()).min();
        METRICS.oldest_pending_seconds.set(oldest.map_or(0, |at| self.world.clock.now_ms().saturating_sub(at).max(0) / 1_000));
    }
}

/// One attempt, and what follows from it.
async fn attempt(world: Arc<World>, target: Option<Arc<Target>>, gone: bool, job: Job) -> Step {
    let answer = match &target {
        None => Answer::Failed { detail: "no destination of this name is configured".into() },
        Some(_) if gone => Answer::Gone,
        Some(target) => world.poster.post(target, &job.what).await,
    };
    let kind = target.as_ref().map(|target| target.kind);
    let tries = Tries { attempt: job.attempts.saturating_add(1), first_retry_at: job.first_retry_at };
    let chance = rand::random_range(0.0..1.0);
    let decision = retry::decide(kind.unwrap_or(Kind::Webhook), answer, tries, Clock::real_ms(), chance, &world.limits);
    Step::Answered(job, kind, decision)
}

async fn record(world: Arc<World>, delivery: Delivery, job: Job, decision: Decision) -> Step {
    record::append_outcome(&world.log, &delivery).await;
    Step::Recorded(job, decision)
}

fn tell(job: &Job, decision: &Decision) {
    let (what, attempt, error) = (&job.what, job.attempts.saturating_add(1), decision.error.as_deref());
    let (destination, account, alert, revision) = (&what.destination, &what.account_id, &what.alert_id, what.revision);
    match decision.outcome {
        DeliveryOutcome::Dead => tracing::warn!(destination, account, alert, revision, attempt, error, "a delivery was given up"),
        DeliveryOutcome::Retry => {
            tracing::info!(destination, account, alert, revision, attempt, error, "a delivery failed and is tried again");
        }
        DeliveryOutcome::Delivered | DeliveryOutcome::Planned => {
            tracing::debug!(destination, account, alert, revision, attempt, "delivered");
        }
    }
}
