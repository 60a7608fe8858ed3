//! Usage: how much, by whom, of what, and how that moves.
use super::{milli_of, share, share_of};
use crate::config::AggregateConfig;
use crate::rows::{Feature, Hot};
use crate::score::measures;
use crate::time::{day_start, rfc3339};
use serde::Serialize;
use std::collections::BTreeMap;

/// Days of each half that a feature's trend compares.
const TREND_DAYS: i32 = 14;

#[derive(Serialize)]
pub(super) struct UsageView<'a> {
    events: Windows,
    active_users: ActiveUsers,
    stickiness: Option<f64>,
    last_seen_at: Option<String>,
    /// Active users of 28 days for each seat.
    seat_use: Option<f64>,
    breadth: Breadth,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key_actions: Vec<KeyAction<'a>>,
    /// Where the settings name key actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<Depth>,
    automation: Automation,
    trend: Trend,
    features: BTreeMap<&'a str, FeatureView>,
    /// The last 90 days on which something happened.
    daily: Vec<DayView>,
    /// Events by calendar month.
    monthly: Vec<(String, u64)>,
}

#[derive(Serialize)]
struct Windows {
    #[serde(rename = "1d")]
    d1: u64,
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
    #[serde(rename = "90d")]
    d90: u64,
}

#[derive(Serialize)]
struct ActiveUsers {
    #[serde(rename = "1d")]
    d1: u64,
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
}

/// Features used in 28 days, of those that the customer is entitled to.
#[derive(Serialize)]
struct Breadth {
    used: u64,
    entitled: Option<u64>,
    share: Option<f64>,
}

#[derive(Serialize)]
struct KeyAction<'a> {
    name: &'a str,
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
}

/// Key actions for each day of an active user: of 28 days, and of the 56 before.
#[derive(Serialize)]
struct Depth {
    per_user: Option<f64>,
    baseline: Option<f64>,
    change: Option<f64>,
}

#[derive(Serialize)]
struct Automation {
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
}

#[derive(Serialize)]
struct Trend {
    events: Option<f64>,
    active_users: Option<f64>,
}

#[derive(Serialize)]
struct FeatureView {
    first_used_at: Option<String>,
    last_used_at: Option<String>,
    #[serde(rename = "28d")]
    d28: u64,
    trend: Option<f64>,
}

/// Date, events, active users; a list in JSON, since there are up to 90 of them in each view.
#[derive(Serialize)]
struct DayView(jiff::civil::Date, u32, u32);

pub(super) fn view<'a>(hot: &'a Hot, now: i64, config: &'a AggregateConfig) -> UsageView<'a> {
    let (u, today) = (&hot.usage, hot.calendar.day_of(now));
    let [d1, d7, d28, d90] = u.sums;
    UsageView {
        events: Windows { d1, d7, d28, d90 },
        active_users: ActiveUsers { d1: u.active_users(1), d7: u.active_users(7), d28: u.active_users(28) },
        stickiness: u.stickiness_milli().map(share),
        last_seen_at: u.last_at.and_then(rfc3339),
        seat_use: seat_use_milli(hot).map(share),
        breadth: breadth(hot, today, &config.usage.features),
        key_actions: config.usage.key_actions.iter().map(|name| key_action(hot, name, today)).collect(),
        depth: (!config.usage.key_actions.is_empty()).then(|| depth(hot)),
        automation: Automation { d7: u.automated(7), d28: u.automated(28) },
        trend: Trend {
            events: measures::usage_trend(hot, now).map(|found| share(found.value_milli)),
            active_users: measures::active_users_trend(hot, now).map(|found| share(found.value_milli)),
        },
        features: hot.features.iter().map(|f| (f.name.as_str(), feature(f, today))).collect(),
        daily: u.days.iter().filter_map(|d| Some(DayView(date(d.day)?, d.events, d.users))).collect(),
        monthly: u.months.iter().map(|(month, events)| (month_text(*month), *events)).collect(),
    }
}

/// In thousandths; `None` where nobody told the seats, or they are unlimited (none, or fewer).
pub(crate) fn seat_use_milli(hot: &Hot) -> Option<i64> {
    let seats = u64::try_from(*hot.traits.seats.get()?).ok()?;
    milli_of(hot.usage.active_users(28), seats)
}

fn breadth(hot: &Hot, today: i32, entitled: &[String]) -> Breadth {
    let used = hot.features.iter().filter(|f| uses(f, today - 27, today) > 0 && (entitled.is_empty() || entitled.contains(&f.name)));
    let used = used.count() as u64;
    let entitled = (!entitled.is_empty()).then_some(entitled.len() as u64);
    Breadth { used, entitled, share: entitled.and_then(|entitled| share_of(used, entitled)) }
}

/// In thousandths; `None` where nobody told what the customer is entitled to.
pub(crate) fn breadth_milli(hot: &Hot, now: i64, entitled: &[String]) -> Option<i64> {
    let Breadth { used, entitled, .. } = breadth(hot, hot.calendar.day_of(now), entitled);
    milli_of(used, entitled?)
}

fn key_action<'a>(hot: &Hot, name: &'a str, today: i32) -> KeyAction<'a> {
    let of = |days: i32| hot.features.iter().find(|f| f.name == name).map_or(0, |f| uses(f, today - days + 1, today));
    KeyAction { name, d7: of(7), d28: of(28) }
}

fn depth(hot: &Hot) -> Depth {
    let (now, before) = (hot.usage.depth_milli(27, 0), hot.usage.depth_milli(83, 28));
    let change = now.zip(before.filter(|before| *before > 0)).map(|(now, before)| share(now * 1000 / before - 1000));
    Depth { per_user: now.map(share), baseline: before.map(share), change }
}

fn feature(f: &Feature, today: i32) -> FeatureView {
    let (recent, before) = (uses(f, today - TREND_DAYS + 1, today), uses(f, today - 2 * TREND_DAYS + 1, today - TREND_DAYS));
    FeatureView {
        first_used_at: rfc3339(f.first_at),
        last_used_at: rfc3339(f.last_at),
        d28: uses(f, today - 27, today),
        trend: share_of(recent, before).map(|ratio| share((ratio * 1000.0).round() as i64 - 1000)),
    }
}

fn uses(f: &Feature, from: i32, to: i32) -> u64 {
    f.days.iter().filter(|(day, _)| (from..=to).contains(day)).map(|(_, uses)| u64::from(*uses)).sum()
}

fn date(day: i32) -> Option<jiff::civil::Date> {
    let start = jiff::Timestamp::from_millisecond(day_start(day)).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(start).date())
}

fn month_text(month: i32) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}
