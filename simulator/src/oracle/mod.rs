//! What must hold when a run has come to rest, recomputed plainly from what the log has.
//!
//! The log's inputs are taken as they stand (their order is nobody's merit), and each machine is folded over them once more; rows and outputs must be equal. Against a mistake in
//! the machines themselves, or in what the log was given, stand the sums: usage of the plain accounts is counted from what was acknowledged, and deliveries from the alerts.
mod deliveries;
mod fold;
mod sums;

use crate::scenario::PARTITIONS;
use crate::world::{Record, World};
use c360_engine::Machine;
use c360_log::planted;
use c360_processor::{Aggregate, AggregateConfig, Resolve, ResolveConfig};
use c360_schemas::{EventsValue, Topic, decode_events_value};
use fold::{Folded, Said, fold};

/// First byte of the rows that note which profiles were not said yet when the rows were written: when that is depends on the pace, not on the log.
const TAG_OWED: u8 = 0x1a;

/// Everything that does not hold.
pub(crate) fn check(world: &World) -> Vec<String> {
    // The recomputation itself has no bugs planted.
    let bug = planted::planted();
    planted::plant(None);
    let mut problems = Vec::new();
    if let Err(error) = check_all(world, &mut problems) {
        problems.push(format!("the recomputation failed: {error}"));
    }
    planted::plant(bug);
    problems
}

fn check_all(world: &World, problems: &mut Vec<String>) -> Result<(), String> {
    let unresolved = world.records(Topic::Unresolved);
    let events = world.records(Topic::Events);
    let resolve = fold_all(&unresolved, || Resolve::new(ResolveConfig::default()))?;
    let config = AggregateConfig { profiles_max: usize::MAX, ..AggregateConfig::default() };
    let aggregate = fold_all(&events, || Aggregate::new(config.clone()))?;
    for partition in 0..PARTITIONS {
        compare_rows(world, Resolve::NAME, partition, &resolve, problems);
        compare_rows(world, Aggregate::NAME, partition, &aggregate, problems);
    }
    for topic in [Topic::Alerts, Topic::History] {
        compare_in_order(&world.records(topic), &aggregate, topic, problems);
    }
    for (topic, records) in [(Topic::Unresolved, &unresolved), (Topic::Events, &events)] {
        compare_as_sets(world, topic, records, resolve.iter().chain(&aggregate), problems);
    }
    let refused: usize = resolve.iter().chain(&aggregate).map(|folded| folded.refused).sum();
    let letters = world.records(Topic::DeadLetters).concat().len();
    if refused != letters {
        problems.push(format!("{refused} records could not be taken, and {letters} are in the dead letters"));
    }
    sums::check(world, problems);
    deliveries::check(world, problems);
    Ok(())
}

fn fold_all<M: Machine>(records: &[Vec<Record>], make: impl Fn() -> M) -> Result<Vec<Folded>, String> {
    records.iter().enumerate().map(|(partition, records)| fold(make(), partition as u32, records)).collect()
}

fn compare_rows(world: &World, machine: &'static str, partition: u32, folded: &[Folded], problems: &mut Vec<String>) {
    let counts = |key: &[u8]| key.first() != Some(&TAG_OWED);
    let held = world.processes.iter().filter_map(|process| process.disk.rows(machine, partition));
    let Some((rows, _)) = held.max_by_key(|(_, meta)| meta.positions.iter().map(|(_, next)| *next).sum::<u64>()) else { return };
    let expected = &folded[partition as usize].rows;
    let missing = expected.iter().filter(|(key, value)| counts(key) && rows.get(*key) != Some(value));
    let extra = rows.keys().filter(|key| counts(key) && !expected.contains_key(*key));
    let keys: Vec<String> =
        missing.map(|(key, _)| key).chain(extra).map(|key| String::from_utf8_lossy(key).escape_debug().to_string()).collect();
    if !keys.is_empty() {
        problems.push(format!("{machine}/{partition}: {} rows differ: {}", keys.len(), keys.join(", ")));
    }
}

/// A machine's outputs go to the partition that they came from: they must stand there in order, each once.
fn compare_in_order(records: &[Vec<Record>], folded: &[Folded], topic: Topic, problems: &mut Vec<String>) {
    for (partition, (records, folded)) in records.iter().zip(folded).enumerate() {
        let there: Vec<Said> = records.iter().map(|r| Said::new(topic, &r.key, &r.value)).collect();
        let expected = folded.said_in(topic);
        if there == expected {
            continue;
        }
        let at = there.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        let (is, should) = (there.len(), expected.len());
        problems.push(format!("{}/{partition}: {is} records, {should} expected, the first difference at {at}", topic.suffix()));
    }
}

/// What ingest wrote, and what machines said to other partitions: each once.
fn compare_as_sets<'a>(
    world: &World,
    topic: Topic,
    records: &[Vec<Record>],
    folded: impl Iterator<Item = &'a Folded>,
    problems: &mut Vec<String>,
) {
    let is_tick = |value: &[u8]| matches!(decode_events_value(value), Ok(EventsValue::Tick(_)));
    let mut there: Vec<Said> =
        records.iter().flatten().filter(|r| !is_tick(&r.value)).map(|r| Said::new(topic, &r.key, &r.value)).collect();
    let written = world.written.iter().filter(|r| r.topic == topic).map(|r| Said::new(topic, &r.key, &r.value));
    let expected: Vec<Said> = written.chain(folded.flat_map(|folded| folded.said_in(topic))).collect();
    there.sort();
    let (mut extra, mut missing) = (there.clone(), Vec::new());
    for said in expected {
        match extra.binary_search(&said) {
            Ok(at) => drop(extra.remove(at)),
            Err(_) => missing.push(said),
        }
    }
    let tell = |said: &Said| format!("{} {}", String::from_utf8_lossy(&said.key), message_id(&said.value));
    for (what, said) in [("not expected", extra), ("missing", missing)] {
        if !said.is_empty() {
            let told: Vec<String> = said.iter().map(tell).collect();
            problems.push(format!("{}: {what}: {}", topic.suffix(), told.join(", ")));
        }
    }
}

/// What a record of events is about.
fn message_id(value: &[u8]) -> String {
    match decode_events_value(value) {
        Ok(EventsValue::Event(event)) => event.message_id.to_owned(),
        Ok(EventsValue::Move(moved)) => format!("move of {}", moved.from_account),
        Ok(EventsValue::Command(_)) => "a command".into(),
        Ok(EventsValue::Tick(_)) => "a tick".into(),
        Ok(EventsValue::Rules(rules)) => format!("rules {}", rules.version),
        Ok(EventsValue::Feed(feed)) => format!("feed {} silent {}", feed.source, feed.silent),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}
