//! The machine as tables, and what holds for any history.
use super::*;
use crate::outbox::scan_all;
use crate::testing::{alert, outcome, planned, target};
use c360_log::Headers;
use c360_schemas::Tick;
use proptest::prelude::*;

struct Bench {
    machine: Deliver,
    state: State,
    offsets: [u64; 2],
}

impl Bench {
    fn new(window: usize) -> Self {
        Self { machine: Deliver::new(Routes::new(&[target("ops"), target("cs")]), window), state: State::in_memory(), offsets: [0, 0] }
    }

    fn apply(&mut self, topic: Topic, key: &[u8], value: &[u8]) -> Result<Out, ApplyError> {
        let offset = &mut self.offsets[usize::from(topic == Topic::Deliveries)];
        let at = At { now: 1_000, partition: 3, offset: *offset };
        let record = RecordRef { topic, partition: 3, offset: *offset, recorded_at: 1_000, key, value, headers: Headers::default() };
        *offset += 1;
        let mut actions = Out::default();
        self.machine.apply(at, &record, &mut self.state, &mut actions).map(|()| actions)
    }

    fn alert(&mut self, alert: &Alert) -> Out {
        let mut value = Vec::new();
        alert.encode(&mut value);
        self.apply(Topic::Alerts, &Key { tenant: &alert.tenant, id: &alert.account_id }.to_vec(), &value).unwrap()
    }

    fn delivery(&mut self, delivery: &Delivery) -> Vec<DeliverEffect> {
        let mut value = Vec::new();
        delivery.encode(&mut value);
        self.apply(Topic::Deliveries, &Key { tenant: &delivery.tenant, id: &delivery.account_id }.to_vec(), &value).unwrap().effects
    }

    fn live(&mut self) -> Vec<DeliverEffect> {
        let mut actions = Out::default();
        self.machine.on_live(At::default(), &mut self.state, &mut actions).unwrap();
        assert_eq!(actions.outputs.len(), 0);
        actions.effects
    }

    fn flush(&mut self) -> Vec<DeliverEffect> {
        let mut actions = Out::default();
        self.machine.flush(At::default(), &mut self.state, &mut actions).unwrap();
        actions.effects
    }

    /// All rows, in the order of their queues.
    fn rows(&self) -> Vec<(RowKey, Row)> {
        let mut keys = Vec::new();
        scan_all(&self.state, &mut |_, key| {
            keys.push(key);
            ControlFlow::Continue(())
        })
        .unwrap();
        keys.into_iter().map(|key| (key.clone(), outbox::get(&self.state, &key).unwrap().unwrap())).collect()
    }
}

fn sent(effects: &[DeliverEffect]) -> Vec<&str> {
    effects.iter().filter_map(|effect| if let DeliverEffect::Send(what) = effect { Some(what.alert_id.as_str()) } else { None }).collect()
}

#[test]
fn an_alert_is_planned_for_each_destination_and_leaves_the_state_alone() {
    let mut bench = Bench::new(10);
    let actions = bench.alert(&alert("al_1", 2));
    assert!(actions.effects.is_empty() && bench.rows().is_empty());
    let plans: Vec<Delivery> = actions.outputs.entries().iter().map(|e| Delivery::decode(actions.outputs.value(e)).unwrap()).collect();
    assert_eq!(plans.iter().map(|p| p.destination.as_str()).collect::<Vec<_>>(), ["ops", "cs"]);
    for (plan, entry) in plans.iter().zip(actions.outputs.entries()) {
        assert_eq!((entry.topic, actions.outputs.key(entry)), (Topic::Deliveries, b"default/a1".as_slice()));
        assert_eq!((plan.outcome, plan.attempt, plan.at, plan.kind.as_str()), (DeliveryOutcome::Planned, 0, 1_000, "webhook"));
        assert_eq!(Alert::decode(plan.alert.as_ref().unwrap()).unwrap(), alert("al_1", 2), "the alert travels with its plan");
    }
}

#[test]
fn an_alert_for_the_record_only_is_not_planned() {
    let actions = Bench::new(10).alert(&Alert { notify: false, ..alert("al_1", 1) });
    assert_eq!(actions.outputs.len(), 0);
}

#[test]
fn a_delivery_lives_from_its_plan_to_its_end() {
    for end in [DeliveryOutcome::Delivered, DeliveryOutcome::Dead] {
        let (mut bench, plan) = (Bench::new(10), planned("a1", "al_1", 1, "ops"));
        let effects = bench.delivery(&plan);
        let DeliverEffect::Send(what) = &effects[0] else { panic!("{effects:?}") };
        assert_eq!((what.attempts, what.next_attempt_at, what.planned_at, &what.alert), (0, None, plan.at, plan.alert.as_ref().unwrap()));
        let retries = [1, 2].map(|attempt| outcome(&plan, DeliveryOutcome::Retry, attempt));
        for retry in &retries {
            assert!(bench.delivery(retry).is_empty(), "the sender knows what it said itself");
        }
        let row = &bench.rows()[0].1;
        assert_eq!((row.attempts, row.next_attempt_at, row.first_retry_at), (2, retries[1].next_attempt_at, retries[0].next_attempt_at));
        assert_eq!(bench.delivery(&outcome(&plan, end, 3)), [DeliverEffect::Done(RowKey::of(&plan))]);
        assert!(bench.rows().is_empty());
    }
}

#[test]
fn what_has_no_row_or_has_one_already_changes_nothing() {
    let (mut bench, plan) = (Bench::new(10), planned("a1", "al_1", 1, "ops"));
    for stray in [DeliveryOutcome::Retry, DeliveryOutcome::Delivered, DeliveryOutcome::Dead] {
        assert!(bench.delivery(&outcome(&plan, stray, 1)).is_empty() && bench.rows().is_empty(), "{stray:?}");
    }
    bench.delivery(&plan);
    let before = bench.rows();
    assert!(bench.delivery(&plan).is_empty());
    assert_eq!(bench.rows(), before);
    bench.delivery(&outcome(&planned("a1", "al_1", 2, "ops"), DeliveryOutcome::Delivered, 1));
    bench.delivery(&outcome(&planned("a1", "al_1", 1, "cs"), DeliveryOutcome::Delivered, 1));
    assert_eq!(bench.rows(), before, "another revision and another destination are others");
}

#[test]
fn what_makes_no_sense_is_poison_with_a_reason() {
    let mut tick = Vec::new();
    Tick { at: 1 }.encode(&mut tick);
    let mut good = Vec::new();
    planned("a1", "al_1", 1, "ops").encode(&mut good);
    let mut bare = Vec::new();
    Delivery { alert: None, ..planned("a1", "al_1", 1, "ops") }.encode(&mut bare);
    let table: [(Topic, &[u8], &[u8], &str); 8] = [
        (Topic::Alerts, b"default/a1", b"", "malformed"),
        (Topic::Alerts, b"default/a1", b"\0\0\0\0\x05", "malformed"),
        (Topic::Alerts, b"default/a1", &good, "malformed"),
        (Topic::Deliveries, b"default/a1", b"junk", "malformed"),
        (Topic::Deliveries, b"default/a1", &bare, "malformed"),
        (Topic::Deliveries, b"other/a1", &good, "key_mismatch"),
        (Topic::Deliveries, b"", &good, "key_mismatch"),
        (Topic::Events, b"default/a1", &good, "unexpected"),
    ];
    let mut bench = Bench::new(10);
    for (topic, key, value, wanted) in table {
        match bench.apply(topic, key, value) {
            Err(ApplyError::Poison { reason, .. }) => assert_eq!(reason, wanted),
            other => panic!("{topic:?} {value:?}: {other:?}"),
        }
        assert!(crate::metrics::REASONS.contains(&wanted), "its series exists from the start");
    }
    assert!(bench.rows().is_empty());
    assert!(bench.apply(Topic::Alerts, b"", &tick).unwrap().effects.is_empty());
}

#[test]
fn a_tick_among_the_deliveries_is_a_mark() {
    let mut tick = Vec::new();
    Tick { at: 1 }.encode(&mut tick);
    let mut bench = Bench::new(10);
    bench.delivery(&planned("a1", "al_1", 1, "ops"));
    assert_eq!(bench.apply(Topic::Deliveries, b"", &tick).unwrap().effects, [DeliverEffect::Passed(1)]);
}

#[test]
fn going_live_says_every_pending_row_again_in_the_order_of_planning() {
    let mut bench = Bench::new(10);
    let plans = ["z", "m", "a"].map(|id| planned("a1", id, 1, "ops"));
    for plan in &plans {
        bench.delivery(plan);
    }
    bench.delivery(&outcome(&plans[0], DeliveryOutcome::Retry, 1));
    bench.delivery(&outcome(&plans[1], DeliveryOutcome::Delivered, 1));
    for _ in 0..2 {
        let effects = bench.live();
        assert_eq!(effects[0], DeliverEffect::Live);
        assert_eq!(sent(&effects), ["z", "a"]);
        assert_eq!(effects.last(), Some(&DeliverEffect::Pending(2)));
        let DeliverEffect::Send(what) = &effects[1] else { panic!() };
        assert_eq!((what.attempts, what.next_attempt_at.is_some(), what.first_retry_at), (1, true, what.next_attempt_at));
    }
}

#[test]
fn the_number_of_pending_rows_is_said_when_it_changed() {
    let mut bench = Bench::new(10);
    let plan = planned("a1", "al_1", 1, "ops");
    bench.delivery(&plan);
    assert_eq!(bench.flush(), [], "not counted before it is live");
    bench.live();
    assert_eq!(bench.flush(), []);
    bench.delivery(&planned("a1", "al_2", 1, "ops"));
    assert_eq!(bench.flush(), [DeliverEffect::Pending(2)]);
    bench.delivery(&outcome(&plan, DeliveryOutcome::Dead, 1));
    assert_eq!((bench.flush(), bench.flush()), (vec![DeliverEffect::Pending(1)], vec![]));
}

#[test]
fn only_a_window_of_each_destination_is_handed_over_and_the_rest_follows_in_order() {
    let mut bench = Bench::new(4);
    bench.live();
    let plans: Vec<Delivery> = (0..10).map(|i| planned("a1", &format!("al_{i}"), 1, "ops")).collect();
    let mut said: Vec<String> = Vec::new();
    for plan in &plans {
        said.extend(sent(&bench.delivery(plan)).iter().map(|s| (*s).to_owned()));
    }
    assert_eq!(said.len(), 4);
    assert_eq!(sent(&bench.delivery(&planned("a1", "x", 1, "cs"))), ["x"], "another destination has a window of its own");
    for plan in &plans {
        assert!(said.contains(&plan.alert_id), "{} was said before its end", plan.alert_id);
        said.extend(sent(&bench.delivery(&outcome(plan, DeliveryOutcome::Delivered, 1))).iter().map(|s| (*s).to_owned()));
    }
    assert_eq!(said, plans.iter().map(|p| p.alert_id.clone()).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(sent(&bench.delivery(&planned("a1", "last", 1, "ops"))), ["last"], "no queue, no waiting");
}

/// A step of a history: an alert, or a record of the deliveries topic.
#[derive(Clone, Debug)]
enum Step {
    Alert(u8),
    Delivery(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![(0..6_u8).prop_map(Step::Alert), (0..12_u8, 0..8_u8).prop_map(|(which, what)| Step::Delivery(which, what))]
}

fn delivery_of(which: u8, what: u8) -> Delivery {
    let plan = planned(&format!("a{}", which % 2), &format!("al_{}", which / 4), 1, if which % 4 < 2 { "ops" } else { "cs" });
    match what {
        0..=2 => plan,
        3 | 4 => outcome(&plan, DeliveryOutcome::Retry, i32::from(what)),
        5 | 6 => outcome(&plan, DeliveryOutcome::Delivered, 1),
        _ => outcome(&plan, DeliveryOutcome::Dead, 1),
    }
}

fn run(bench: &mut Bench, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Alert(i) => drop(bench.alert(&alert(&format!("al_{i}"), 1))),
            Step::Delivery(which, what) => drop(bench.delivery(&delivery_of(*which, *what))),
        }
    }
}

proptest! {
    #[test]
    fn how_the_two_topics_interleave_does_not_change_the_outbox(steps in prop::collection::vec(step(), 0..80), cut in 0_usize..80) {
        let mut mixed = Bench::new(3);
        run(&mut mixed, &steps);
        let (alerts, deliveries): (Vec<Step>, Vec<Step>) = steps.iter().cloned().partition(|s| matches!(s, Step::Alert(_)));
        let mut alerts_first = Bench::new(100);
        run(&mut alerts_first, &[alerts.clone(), deliveries.clone()].concat());
        let mut alerts_last = Bench::new(1);
        run(&mut alerts_last, &deliveries[..cut.min(deliveries.len())]);
        alerts_last.live();
        run(&mut alerts_last, &[&deliveries[cut.min(deliveries.len())..], &alerts[..]].concat());
        prop_assert_eq!(mixed.rows(), alerts_first.rows());
        prop_assert_eq!(mixed.rows(), alerts_last.rows(), "nor do the window and going live in the middle");
    }

    #[test]
    fn whatever_happens_the_window_is_kept_and_every_row_is_said_in_the_end(steps in prop::collection::vec(step(), 0..80), window in 1_usize..5) {
        let mut bench = Bench::new(window);
        bench.live();
        let mut in_hand: Vec<RowKey> = Vec::new();
        let take = |effects: Vec<DeliverEffect>, in_hand: &mut Vec<RowKey>| for effect in effects {
            match effect {
                DeliverEffect::Send(what) => {
                    assert!(!in_hand.contains(&what.key), "said twice");
                    in_hand.push(what.key);
                }
                DeliverEffect::Done(key) => in_hand.retain(|k| *k != key),
                _ => {}
            }
        };
        for step in &steps {
            if let Step::Delivery(which, what) = step {
                let effects = bench.delivery(&delivery_of(*which, *what));
                take(effects, &mut in_hand);
                prop_assert!(in_hand.len() <= 2 * window);
            }
        }
        // Settling what is in hand brings the rest, until nothing is left.
        while let Some((key, _)) = bench.rows().into_iter().find(|(key, _)| in_hand.contains(key)) {
            let plan = (0..12).map(|which| delivery_of(which, 0)).find(|plan| RowKey::of(plan) == key).unwrap();
            let effects = bench.delivery(&outcome(&plan, DeliveryOutcome::Delivered, 1));
            take(effects, &mut in_hand);
        }
        prop_assert!(bench.rows().is_empty());
    }
}
