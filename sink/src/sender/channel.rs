//! What is pending for one destination: a lane for each account, one delivery at a time in each, some lanes at the same time. No I/O, no clock: time is an argument.
//!
//! Bounded by the machine's windows: so many rows of a destination for each partition, and no more, are ever here.
use super::bucket::Bucket;
use crate::deliver::Outgoing;
use crate::outbox::RowKey;
use crate::target::Target;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A delivery in hand.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) partition: u32,
    pub(super) destination: Arc<str>,
    /// The lane: tenant/account.
    pub(super) account: Arc<str>,
    pub(super) what: Arc<Outgoing>,
    /// Attempts that failed.
    pub(super) attempts: u32,
    /// Real time, UTC ms.
    pub(super) first_retry_at: Option<i64>,
    /// No attempt before.
    pub(super) due: Instant,
}

/// What a channel can do now.
#[derive(Debug)]
pub(super) enum Next {
    Start(Job),
    /// Nothing before that time.
    Wait(Instant),
    Nothing,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Job>,
    at: Stand,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stand {
    /// Nothing to do, or waiting for its first delivery to be due: a wake will come.
    #[default]
    Idle,
    /// In the queue of lanes that may start.
    Ready,
    /// An attempt, or the record of its outcome, is under way.
    Busy,
}

/// One destination's lanes and what holds them.
pub(super) struct Channel {
    /// `None`: pending deliveries name it, the configuration does not.
    target: Option<Arc<Target>>,
    bucket: Option<Bucket>,
    /// It answered 410.
    gone: bool,
    held_until: Option<Instant>,
    lanes: HashMap<Arc<str>, Lane>,
    ready: VecDeque<Arc<str>>,
    busy: usize,
}

impl Channel {
    pub(super) fn new(target: Option<Arc<Target>>, bucket: Option<Bucket>) -> Self {
        Self { target, bucket, gone: false, held_until: None, lanes: HashMap::new(), ready: VecDeque::new(), busy: 0 }
    }

    pub(super) fn target(&self) -> Option<&Arc<Target>> {
        self.target.as_ref()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// The configuration changed: nothing holds the new target, and what waits for a retry may start at once.
    pub(super) fn replace(&mut self, target: Option<Arc<Target>>, bucket: Option<Bucket>, now: Instant) {
        (self.target, self.bucket, self.gone, self.held_until) = (target, bucket, false, None);
        self.hurry(now);
    }

    /// Adds a delivery at the end of its account's lane; when to look again where it must wait.
    pub(super) fn push(&mut self, job: Job, now: Instant) -> Option<Instant> {
        let account = job.account.clone();
        self.lanes.entry(account.clone()).or_default().queue.push_back(job);
        self.settle(&account, now)
    }

    /// A lane's first delivery may be due now.
    pub(super) fn wake(&mut self, account: &str, now: Instant) -> Option<Instant> {
        let account = self.lanes.get_key_value(account).map(|(account, _)| account.clone())?;
        self.settle(&account, now)
    }

    /// What may start now, of at most `concurrency` at the same time.
    pub(super) fn next(&mut self, concurrency: usize, now: Instant) -> Next {
        if self.busy >= concurrency || self.ready.is_empty() {
            return Next::Nothing;
        }
        // What is only written off needs neither patience nor a token.
        let posts = self.target.is_some() && !self.gone;
        if posts && let Some(until) = self.held_until.filter(|until| *until > now) {
            return Next::Wait(until);
        }
        while let Some(account) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&account) else { continue };
            lane.at = Stand::Idle;
            let Some(job) = lane.queue.front() else {
                self.lanes.remove(&account);
                continue;
            };
            if posts && let Some(Err(wait)) = self.bucket.as_ref().map(Bucket::take) {
                lane.at = Stand::Ready;
                self.ready.push_front(account);
                return Next::Wait(now + wait);
            }
            lane.at = Stand::Busy;
            self.busy += 1;
            return Next::Start(job.clone());
        }
        Next::Nothing
    }

    /// Nothing goes out for so long; a longer hold stays.
    pub(super) fn hold(&mut self, wait: Duration, now: Instant) {
        self.held_until = self.held_until.max(Some(now + wait));
    }

    /// Nothing goes out any more; what is pending may be written off at once.
    pub(super) fn disable(&mut self, now: Instant) {
        self.gone = true;
        self.hurry(now);
    }

    /// Makes everything due.
    fn hurry(&mut self, now: Instant) {
        let accounts: Vec<Arc<str>> = self.lanes.keys().cloned().collect();
        for job in self.lanes.values_mut().flat_map(|lane| &mut lane.queue) {
            job.due = now;
        }
        for account in accounts {
            self.settle(&account, now);
        }
    }

    /// An attempt is over and recorded. `again` has the delivery as it stands after a failure; without it the delivery is settled.
    pub(super) fn finished(&mut self, account: &Arc<str>, key: &RowKey, again: Option<Job>, now: Instant) -> Option<Instant> {
        self.busy = self.busy.saturating_sub(1);
        let lane = self.lanes.get_mut(account)?;
        lane.at = Stand::Idle;
        // Its partition may have gone in between, and its row with it.
        if lane.queue.front().is_some_and(|job| job.what.key == *key) {
            match again {
                Some(job) => lane.queue[0] = job,
                None => {
                    lane.queue.pop_front();
                }
            }
        }
        self.settle(account, now)
    }

    /// Takes deliveries out that somebody else settled, or that are no longer ours. An attempt that is under way goes on.
    pub(super) fn remove(&mut self, account: &Arc<str>, gone: impl Fn(&Job) -> bool, now: Instant) -> Option<Instant> {
        self.lanes.get_mut(account)?.queue.retain(|job| !gone(job));
        self.settle(account, now)
    }

    /// When the oldest delivery was planned, UTC ms.
    pub(super) fn oldest_planned_at(&self) -> Option<i64> {
        self.lanes.values().filter_map(|lane| lane.queue.front()).map(|job| job.what.planned_at).min()
    }

    /// Puts a lane where it belongs; when to look again where its first delivery is not due.
    fn settle(&mut self, account: &Arc<str>, now: Instant) -> Option<Instant> {
        let lane = self.lanes.get_mut(account)?;
        match (lane.at, lane.queue.front()) {
            (Stand::Busy | Stand::Ready, _) => None,
            (Stand::Idle, None) => {
                self.lanes.remove(account);
                None
            }
            (Stand::Idle, Some(job)) if job.due > now => Some(job.due),
            (Stand::Idle, Some(_)) => {
                lane.at = Stand::Ready;
                self.ready.push_back(account.clone());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::planned;

    fn job(account: &str, alert_id: &str, due: Instant) -> Job {
        let plan = planned(account, alert_id, 1, "d");
        let what = Outgoing {
            key: RowKey::of(&plan),
            tenant: plan.tenant,
            account_id: plan.account_id,
            alert_id: plan.alert_id,
            revision: 1,
            destination: plan.destination,
            kind: plan.kind,
            planned_at: plan.at,
            attempts: 0,
            next_attempt_at: None,
            first_retry_at: None,
            alert: Vec::new(),
        };
        Job { partition: 0, destination: "d".into(), account: account.into(), what: Arc::new(what), attempts: 0, first_retry_at: None, due }
    }

    fn channel() -> Channel {
        let target = crate::testing::target("d");
        Channel::new(Some(Arc::new(target)), None)
    }

    fn started(next: Next) -> Option<String> {
        match next {
            Next::Start(job) => Some(job.what.alert_id.clone()),
            Next::Wait(_) | Next::Nothing => None,
        }
    }

    #[test]
    fn an_account_gets_one_at_a_time_in_order_and_others_go_on_beside_it() {
        let (mut channel, now) = (channel(), Instant::now());
        let a = Arc::from("a");
        for (account, id) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
            assert_eq!(channel.push(job(account, id, now), now), None);
        }
        assert_eq!(started(channel.next(8, now)), Some("a1".into()));
        assert_eq!(started(channel.next(8, now)), Some("b1".into()));
        assert_eq!(started(channel.next(8, now)), None, "a2 waits for a1");
        channel.finished(&a, &job("a", "a1", now).what.key, None, now);
        assert_eq!(started(channel.next(8, now)), Some("a2".into()));
    }

    #[test]
    fn a_failed_delivery_keeps_its_place_until_it_is_due() {
        let (mut channel, now) = (channel(), Instant::now());
        let (a, due) = (Arc::from("a"), now + Duration::from_secs(10));
        channel.push(job("a", "a1", now), now);
        channel.push(job("a", "a2", now), now);
        channel.next(8, now);
        let again = Job { attempts: 1, ..job("a", "a1", due) };
        assert_eq!(channel.finished(&a, &again.what.key.clone(), Some(again), now), Some(due));
        assert_eq!(started(channel.next(8, now)), None);
        assert_eq!(channel.wake("a", now), Some(due), "woken too early it says when to look again");
        channel.wake("a", due);
        assert_eq!(started(channel.next(8, due)), Some("a1".into()));
    }

    #[test]
    fn concurrency_is_bounded_and_a_hold_stops_all_lanes() {
        let (mut channel, now) = (channel(), Instant::now());
        for account in ["a", "b", "c"] {
            channel.push(job(account, account, now), now);
        }
        assert_eq!(started(channel.next(1, now)), Some("a".into()));
        assert!(matches!(channel.next(1, now), Next::Nothing));
        channel.hold(Duration::from_secs(9), now);
        channel.hold(Duration::from_secs(5), now);
        assert!(matches!(channel.next(8, now), Next::Wait(until) if until == now + Duration::from_secs(9)));
        assert_eq!(started(channel.next(8, now + Duration::from_secs(9))), Some("b".into()));
    }

    #[test]
    fn what_was_taken_away_under_way_leaves_no_lane_behind() {
        let (mut channel, now) = (channel(), Instant::now());
        let a = Arc::from("a");
        channel.push(job("a", "a1", now), now);
        channel.next(8, now);
        channel.remove(&a, |_| true, now);
        channel.push(job("a", "a2", now), now);
        assert_eq!(started(channel.next(8, now)), None, "the attempt is still under way");
        channel.finished(&a, &job("a", "a1", now).what.key, Some(job("a", "a1", now)), now);
        assert_eq!(started(channel.next(8, now)), Some("a2".into()), "a1 does not come back");
        channel.finished(&a, &job("a", "a2", now).what.key, None, now);
        assert!(channel.is_empty() && channel.busy == 0);
    }

    #[test]
    fn a_ready_lane_that_was_emptied_is_passed_over() {
        let (mut channel, now) = (channel(), Instant::now());
        let a = Arc::from("a");
        channel.push(job("a", "a1", now), now);
        channel.push(job("b", "b1", now), now);
        channel.remove(&a, |_| true, now);
        assert_eq!(started(channel.next(8, now)), Some("b1".into()));
        channel.push(job("a", "a2", now), now);
        assert_eq!(started(channel.next(8, now)), Some("a2".into()));
    }
}
