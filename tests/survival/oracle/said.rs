//! What was decided: each alert revision and each line of history stands in the log once, in order, and is what a recomputation says.
use super::super::recompute::Recomputed;
use super::super::report::Report;
use super::super::tape::Tape;
use c360_schemas::{Alert, History, Topic, Wire};
use std::collections::BTreeMap;

type ByKey<'a> = BTreeMap<&'a [u8], Vec<&'a [u8]>>;

pub(super) fn check(report: &mut Report, tape: &Tape, aggregate: &Recomputed) {
    for topic in [Topic::Alerts, Topic::History] {
        let (mut expected, mut found) = (ByKey::new(), ByKey::new());
        aggregate.said(topic).iter().for_each(|said| expected.entry(&said.key).or_default().push(&said.value));
        tape.all(topic).for_each(|record| found.entry(&record.key).or_default().push(&record.value));
        for key in expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key))) {
            let none = Vec::new();
            compare(report, topic, key, expected.get(key).unwrap_or(&none), found.get(key).unwrap_or(&none));
        }
    }
    revisions_follow_one_another(report, tape);
}

fn compare(report: &mut Report, topic: Topic, key: &[u8], expected: &[&[u8]], found: &[&[u8]]) {
    if expected == found {
        return;
    }
    let mut times: BTreeMap<&[u8], (u64, u64)> = BTreeMap::new();
    expected.iter().for_each(|value| times.entry(value).or_default().0 += 1);
    found.iter().for_each(|value| times.entry(value).or_default().1 += 1);
    let key = String::from_utf8_lossy(key);
    let mut same = true;
    for (value, (expected, found)) in times.into_iter().filter(|(_, (expected, found))| expected != found) {
        same = false;
        report.count(|| format!("{} of {key}: {}", topic.suffix(), tell(topic, value)), expected, found);
    }
    if same {
        report.unequal.push(format!("{} of {key} are out of order", topic.suffix()));
    }
}

fn tell(topic: Topic, value: &[u8]) -> String {
    match topic {
        Topic::Alerts => {
            Alert::decode(value).map_or_else(|e| e.to_string(), |a| format!("{} {}_{} at {}", a.alert_type, a.alert_id, a.revision, a.at))
        }
        _ => History::decode(value).map_or_else(|e| e.to_string(), |h| format!("{} {} at {}", h.id, h.title, h.at)),
    }
}

/// Needs no recomputation: of each alert 1, 2, 3 and so on.
fn revisions_follow_one_another(report: &mut Report, tape: &Tape) {
    let mut revisions: BTreeMap<String, i32> = BTreeMap::new();
    for record in tape.all(Topic::Alerts) {
        let Ok(alert) = Alert::decode(&record.value) else { continue };
        let before = revisions.entry(alert.alert_id.clone()).or_default();
        if alert.revision != *before + 1 {
            report.unequal.push(format!("revision {} of {} follows {before}", alert.revision, alert.alert_id));
        }
        *before = alert.revision;
    }
}
