//! Quotas: how many events a second a write key may send, with a burst.
//!
//! A bucket that may go into debt. Whoever has not used its burst up may send a batch of any size, and pays for all of it before the next is taken: a batch larger than the burst is
//! not refused for ever, as it would be by a limiter that only takes what fits, and in the long run no more comes through than the rate. Real time; kept in memory, so each process
//! counts for itself, and a restart forgets.
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECOND_NS: u64 = 1_000_000_000;

/// How much a key may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLimits {
    pub events_per_s: NonZeroU32,
    /// Events that may come at once after a rest.
    pub burst: NonZeroU32,
}

/// One key's bucket.
#[derive(Debug)]
pub struct Quota {
    limits: QuotaLimits,
    since: Instant,
    /// Until when what was sent is paid for, in ns after `since`.
    paid_until: AtomicU64,
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) wait: Duration,
}

impl Quota {
    pub fn new(limits: QuotaLimits) -> Self {
        Self { limits, since: Instant::now(), paid_until: AtomicU64::new(0) }
    }

    pub(crate) fn limits(&self) -> QuotaLimits {
        self.limits
    }

    /// Takes `events` where there is room for one of them.
    pub(crate) fn take(&self, events: usize) -> Result<(), Exceeded> {
        self.take_at(events, self.now())
    }

    /// Whether there is no room now.
    pub(crate) fn check(&self) -> Result<(), Exceeded> {
        self.room(self.paid_until.load(Ordering::Relaxed), self.now())
    }

    /// Gives back what was taken for nothing: the log did not have it.
    pub(crate) fn give_back(&self, events: usize) {
        let cost = self.cost(events);
        let back = |paid_until: u64| Some(paid_until.saturating_sub(cost));
        // It always succeeds: the closure has an answer for every value.
        let _ = self.paid_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take_at(&self, events: usize, now: u64) -> Result<(), Exceeded> {
        let cost = self.cost(events);
        let pay = |paid_until: u64| self.room(paid_until, now).is_ok().then(|| paid_until.max(now).saturating_add(cost));
        match self.paid_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay) {
            Ok(_) => Ok(()),
            Err(paid_until) => self.room(paid_until, now),
        }
    }

    fn room(&self, paid_until: u64, now: u64) -> Result<(), Exceeded> {
        let burst = self.cost(self.limits.burst.get() as usize);
        let one = self.cost(1);
        let wait = paid_until.max(now).saturating_add(one).saturating_sub(burst.max(one)).saturating_sub(now);
        if wait == 0 { Ok(()) } else { Err(Exceeded { wait: Duration::from_nanos(wait) }) }
    }

    fn cost(&self, events: usize) -> u64 {
        (events as u64).saturating_mul(SECOND_NS) / u64::from(self.limits.events_per_s.get())
    }
}

impl Exceeded {
    /// Whole seconds for `Retry-After`.
    pub(crate) fn retry_after_s(self) -> u32 {
        u32::try_from(self.wait.as_nanos().div_ceil(u128::from(SECOND_NS))).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quota(events_per_s: u32, burst: u32) -> Quota {
        let number = |n| NonZeroU32::new(n).unwrap();
        Quota::new(QuotaLimits { events_per_s: number(events_per_s), burst: number(burst) })
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn a_burst_is_taken_at_once_and_then_the_rate_holds() {
        let quota = quota(10, 3);
        for _ in 0..3 {
            quota.take_at(1, 0).unwrap();
        }
        assert_eq!(quota.take_at(1, 0), Err(Exceeded { wait: Duration::from_millis(100) }));
        assert_eq!(quota.take_at(1, 99 * MS), Err(Exceeded { wait: Duration::from_millis(1) }));
        quota.take_at(1, 100 * MS).unwrap();
        assert!(quota.take_at(1, 100 * MS).is_err());
        for _ in 0..3 {
            quota.take_at(1, 10_000 * MS).unwrap();
        }
        assert!(quota.take_at(1, 10_000 * MS).is_err(), "a long rest gives no more than the burst");
    }

    #[test]
    fn a_batch_above_the_burst_is_taken_and_paid_for_afterwards() {
        let quota = quota(10, 5);
        quota.take_at(100, 0).unwrap();
        let exceeded = quota.take_at(1, 0).unwrap_err();
        assert_eq!((exceeded.wait, exceeded.retry_after_s()), (Duration::from_millis(9_600), 10));
        quota.take_at(1, 9_600 * MS).unwrap();
    }

    #[test]
    fn what_was_given_back_can_be_had_again() {
        let quota = quota(1, 2);
        quota.take_at(2, 0).unwrap();
        quota.give_back(2);
        quota.take_at(2, 0).unwrap();
        assert!(quota.take_at(1, 0).is_err());
    }

    proptest! {
        #[test]
        fn in_the_long_run_no_more_comes_through_than_rate_and_burst_allow(
            rate in 1_u32..1_000, burst in 1_u32..1_000, steps in prop::collection::vec((0_u64..2_000, 1_usize..50), 1..200)
        ) {
            let quota = quota(rate, burst);
            let (mut now, mut taken) = (0, 0);
            for (ms, events) in steps {
                now += ms * MS;
                if quota.take_at(events, now).is_ok() {
                    taken += events;
                }
                // One batch may overshoot.
                let allowed = u64::from(burst) + now * u64::from(rate) / SECOND_NS + 50;
                prop_assert!(taken as u64 <= allowed, "{taken} of {allowed} at {now}");
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_is_let_through(rate in 1_u32..10_000, burst in 1_u32..100, events in 1_usize..10_000) {
            let quota = quota(rate, burst);
            quota.take_at(events, 0).unwrap();
            if let Err(exceeded) = quota.take_at(1, 0) {
                let then = exceeded.wait.as_nanos() as u64;
                prop_assert!(quota.take_at(1, then).is_ok());
            }
        }
    }
}
