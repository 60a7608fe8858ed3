//! Deliveries: each loud alert revision is planned once, delivered, and came to the receiver under its own id with one body; nothing else came.
use super::super::receiver::Got;
use super::super::report::Report;
use super::super::tape::Tape;
use c360_schemas::{Alert, Delivery, DeliveryOutcome, Topic, Wire};
use std::collections::BTreeMap;

pub(super) fn check(report: &mut Report, tape: &Tape, got: &BTreeMap<String, Got>) {
    let alerts = tape.all(Topic::Alerts).filter_map(|record| Alert::decode(&record.value).ok());
    let loud: Vec<String> = alerts.filter(|alert| alert.notify).map(|alert| format!("{}_{}", alert.alert_id, alert.revision)).collect();
    report.alerts = loud.len();
    let outcomes = outcomes(report, tape);
    for id in &loud {
        let of = |outcome| outcomes.get(&(id.clone(), outcome)).copied().unwrap_or(0);
        report.count(|| format!("the plan to deliver {id}"), 1, of("planned"));
        if of("delivered") == 0 {
            report.lost.push(format!("{id} was never delivered, says the log"));
        }
        match got.get(id) {
            Some(got) if got.taken > 0 => {}
            _ => report.lost.push(format!("{id} was never delivered, says the receiver")),
        }
    }
    for (id, got) in got {
        if !loud.contains(id) {
            report.doubled.push(format!("{id} came, and there is no such alert"));
        }
        if got.bodies.len() > 1 {
            report.unequal.push(format!("{id} said {} things", got.bodies.len()));
        }
    }
}

/// How often each outcome of each delivery stands in the log.
fn outcomes(report: &mut Report, tape: &Tape) -> BTreeMap<(String, &'static str), u64> {
    let mut times = BTreeMap::new();
    for delivery in tape.all(Topic::Deliveries).filter_map(|record| Delivery::decode(&record.value).ok()) {
        let id = format!("{}_{}", delivery.alert_id, delivery.revision);
        if delivery.outcome == DeliveryOutcome::Dead {
            report.lost.push(format!("{id} was given up: {:?}", delivery.error));
        }
        *times.entry((id, delivery.outcome.as_str())).or_default() += 1;
    }
    times
}
