//! Usage that dropped, by a sequential test: a CUSUM (Page, 1954) of weekday-adjusted daily counts against the account's own baseline, with the over-dispersion that its weeks showed.
//!
//! It is a function of the ring of days alone, so nothing of it stands in a row. The figures behind its constants, and the rules that it is better than, are in `docs/alerts.md`.
use crate::rows::{RING_DAYS, Usage};

/// The days that are tested; the baseline is what the ring has before them.
const TESTED_DAYS: i32 = 28;
/// The shortest baseline: four of each weekday.
const BASELINE_DAYS_MIN: i32 = 28;
/// The drop that the test is sharpest for: to 60% of what is usual.
const DROPPED_TO: f64 = 0.6;
/// ln(0.6); a constant, since logarithms differ between machines.
const LN_DROPPED_TO: f64 = -0.510_825_623_765_990_7;
/// Evidence at which it is said, as a logarithm of a likelihood ratio.
const THRESHOLD: f64 = 3.0;
/// Of it, one day brings at most this: so a week of holidays, which has five working days, is not enough.
const DAY_SHARE_MAX: f64 = 1.0 / 6.0;
/// How over-dispersed weekly totals are that nobody has seen enough of: the variance of a week's level as a share of the level's square, and the weeks that this prior counts for.
const PRIOR_LEVEL_VARIANCE: f64 = 0.04;
const PRIOR_WEEKS: f64 = 6.0;
/// A week of more than this share of the usual one is no drop, however sure it is.
const SHARE_MAX_MILLI: u64 = 600;
/// A week of this share of the usual one is whole again.
const WHOLE_MILLI: u64 = 800;
/// What was found longer ago is no news: it was said then, or it is of a past that was loaded, or of a fall of health that is over.
const NEWS_DAYS: i32 = 10;
/// A change that began in the first days that are tested may have begun long before.
const BEGUN_AFTER_DAYS: i32 = 3;
/// Less than so many events in a usual week are too few to miss.
const USUAL_WEEK_MIN: f64 = 5.0;

/// What the last 7 whole days were, beside what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Week {
    pub(crate) events: u64,
    pub(crate) usual_events: u64,
    /// Sum of each day's users.
    pub(crate) user_days: u64,
    pub(crate) usual_user_days: u64,
    /// The test found a drop, lately.
    pub(crate) dropped: bool,
}

impl Week {
    /// The week as a share of the usual one, in thousandths: the lesser one of events and people.
    pub(crate) fn share_milli(&self) -> u64 {
        let share = |is: u64, usual: u64| (is * 1000).checked_div(usual).unwrap_or(1000);
        share(self.events, self.usual_events).min(share(self.user_days, self.usual_user_days))
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.share_milli() >= WHOLE_MILLI
    }
}

/// The last week as of the beginning of `today`; `None` while there is no baseline.
pub(crate) fn week(usage: &Usage, today: i32, first_day: i32) -> Option<Week> {
    week_at(usage, today, first_day, THRESHOLD)
}

fn week_at(usage: &Usage, today: i32, first_day: i32, threshold: f64) -> Option<Week> {
    let tested = today - TESTED_DAYS;
    let from = first_day.max(today - RING_DAYS + 1);
    if tested - from < BASELINE_DAYS_MIN {
        return None;
    }
    let (mut events, mut users) = (Counts::default(), Counts::default());
    for day in usage.between(from, today - 1) {
        let index = (day.day - (today - RING_DAYS)) as usize;
        events.0[index] = f64::from(day.events);
        users.0[index] = f64::from(day.users);
    }
    let events_test = Test::of(&events, from, today);
    let users_test = Test::of(&users, from, today);
    if events_test.usual_week() < USUAL_WEEK_MIN {
        return None;
    }
    let sum = |counts: &Counts| (today - 7..today).map(|day| counts.at(day, today)).sum::<f64>() as u64;
    let mut week = Week {
        events: sum(&events),
        usual_events: events_test.usual_week().round() as u64,
        user_days: sum(&users),
        usual_user_days: users_test.usual_week().round() as u64,
        dropped: false,
    };
    // On most days that is all: such a week is no drop, whatever the days before it say.
    if week.share_milli() > SHARE_MAX_MILLI {
        return Some(week);
    }
    // Both counts, each for half: people say more, events are always there.
    let (mut evidence, mut begun, mut found_on, share) =
        (0.0_f64, tested, i32::MIN, if users_test.usual_week() < USUAL_WEEK_MIN { 1.0 } else { 0.5 });
    for day in tested..today {
        let said = share * events_test.said(&events, day) + (1.0 - share) * users_test.said(&users, day);
        let before = evidence;
        evidence = (evidence + said.min(threshold * DAY_SHARE_MAX)).max(0.0);
        if evidence == 0.0 {
            begun = day + 1;
        }
        if before < threshold && evidence >= threshold {
            found_on = day;
        }
    }
    week.dropped = evidence >= threshold && found_on >= today - NEWS_DAYS && begun >= tested + BEGUN_AFTER_DAYS;
    Some(week)
}

/// A count for each day of the ring.
struct Counts([f64; RING_DAYS as usize]);

impl Default for Counts {
    fn default() -> Self {
        Self([0.0; RING_DAYS as usize])
    }
}

impl Counts {
    fn at(&self, day: i32, today: i32) -> f64 {
        self.0.get((day - (today - RING_DAYS)) as usize).copied().unwrap_or(0.0)
    }
}

/// What is usual of one count.
struct Test {
    today: i32,
    /// Mean by weekday.
    usual: [f64; 7],
    /// How much more than a Poisson count's its variance is.
    dispersion: f64,
}

impl Test {
    fn of(counts: &Counts, from: i32, today: i32) -> Self {
        let tested = today - TESTED_DAYS;
        // Whole weeks, the newest ones.
        let weeks = (tested - from) / 7;
        let begin = tested - 7 * weeks;
        let mut usual = [0.0; 7];
        for day in begin..tested {
            usual[day.rem_euclid(7) as usize] += counts.at(day, today) / f64::from(weeks);
        }
        let mean = usual.iter().sum::<f64>();
        let mut squares = 0.0;
        for week in 0..weeks {
            let total: f64 = (0..7).map(|day| counts.at(begin + 7 * week + day, today)).sum();
            squares += (total - mean) * (total - mean);
        }
        let prior = mean + PRIOR_LEVEL_VARIANCE * mean * mean;
        let variance = (PRIOR_WEEKS * prior + squares) / (PRIOR_WEEKS + f64::from(weeks) - 1.0);
        Self { today, usual, dispersion: if mean > 0.0 { (variance / mean).max(1.0) } else { 1.0 } }
    }

    fn usual_week(&self) -> f64 {
        self.usual.iter().sum()
    }

    /// What a day's count says for a drop, as a quasi-Poisson logarithm of the likelihood ratio.
    fn said(&self, counts: &Counts, day: i32) -> f64 {
        let usual = self.usual[day.rem_euclid(7) as usize];
        (counts.at(day, self.today) * LN_DROPPED_TO + usual * (1.0 - DROPPED_TO)) / self.dispersion
    }
}

#[cfg(test)]
mod tests;
