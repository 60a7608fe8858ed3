//! The facts that take some reckoning, in thousandths of their units.
use super::conditions;
use super::facts::Found;
use crate::aggregate::mrr;
use crate::rows::{Hot, RING_DAYS};

/// Usage before which a trend is noise.
const TREND_EVENTS_MIN: u64 = 5;
const TREND_USER_DAYS_MIN: u64 = 3;
/// Days since the last use.
pub(crate) fn last_seen_days(hot: &Hot) -> Option<Found> {
    hot.usage.silent_days(hot.calendar).map(|days| Found::now(i64::from(days) * 1000))
}

/// Events of the last 7 whole days against the mean week of (up to) the 28 days before: 0 is as ever, -1 is nothing any more.
pub(crate) fn usage_trend(hot: &Hot, now: i64) -> Option<Found> {
    trend(hot, now, 4, TREND_EVENTS_MIN, |from, to| hot.usage.events_between(from, to))
}

/// Daily users of the last 7 whole days against the mean week of (up to) the 21 days before.
pub(crate) fn active_users_trend(hot: &Hot, now: i64) -> Option<Found> {
    trend(hot, now, 3, TREND_USER_DAYS_MIN, |from, to| hot.usage.user_days_between(from, to))
}

/// Whole days and whole weeks only, so that neither the hour nor the weekday moves it.
fn trend(hot: &Hot, now: i64, weeks_max: i32, least: u64, count: impl Fn(i32, i32) -> u64) -> Option<Found> {
    let today = hot.calendar.day_of(now);
    let age = today - hot.calendar.day_of(hot.usage.first_at?);
    let weeks = ((age - 7) / 7).min(weeks_max);
    if weeks < 1 {
        return None;
    }
    let recent = count(today - 7, today - 1);
    let before = count(today - 7 - 7 * weeks, today - 8);
    if before < least {
        // Nothing to compare with. From a customer who once used the product, nothing at all is the worst; anything is a beginning.
        return (recent == 0 && hot.usage.silent_days(hot.calendar).is_some_and(|days| days > 7)).then(|| Found::now(-1000));
    }
    let change = i128::from(recent) * i128::from(weeks) * 1000 / i128::from(before) - 1000;
    Some(Found::now(change.min(10_000) as i64))
}

/// UTC days since the oldest unpaid invoice was due.
pub(crate) fn past_due_days(hot: &Hot, now: i64) -> Option<Found> {
    billing_known(hot).then(|| Found::now(i64::from(conditions::past_due_days(hot, now)) * 1000))
}

/// Failed tries on unpaid invoices.
pub(crate) fn payment_failures(hot: &Hot) -> Option<Found> {
    billing_known(hot).then(|| Found::now(i64::from(conditions::failed_tries(hot)) * 1000))
}

fn billing_known(hot: &Hot) -> bool {
    hot.billing.invoices_known || !hot.billing.subscriptions.is_empty()
}

/// MRR against its peak of the last 90 days: 0 is the peak, -1 is nothing any more.
pub(crate) fn mrr_trend(hot: &Hot, now: i64) -> Option<Found> {
    let (now_mrr, _) = mrr::account(&hot.billing)?;
    let from = hot.calendar.day_of(now) - RING_DAYS + 1;
    let points = &hot.billing.mrr_points;
    // The last point before the window holds at its beginning.
    let first = points.partition_point(|p| p.day <= from).saturating_sub(1);
    let peak = points.iter().skip(first).map(|p| p.mrr).max().unwrap_or(0).max(now_mrr);
    (peak > 0).then(|| Found::now((i128::from(now_mrr) * 1000 / i128::from(peak) - 1000) as i64))
}

/// Age of the oldest open ticket in days; 0 where tickets are known and none is open.
pub(crate) fn oldest_open_days(hot: &Hot, now: i64) -> Option<Found> {
    let age = hot.support.oldest_open_at.map_or(0, |at| i64::from((hot.calendar.day_of(now) - hot.calendar.day_of(at)).max(0)));
    hot.support.known.then(|| Found::now(age * 1000))
}

/// Promoters less detractors, in points by answers; 100 is all promoters. Here a single answer counts: fewer than five are only not shown as an NPS.
pub(crate) fn nps(hot: &Hot, now: i64) -> Option<Found> {
    let s = &hot.surveys;
    let balance = (i64::from(s.promoters) - i64::from(s.detractors)) * 100_000;
    answered(hot, balance, s.nps_answers(), s.nps_newest_at, now)
}

/// Share of 4s and 5s.
pub(crate) fn csat(hot: &Hot, now: i64) -> Option<Found> {
    let s = &hot.surveys;
    answered(hot, i64::from(s.csat_good) * 1000, s.csat_answers, s.csat_newest_at, now)
}

fn answered(hot: &Hot, sum_milli: i64, answers: u32, newest_at: Option<i64>, now: i64) -> Option<Found> {
    let age_days = i64::from((hot.calendar.day_of(now) - hot.calendar.day_of(newest_at?)).max(0));
    (answers > 0).then(|| Found { value_milli: sum_milli / i64::from(answers), age_days })
}
