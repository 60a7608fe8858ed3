//! Windows, users, features and trends, counted from all events each time.
use super::super::history::{FEATURES, Fact, KEY_ACTION, Sent};
use super::people::{People, automated};
use super::{day, text};
use crate::harness::DAY;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A usage event.
struct Use {
    at: i64,
    who: Option<String>,
    feature: usize,
    automated: bool,
}

pub(super) fn usage(told: &[(i64, &Sent)], people: &People, now: i64) -> Value {
    let uses: Vec<Use> = told
        .iter()
        .filter_map(|(at, s)| match s.fact {
            Fact::Usage { user, anonymous, feature } => Some(Use {
                at: *at,
                who: people.who(user, anonymous),
                feature,
                automated: automated(user) || (user.is_none() && anonymous.is_none()),
            }),
            _ => None,
        })
        .collect();
    let today = day(now);
    let within = |from: i64, to: i64| uses.iter().filter(move |u| (from..=to).contains(&day(u.at)));
    let events = |days: i64| within(today - days + 1, today).count();
    let users = |from: i64, to: i64| within(from, to).filter_map(|u| u.who.clone()).collect::<BTreeSet<_>>().len();
    let user_days = |from: i64, to: i64| (from..=to).map(|d| users(d, d)).sum::<usize>();
    let milli = |n: i64| n as f64 / 1000.0;
    let mau = users(today - 27, today);
    let key = |from: i64, to: i64| within(from, to).filter(|u| !u.automated && FEATURES[u.feature] == KEY_ACTION).count();
    let of_feature = |feature: usize, from: i64, to: i64| within(from, to).filter(|u| u.feature == feature).count();
    let ratio = |now: usize, before: usize| (before > 0).then(|| milli((now * 1000 / before) as i64 - 1000));
    let mut features = serde_json::Map::new();
    for (index, name) in FEATURES.iter().enumerate() {
        let of: Vec<i64> = uses.iter().filter(|u| u.feature == index).map(|u| u.at).collect();
        if let (Some(first), Some(last)) = (of.iter().min(), of.iter().max()) {
            let trend = ratio(of_feature(index, today - 13, today), of_feature(index, today - 27, today - 14));
            features.insert((*name).into(), json!({"first_used_at": text(*first), "last_used_at": text(*last), "28d": of_feature(index, today - 27, today), "trend": trend}));
        }
    }
    let mut monthly: BTreeMap<String, u64> = BTreeMap::new();
    for u in &uses {
        *monthly.entry(text(u.at).as_str().unwrap()[..7].into()).or_default() += 1;
    }
    let daily: Vec<Value> = (today - 27..=today)
        .filter(|d| within(*d, *d).count() > 0)
        .map(|d| json!([&text(d * DAY).as_str().unwrap()[..10], within(d, d).count(), users(d, d)]))
        .collect();
    let first = uses.iter().map(|u| day(u.at)).min();
    let last = uses.iter().map(|u| u.at).max();
    let trend = |weeks_max: i64, least: usize, count: &dyn Fn(i64, i64) -> usize| {
        let weeks = ((today - first? - 7) / 7).min(weeks_max);
        if today - first? < 14 || weeks < 1 {
            return None;
        }
        let (recent, before) = (count(today - 7, today - 1), count(today - 7 - 7 * weeks, today - 8));
        if before < least {
            return (recent == 0 && today - day(last?) > 7).then_some(-1.0);
        }
        Some(milli(((recent * weeks as usize * 1000 / before) as i64 - 1000).min(10_000)))
    };
    json!({
        "events": {"1d": events(1), "7d": events(7), "28d": events(28), "90d": events(90)},
        "active_users": {"1d": users(today, today), "7d": users(today - 6, today), "28d": mau},
        "stickiness": (mau > 0).then(|| milli((user_days(today - 27, today) * 1000 / (28 * mau)) as i64)),
        "last_seen_at": last.map(text),
        "breadth": {"used": (0..FEATURES.len()).filter(|f| of_feature(*f, today - 27, today) > 0).count(), "entitled": null, "share": null},
        "key_actions": [{"name": KEY_ACTION, "7d": of_feature(1, today - 6, today), "28d": of_feature(1, today - 27, today)}],
        "depth": {"per_user": (user_days(today - 27, today) > 0).then(|| milli((key(today - 27, today) * 1000 / user_days(today - 27, today)) as i64))},
        "automation": {"7d": within(today - 6, today).filter(|u| u.automated).count(), "28d": within(today - 27, today).filter(|u| u.automated).count()},
        "trend": {"events": trend(4, 5, &|from, to| within(from, to).count()), "active_users": trend(3, 3, &user_days)},
        "features": features,
        "daily": daily,
        "monthly": monthly.into_iter().map(|(month, n)| json!([month, n])).collect::<Vec<_>>(),
    })
}
