//! The oracle: compares the ledger, the log, what the API shows and what the receiver got with one another and with a plain recomputation.
mod deliveries;
mod passed_on;
mod said;
mod views;

use super::ledger::Ledger;
use super::receiver::Got;
use super::recompute::fold;
use super::report::Report;
use super::shown::Shown;
use super::tape::Tape;
use c360_processor::{Aggregate, AggregateConfig, Resolve, ResolveConfig};
use c360_schemas::{Progress, Topic, Wire};
use std::collections::BTreeMap;

/// What is compared.
pub struct Evidence<'a> {
    pub ledger: &'a Ledger,
    pub tape: &'a Tape,
    pub shown: &'a Shown,
    pub got: &'a BTreeMap<String, Got>,
    pub config: &'a AggregateConfig,
}

pub fn judge(evidence: &Evidence<'_>) -> Report {
    let Evidence { ledger, tape, shown, got, config } = evidence;
    let resolve = fold(tape, || Resolve::new(ResolveConfig::default()));
    let aggregate = fold(tape, || Aggregate::new((*config).clone()));
    let mut report = Report { acknowledged: ledger.acknowledged, retried: ledger.retried, ..Report::default() };
    report.recomputed = resolve.records + aggregate.records;
    report.unequal.extend(resolve.broken.iter().chain(&aggregate.broken).cloned());
    passed_on::check(&mut report, ledger, tape, &resolve, &aggregate);
    said::check(&mut report, tape, &aggregate);
    views::check(&mut report, ledger, tape, shown, &aggregate);
    deliveries::check(&mut report, tape, got);
    everything_is_through(&mut report, tape);
    report
}

/// Nothing is left over or refused, and the progress records say what the group's offsets say.
fn everything_is_through(report: &mut Report, tape: &Tape) {
    report.unfinished.extend(tape.behind());
    for letter in tape.all(Topic::DeadLetters) {
        report.unequal.push(format!("a dead letter: {:?}", c360_schemas::DeadLetter::decode(&letter.value)));
    }
    for ((_, key), record) in tape.newest.iter().filter(|((topic, _), _)| *topic == Topic::Progress) {
        let key = String::from_utf8_lossy(key);
        let Ok(progress) = Progress::decode(&record.value) else {
            report.unequal.push(format!("the progress of {key} cannot be read"));
            continue;
        };
        for ((_, topic, _), committed) in tape.committed.iter().filter(|((group, _, p), _)| format!("{group}/{p}") == key) {
            let said = progress.positions.iter().find(|p| p.topic == topic.suffix()).map_or(0, |p| p.next_offset as u64);
            if said != *committed {
                report.unequal.push(format!("{key} says that it is at {said} of {}, and has committed {committed}", topic.suffix()));
            }
        }
    }
}
