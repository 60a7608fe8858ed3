use super::*;
use crate::draw::{Drawing, Draws};
use crate::wording::Wording;
use c360_engine::State;
use c360_log::Headers;

const DRAWING: Drawing = Drawing { events: 200_000, accounts: 10_000, skew: 0.8, seed: 1, end_ms: 20_000 * DAY_MS };

/// Alerts that the rule finds in one partition that has everything, and the time of each.
fn alerts(drawing: Drawing) -> Vec<i64> {
    let (mut machine, mut state, mut actions, mut wording) = (ArmA::default(), State::in_memory(), Actions::default(), Wording::default());
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for (offset, (drawn, arrival)) in Draws::new(drawing).enumerate() {
        let at = At { now: arrival, partition: 0, offset: offset as u64 };
        let (k, event) = wording.event(&drawn);
        key.clear();
        value.clear();
        k.write(&mut key);
        event.encode(&mut value);
        let (topic, headers) = (Topic::Events, Headers::default());
        let record = RecordRef { topic, partition: 0, offset: at.offset, recorded_at: arrival, key: &key, value: &value, headers };
        machine.apply(at, &record, &mut state, &mut actions).unwrap();
        if offset % 10_000 == 0 {
            machine.write_back(&mut state).unwrap();
            state.settle_writes();
        }
    }
    let batch = &actions.outputs;
    let at = |value: &[u8]| serde_json::from_slice::<serde_json::Value>(value).unwrap()["at"].as_i64().unwrap();
    batch.entries().iter().map(|entry| at(batch.value(entry))).collect()
}

#[test]
fn the_rule_finds_as_many_alerts_wherever_the_days_are_moved_to() {
    let found = alerts(DRAWING);
    assert!(found.len() > 100, "{}", found.len());
    let moved: Vec<i64> = found.iter().map(|at| at + 17 * DAY_MS).collect();
    assert_eq!(alerts(Drawing { end_ms: DRAWING.end_ms + 17 * DAY_MS, ..DRAWING }), moved);
}

#[test]
fn a_message_counts_once_and_an_id_need_not_be_a_uuid() {
    let (mut machine, mut state) = (ArmA::default(), State::in_memory());
    for id in ["1e535eed-e314-48f0-8d82-b7e910b0f93f", "node-1", "1e535eed-e314-48f0-8d82-b7e910b0f93g"] {
        assert!(machine.first_time(20_000, id, &mut state).unwrap(), "{id}");
        assert!(!machine.first_time(20_000, id, &mut state).unwrap(), "{id}");
    }
    machine.forget(20_000 + SEEN_DAYS, &mut state).unwrap();
    assert!(!machine.first_time(20_000, "node-1", &mut state).unwrap(), "forgotten too early");
    machine.forget(20_001 + SEEN_DAYS, &mut state).unwrap();
    assert!(machine.first_time(20_000, "node-1", &mut state).unwrap(), "never forgotten");
}
