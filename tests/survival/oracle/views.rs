//! The views: the API shows what the newest profiles say, these are what a recomputation says, and both are what was acknowledged.
use super::super::ledger::{Expected, Ledger};
use super::super::recompute::Recomputed;
use super::super::report::Report;
use super::super::shown::Shown;
use super::super::tape::Tape;
use crate::common::at;
use c360_schemas::{Alert, Key, Profile, Topic, Wire};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(report: &mut Report, ledger: &Ledger, tape: &Tape, shown: &Shown, aggregate: &Recomputed) {
    for (account, expected) in &ledger.accounts {
        match shown.views.get(account) {
            Some(view) => counts(report, account, expected, view),
            None => report.lost.push(format!("{account} is not shown")),
        }
    }
    let profiles = profiles(tape);
    for (account, view) in &shown.views {
        if profiles.get(account).map(|profile| &profile.1) != Some(view) {
            report.unequal.push(format!("{account} is not shown as its profile has it"));
        }
    }
    recomputed(report, &profiles, aggregate);
    alerts(report, tape, shown);
}

/// Against what was acknowledged: events and users of each day, and answers.
fn counts(report: &mut Report, account: &str, expected: &Expected, view: &Value) {
    let daily = at(view, "/usage/daily").as_array().cloned().unwrap_or_default();
    let found: BTreeMap<&str, &Value> = daily.iter().filter_map(|day| Some((day[0].as_str()?, day))).collect();
    for (day, (events, users)) in &expected.days {
        let none = json!([day, 0, 0]);
        let shown = found.get(day.as_str()).copied().unwrap_or(&none);
        report.count(|| format!("events of {account} on {day}"), *events, shown[1].as_u64().unwrap_or(0));
        report.count(|| format!("users of {account} on {day}"), users.len() as u64, shown[2].as_u64().unwrap_or(0));
    }
    let days: BTreeSet<&str> = expected.days.keys().map(String::as_str).collect();
    for day in found.keys().filter(|day| !days.contains(**day)) {
        report.doubled.push(format!("{account} has events on {day}: nobody sent any"));
    }
    for (name, expected) in [("promoters", expected.promoters), ("passives", expected.passives), ("detractors", expected.detractors)] {
        report.count(|| format!("{name} of {account}"), expected, view["surveys"]["nps"][name].as_u64().unwrap_or(0));
    }
}

/// Account, the profile's other fields, its view.
fn profiles(tape: &Tape) -> BTreeMap<String, (Profile, Value)> {
    let newest = tape.newest.iter().filter(|((topic, _), record)| *topic == Topic::Profiles && !record.value.is_empty());
    newest.filter_map(|((_, key), record)| parse(key, &record.value)).collect()
}

fn parse(key: &[u8], value: &[u8]) -> Option<(String, (Profile, Value))> {
    let mut profile = Profile::decode(value).ok()?;
    let view = serde_json::from_str(&std::mem::take(&mut profile.view)).ok()?;
    Some((Key::parse(key)?.id.to_owned(), (profile, view)))
}

/// Profiles are said at ends of batches: when, and at which record, is not part of what must be equal.
fn timeless((mut profile, mut view): (Profile, Value)) -> (Profile, Value) {
    profile.as_of = 0;
    view["as_of"] = Value::Null;
    view["position"] = Value::Null;
    (profile, view)
}

fn recomputed(report: &mut Report, profiles: &BTreeMap<String, (Profile, Value)>, aggregate: &Recomputed) {
    let expected = aggregate.profiles.iter().filter(|(_, value)| !value.is_empty()).filter_map(|(key, value)| parse(key, value));
    let expected: BTreeMap<String, _> = expected.collect();
    for (account, profile) in &expected {
        match profiles.get(account) {
            None => report.lost.push(format!("the profile of {account}")),
            Some(found) => {
                let (expected, found) = (timeless(profile.clone()), timeless(found.clone()));
                if expected != found {
                    report.unequal.push(format!("the profile of {account}: {}", first_difference(&expected.1, &found.1, "")));
                }
            }
        }
    }
    for account in profiles.keys().filter(|account| !expected.contains_key(*account)) {
        report.unequal.push(format!("there is a profile of {account}, who is nobody"));
    }
}

fn first_difference(expected: &Value, found: &Value, path: &str) -> String {
    if let (Value::Object(a), Value::Object(b)) = (expected, found)
        && let Some(key) = a.keys().chain(b.keys()).find(|key| a.get(*key) != b.get(*key))
    {
        return first_difference(&expected[key], &found[key], &format!("{path}/{key}"));
    }
    format!("{path} is {found} instead of {expected}")
}

fn alerts(report: &mut Report, tape: &Tape, shown: &Shown) {
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for alert in tape.all(Topic::Alerts).filter_map(|record| Alert::decode(&record.value).ok()) {
        newest.insert(alert.alert_id, alert.revision.into());
    }
    if newest != shown.alerts {
        report.unequal.push(format!(
            "the API shows {} alerts, or other revisions of them, and the log has {}",
            shown.alerts.len(),
            newest.len()
        ));
    }
}
