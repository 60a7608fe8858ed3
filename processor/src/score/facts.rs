//! What a fact of the view is, in thousandths of its unit; `None` where it is not known.
use super::freshness::freshness_ppm;
use super::{conditions, measures};
use crate::aggregate::{lifecycle, mrr};
use crate::config::AggregateConfig;
use crate::rows::Hot;
use crate::view;
use c360_health::{Condition, Fact, FactRef, Measure, PPM};

/// What a measure or a condition found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Thousandths of the fact's unit.
    pub(crate) value_milli: i64,
    /// Days since it was told; 0 of what is counted anew.
    pub(crate) age_days: i64,
}

impl Found {
    /// A value as of now.
    pub(crate) fn now(value_milli: i64) -> Self {
        Self { value_milli, age_days: 0 }
    }

    /// What it still counts, in millionths.
    pub(crate) fn freshness_ppm(self, measure: &Measure) -> i64 {
        if self.age_days == 0 { PPM } else { freshness_ppm(self.age_days, measure.ttl_days, measure.half_life_days) }
    }
}

/// Of a customer, as of a moment.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) hot: &'a Hot,
    pub(crate) now: i64,
    pub(crate) config: &'a AggregateConfig,
}

impl Facts<'_> {
    /// Whether all conditions hold.
    pub(crate) fn hold(self, when: &[Condition]) -> bool {
        when.iter().all(|condition| self.get(&condition.fact).is_some_and(|found| condition.holds(found.value_milli)))
    }

    pub(crate) fn get(self, fact: &FactRef) -> Option<Found> {
        match fact {
            FactRef::Known(fact) => self.known(*fact),
            FactRef::Feature(name) => {
                let uses = self.hot.features.iter().find(|f| f.name == *name).map_or(0, |f| {
                    let today = self.hot.calendar.day_of(self.now);
                    f.days.iter().filter(|(day, _)| *day > today - 28).map(|(_, uses)| i64::from(*uses)).sum()
                });
                Some(Found::now(uses * 1000))
            }
        }
    }

    /// Days since a fact was told; 0 of what is counted anew.
    pub(crate) fn age_days(self, fact: &FactRef) -> i64 {
        let told = matches!(fact, FactRef::Known(Fact::Nps | Fact::Csat));
        if told { self.get(fact).map_or(0, |found| found.age_days) } else { 0 }
    }

    fn known(self, fact: Fact) -> Option<Found> {
        let Self { hot, now, config } = self;
        let (u, s, surveys) = (&hot.usage, &hot.support, &hot.surveys);
        let count = |count: i64| Some(Found::now(count.saturating_mul(1000)));
        let truth = |holds: bool| Some(Found::now(i64::from(holds) * 1000));
        let support = |value: Option<i64>| value.filter(|_| s.known).map(|value| Found::now(value.saturating_mul(1000)));
        let used = || u.first_at.is_some();
        match fact {
            Fact::SilentDays => measures::last_seen_days(hot),
            Fact::Silent => truth(conditions::silent(hot)),
            Fact::Events7d => used().then(|| Found::now(u.sums[1] as i64 * 1000)),
            Fact::Events28d => used().then(|| Found::now(u.sums[2] as i64 * 1000)),
            Fact::ActiveUsers7d => used().then(|| Found::now(u.active_users(7) as i64 * 1000)),
            Fact::ActiveUsers28d => used().then(|| Found::now(u.active_users(28) as i64 * 1000)),
            Fact::Stickiness => u.stickiness_milli().map(Found::now),
            Fact::SeatUse => view::seat_use_milli(hot).map(Found::now),
            Fact::Breadth => view::breadth_milli(hot, now, &config.usage.features).map(Found::now),
            Fact::Depth => (!config.usage.key_actions.is_empty()).then(|| u.depth_milli(27, 0)).flatten().map(Found::now),
            Fact::DepthChange => {
                let (now, before) = (u.depth_milli(27, 0)?, u.depth_milli(83, 28).filter(|before| *before > 0)?);
                (!config.usage.key_actions.is_empty()).then(|| Found::now(now * 1000 / before - 1000))
            }
            Fact::EventsTrend => measures::usage_trend(hot, now),
            Fact::ActiveUsersTrend => measures::active_users_trend(hot, now),
            Fact::PastDueDays => measures::past_due_days(hot, now),
            Fact::FailedTries => measures::payment_failures(hot),
            Fact::PaymentGivenUp => truth(conditions::payment_given_up(hot)),
            Fact::CancellationScheduled => truth(conditions::cancellation_scheduled(hot)),
            Fact::MostCancelled => truth(conditions::most_is_cancelled(hot)),
            Fact::Churned => truth(conditions::churned(hot)),
            Fact::Mrr => mrr::account(&hot.billing).and_then(|(mrr, _)| count(mrr)),
            Fact::MrrTrend => measures::mrr_trend(hot, now),
            Fact::DaysToRenewal => lifecycle::days_to_renewal(hot, hot.calendar.day_of(now)).and_then(|days| count(i64::from(days))),
            Fact::OpenTickets => support(Some(i64::from(s.open))),
            Fact::UrgentTickets => support(Some(i64::from(s.open_by_priority[4]))),
            Fact::OldestTicketDays => measures::oldest_open_days(hot, now),
            Fact::OpenedTickets => support(Some(i64::from(s.opened_28d))),
            Fact::ReopenedTickets => support(Some(i64::from(s.reopened_28d))),
            Fact::EscalatedTickets => support(Some(i64::from(s.escalated_28d))),
            Fact::FirstReply => support(s.first_reply_s_median),
            Fact::Resolution => support(s.resolution_s_median),
            Fact::Nps => measures::nps(hot, now),
            Fact::Csat => measures::csat(hot, now),
            Fact::Promoters => (surveys.nps_answers() > 0).then(|| Found::now(i64::from(surveys.promoters) * 1000)),
            Fact::Detractors => (surveys.nps_answers() > 0).then(|| Found::now(i64::from(surveys.detractors) * 1000)),
            Fact::Champions => {
                let known = hot.contacts.iter().any(|c| c.role().is_some());
                known.then(|| Found::now(conditions::champions(hot) as i64 * 1000))
            }
            Fact::ChampionsGone => count(conditions::champions_gone(hot) as i64),
            Fact::DaysSinceDelivery => {
                lifecycle::delivered_at(hot).and_then(|at| count(i64::from(hot.calendar.day_of(now) - hot.calendar.day_of(at))))
            }
        }
    }
}

/// `num / den` to the nearest whole number, halves up; `den` is positive.
pub(crate) fn round_half_up(num: i128, den: i128) -> i128 {
    (2 * num + den).div_euclid(2 * den)
}
