//! Events between the stages: what the machines pass on stands in the log once for each time that they must have said it, and what is left over is what came in from outside.
use super::super::ledger::{Ledger, Way};
use super::super::recompute::{Recomputed, Said};
use super::super::report::Report;
use super::super::tape::Tape;
use c360_schemas::{EventsValue, Topic, decode_events_value};
use std::collections::HashMap;

pub(super) fn check(report: &mut Report, ledger: &Ledger, tape: &Tape, resolve: &Recomputed, aggregate: &Recomputed) {
    for topic in [Topic::Events, Topic::Unresolved] {
        let mut from_outside: HashMap<String, u64> = HashMap::new();
        for (said, times) in left_over(tape, topic, [resolve, aggregate]) {
            match (u64::try_from(times), message_id(&said.value)) {
                (Err(_), id) => report.lost.push(format!("{id} was not passed on into {}: {times}", topic.suffix())),
                (Ok(times), id) => *from_outside.entry(id).or_default() += times,
            }
        }
        compare(report, ledger, topic, &from_outside);
    }
}

/// How often each record stands in a topic, less the times that a machine said it.
fn left_over(tape: &Tape, topic: Topic, machines: [&Recomputed; 2]) -> HashMap<Said, i64> {
    let mut times: HashMap<Said, i64> = HashMap::new();
    for record in tape.all(topic) {
        *times.entry(Said { key: record.key.clone(), value: record.value.clone() }).or_default() += 1;
    }
    for said in machines.into_iter().flat_map(|machine| machine.said(topic)) {
        *times.entry(said.clone()).or_default() -= 1;
    }
    times.retain(|_, times| *times != 0);
    times
}

fn message_id(value: &[u8]) -> String {
    match decode_events_value(value) {
        Ok(EventsValue::Event(event)) => event.message_id.to_owned(),
        Ok(EventsValue::Move(moved)) => format!("the move of {}", moved.from_account),
        other => format!("{other:?}"),
    }
}

/// An acknowledged event came in at least once, and no event more often than it was sent.
fn compare(report: &mut Report, ledger: &Ledger, topic: Topic, found: &HashMap<String, u64>) {
    let mut wanted: HashMap<String, (u64, u64)> = HashMap::new();
    for (id, sent) in &ledger.sent {
        let bounds = (u64::from(sent.acknowledged), u64::from(sent.attempts));
        match (topic, sent.way) {
            (Topic::Events, Way::Direct | Way::Both) | (Topic::Unresolved, Way::Resolved) => drop(wanted.insert(id.clone(), bounds)),
            (Topic::Unresolved, Way::Both) => drop(wanted.insert(format!("{id}#link"), bounds)),
            _ => {}
        }
    }
    for (id, times) in found {
        let most = wanted.get(id).map_or(0, |(_, most)| *most);
        if *times > most {
            report.doubled.push(format!("{id} stands in {} {times} times too often, or {most} at most", topic.suffix()));
        }
    }
    for (id, (least, _)) in &wanted {
        if found.get(id).copied().unwrap_or(0) < *least {
            report.lost.push(format!("{id} was acknowledged and is not in {}", topic.suffix()));
        }
    }
}
