//! The facts of a customer, recomputed the slow and plain way from the list of what was told. Shares no code with the machines.
mod billing;
mod people;
mod support;
mod surveys;
mod usage;

use super::history::{ACCOUNT, Sent};
use crate::harness::DAY;
use billing::{billing, subscriptions};
use people::People;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::support;
use surveys::surveys;
use usage::usage;

fn day(ms: i64) -> i64 {
    ms.div_euclid(DAY)
}

fn text(ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string().into()
}

/// What counts of what was told, with the time that each fact has: the same id once within 7 days, nothing of the future.
fn counted(sent: &[Sent]) -> Vec<(i64, &Sent)> {
    let mut known: BTreeMap<usize, i64> = BTreeMap::new();
    let mut out = Vec::new();
    for one in sent {
        let today = day(one.now);
        if known.get(&one.id).is_some_and(|first| today - first <= 7) {
            continue;
        }
        known.insert(one.id, today);
        out.push((one.occurred_at.min(one.now), one));
    }
    out
}

/// All that is compared, as it has to stand in the view.
pub(crate) fn view(sent: &[Sent], now: i64) -> Value {
    let told = counted(sent);
    let people = People::of(&told);
    json!({
        "usage": usage(&told, &people, now),
        "billing": billing(&told, now),
        "support": support(&told, now),
        "surveys": surveys(&told, now),
        "people": people.view(&told, now),
        "lifecycle": lifecycle(&told, now),
    })
}

fn lifecycle(told: &[(i64, &Sent)], now: i64) -> Value {
    let subs = subscriptions(told);
    if !subs.is_empty() && subs.iter().all(|(sub, _)| sub.steps.last().unwrap().parts().0 == "canceled") {
        return "churned".into();
    }
    let paid = subs
        .iter()
        .flat_map(|(sub, _)| &sub.steps)
        .filter(|s| s.pays() && s.mrr(i64::MIN) + s.mrr(i64::MAX) > 0)
        .filter_map(|s| s.parts().4)
        .min();
    let began = paid.or_else(|| told.iter().map(|(at, _)| *at).min());
    match began.map(|at| day(now) - day(at)) {
        Some(days) if days > 90 => "steady".into(),
        Some(days) if days > 30 => "stabilisation".into(),
        _ => "adoption".into(),
    }
}

/// Where `view` has what is not as the plain computation says.
pub(crate) fn differences(view: &Value, plain: &Value, path: &str, out: &mut Vec<String>) {
    match plain {
        Value::Object(fields) => {
            for (name, plain) in fields {
                differences(&view[name], plain, &format!("{path}/{name}"), out);
            }
        }
        // The view has all days of 90; users are known by the day for 28.
        Value::Array(items) if path == "/usage/daily" => {
            let all = view.as_array().cloned().unwrap_or_default();
            let newest = &all[all.len().saturating_sub(items.len())..];
            if newest != items.as_slice() {
                out.push(format!("{ACCOUNT}{path}: {} and not {plain}", Value::from(newest)));
            }
        }
        _ if view == plain || view.as_f64().zip(plain.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 1e-9) => {}
        _ => out.push(format!("{ACCOUNT}{path}: {view} and not {plain}")),
    }
}
