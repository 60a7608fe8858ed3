//! The null test: accounts that stay as they are for a year, then half of the use is gone. Rules are compared on the same accounts.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const YEAR: i32 = 365;
/// Days before the year, in which a baseline comes about.
const BEFORE: i32 = RING_DAYS;
/// Days in which a drop is to be found.
const AFTER: i32 = 90;
const DAYS: i32 = BEFORE + YEAR + AFTER;
/// An alert that comes back within this time is the same one.
const REOPEN_DAYS: i32 = 14;
/// Spread of the logarithm of the share of users who come: of its slow part (which falls by half in a week) and of each day's.
const CALM: f64 = 0.12;
/// So restless that an account that stays as it is goes down to 60% for a week or more by itself, about once a year.
const RESTLESS: f64 = 0.25;
/// It must have been whole for this long to be over.
const WHOLE_DAYS: i32 = 7;

/// About normal, with variance 1: the sum of 12 uniform numbers.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// One account's days: (events, users). Users come on a share of weekdays and on few weekends; the share moves from week to week (autocorrelated) and from day to day; each makes a number
/// of events with a long tail. From the day `BEFORE + YEAR` on half as many come.
fn account(rng: &mut ChaCha8Rng, users: u32, noise: f64) -> Vec<(u32, u32)> {
    let weekday = 0.3 + 0.4 * rng.random::<f64>();
    let weekend = weekday * 0.2 * rng.random::<f64>();
    let per_user = 2.0 + 18.0 * rng.random::<f64>();
    let mut level = 0.0_f64;
    (0..DAYS)
        .map(|day| {
            level = 0.9 * level + 0.19_f64.sqrt() * noise * normal(rng);
            let share = if day % 7 < 5 { weekday } else { weekend };
            let left = if day >= BEFORE + YEAR { 0.5 } else { 1.0 };
            let came = (share * (level + noise * normal(rng)).exp() * left).min(1.0);
            let users = (0..users).filter(|_| rng.random::<f64>() < came).count() as u32;
            let events = (0..users).map(|_| (-per_user * (1.0 - rng.random::<f64>()).ln()).ceil() as u32).sum();
            (events, users)
        })
        .collect()
}

/// A rule: whether the week up to `today` is a drop, and whether it is whole.
type Rule<'a> = &'a dyn Fn(&[(u32, u32)], i32) -> (bool, bool);

fn ours(days: &[(u32, u32)], today: i32) -> (bool, bool) {
    ours_at(days, today, THRESHOLD)
}

fn ours_at(days: &[(u32, u32)], today: i32, threshold: f64) -> (bool, bool) {
    let mut usage = Usage::default();
    usage.advance(today);
    for day in (today - RING_DAYS + 1)..today {
        let (events, users) = days[day as usize];
        if events > 0 {
            usage.add_events(day, events);
            usage.add_user(day, users as i32);
        }
    }
    week_at(&usage, today, 0, threshold).map_or((false, true), |week| (week.dropped, week.is_whole()))
}

/// 7 days under a share of the mean week of the 28 before.
fn ratio(days: &[(u32, u32)], today: i32, share: f64) -> (bool, bool) {
    let sum = |from: i32, to: i32| days[from as usize..to as usize].iter().map(|(events, _)| f64::from(*events)).sum::<f64>();
    let (week, usual) = (sum(today - 7, today), sum(today - 35, today - 7) / 4.0);
    (week < share * usual, week >= 0.8 * usual)
}

/// The same for three days.
fn ratio_3_days(days: &[(u32, u32)], today: i32, share: f64) -> (bool, bool) {
    ((0..3).all(|back| ratio(days, today - back, share).0), ratio(days, today, share).1)
}

struct Outcome {
    false_per_year: f64,
    found: f64,
    median_delay: i32,
}

/// Opens and ends alerts as incidents do.
fn measure(accounts: &[Vec<(u32, u32)>], rule: Rule<'_>) -> Outcome {
    let (mut wrong, mut delays) = (0, Vec::new());
    for days in accounts {
        let (mut open, mut whole_since, mut ended) = (false, None, i32::MIN / 2);
        for today in BEFORE..DAYS {
            let (dropped, whole) = rule(days, today);
            let real = today > BEFORE + YEAR;
            if today == BEFORE + YEAR {
                (open, whole_since, ended) = (false, None, i32::MIN / 2);
            }
            if !open && dropped {
                open = true;
                whole_since = None;
                if real {
                    delays.push(today - (BEFORE + YEAR));
                    break;
                }
                wrong += i32::from(today - ended > REOPEN_DAYS);
            }
            whole_since = if whole { whole_since.or(Some(today)) } else { None };
            if open && whole_since.is_some_and(|since| today - since >= WHOLE_DAYS) {
                (open, ended) = (false, today);
            }
        }
    }
    delays.sort_unstable();
    let n = accounts.len() as f64;
    let median_delay = delays.get(delays.len() / 2).copied().unwrap_or(AFTER);
    Outcome { false_per_year: f64::from(wrong) / n, found: delays.len() as f64 / n, median_delay }
}

/// Accounts by their number of users.
fn accounts(rng: &mut ChaCha8Rng, n: usize, users: &std::ops::Range<f64>, noise: f64) -> Vec<Vec<(u32, u32)>> {
    let (low, high) = (users.start.ln(), users.end.ln());
    (0..n)
        .map(|_| {
            let users = (low + (high - low) * rng.random::<f64>()).exp() as u32;
            account(rng, users, noise)
        })
        .collect()
}

#[test]
fn accounts_that_stay_as_they_are_are_left_alone_and_half_of_the_use_gone_is_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let accounts = accounts(&mut rng, 300, &(3.0..300.0), CALM);
    let ours = measure(&accounts, &ours);
    assert!(ours.false_per_year <= 1.0, "{} false alerts for an account and year", ours.false_per_year);
    assert!(ours.found >= 0.95, "{} found", ours.found);
    assert!(ours.median_delay <= 14, "{} days", ours.median_delay);
    // The check can fail: a plain ratio does not pass it.
    let ratio = measure(&accounts, &|days, today| ratio(days, today, 0.5));
    assert!(
        ratio.false_per_year > ours.false_per_year || ratio.found < ours.found,
        "{} false, {} found",
        ratio.false_per_year,
        ratio.found
    );
}

/// The tables of `docs/alerts.md`: `cargo test --release -p c360-processor null_test -- --ignored --nocapture`.
#[test]
#[ignore = "tables for the documentation, half a minute"]
fn null_test() {
    let sizes = [
        ("3 to 300 users", 3_000, 3.0..300.0),
        ("3 to 8", 1_000, 3.0..8.0),
        ("8 to 30", 1_000, 8.0..30.0),
        ("30 to 300", 1_000, 30.0..300.0),
    ];
    for ((name, n, users), (mood, noise)) in sizes.iter().flat_map(|size| [(size, ("calm", CALM)), (size, ("restless", RESTLESS))]) {
        println!("\n{n} {mood} accounts of {name}\n\n| rule | false per account-year | found | median delay |\n|---|---|---|---|");
        let accounts = accounts(&mut ChaCha8Rng::seed_from_u64(360), *n, users, noise);
        let row = |rule: String, outcome: Outcome| {
            let Outcome { false_per_year, found, median_delay } = outcome;
            println!("| {rule} | {false_per_year:.2} | {:.1}% | {median_delay} d |", found * 100.0);
        };
        for share in [0.4, 0.5, 0.6, 0.7] {
            row(format!("7 days under {share} of the mean week before"), measure(&accounts, &|days, today| ratio(days, today, share)));
        }
        for share in [0.5, 0.6, 0.7] {
            row(format!("the same under {share} for 3 days"), measure(&accounts, &|days, today| ratio_3_days(days, today, share)));
        }
        for threshold in [2.0, 3.0, 4.0, 6.0, 8.0] {
            row(format!("c360, threshold {threshold}"), measure(&accounts, &|days, today| ours_at(days, today, threshold)));
        }
    }
}

fn steady(weekday: u32) -> Vec<(u32, u32)> {
    (0..DAYS).map(|day| if day % 7 < 5 { (weekday, weekday / 5) } else { (0, 0) }).collect()
}

#[test]
fn a_week_of_holidays_a_weekend_and_growth_are_no_drops() {
    let mut days = steady(50);
    let holiday = 20 * 7;
    days[holiday..holiday + 7].fill((0, 0));
    for today in BEFORE..BEFORE + YEAR {
        assert!(!ours(&days, today).0, "day {today}");
    }
    let growing: Vec<_> = (0..DAYS as u32).map(|day| (20 + day, 4 + day / 5)).collect();
    assert!((BEFORE..BEFORE + YEAR).all(|today| !ours(&growing, today).0));
}

#[test]
fn a_drop_says_what_was_and_what_is_usual() {
    let mut usage = Usage::default();
    usage.advance(100);
    for day in 11..100 {
        if day % 7 < 5 {
            usage.add_events(day, if day < 89 { 50 } else { 20 });
            usage.add_user(day, if day < 89 { 10 } else { 4 });
        }
    }
    let week = week(&usage, 100, 0).unwrap();
    assert_eq!(week, Week { events: 100, usual_events: 250, user_days: 20, usual_user_days: 50, dropped: true });
    assert_eq!((week.share_milli(), week.is_whole()), (400, false));
    assert_eq!(super::week(&usage, 100, 50), None, "too young for a baseline");
}
