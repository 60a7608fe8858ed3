//! Rules that are applied: every customer is scored by them, nobody is alarmed by them, and receipts say what was theirs.
use crate::harness::*;
use crate::replay;
use c360_processor::{Aggregate, AggregateConfig};
use c360_schemas::AlertStatus::{Open, Resolved};
use c360_schemas::*;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Silence alone makes health.
const BY_SILENCE: &str = r#"
name = "by silence"
[groups.outcome]
side = "outcome"
weight = 1
[measures.quiet]
group = "outcome"
fact = "usage.silent_days"
weight = 1
red = 16
green = 0
"#;

fn rules(version: i32, text: &str) -> Rules {
    Rules { tenant: "t".into(), version, at: START, by: "ann".into(), note: None, text: text.into() }
}

fn record(rules: &Rules) -> (Vec<u8>, Vec<u8>) {
    let mut value = Vec::new();
    rules.encode(&mut value);
    (Key { tenant: "t", id: RULES_ACCOUNT }.to_vec(), value)
}

fn apply(w: &mut World, version: i32, text: &str) {
    let (key, value) = record(&rules(version, text));
    w.put(Topic::Events, &key, &value);
}

/// Scores in the history of an account, oldest first.
fn scores(w: &World, account: &str) -> Vec<Value> {
    let of = w.history.iter().filter(|h| h.account_id == account && h.kind == HistoryKind::Score);
    of.map(|h| serde_json::from_str(&h.detail).unwrap()).collect()
}

fn line<'a>(score: &'a Value, measure: &str) -> Option<&'a Value> {
    score["receipt"].as_array().unwrap().iter().find(|line| line["measure"] == measure)
}

#[test]
fn applied_rules_score_everybody_anew_and_the_receipt_names_them() {
    let mut w = World::new();
    w.steady("a1");
    w.wait(2 * DAY);
    let before = w.view("a1")["health"]["score"].as_i64().unwrap();
    apply(&mut w, 1, BY_SILENCE);
    let health = w.view("a1")["health"].clone();
    assert_eq!((&health["rules"]["name"], &health["rules"]["version"]), (&"by silence".into(), &1.into()));
    let days = health["groups"][0]["measures"][0]["value"].as_f64().unwrap();
    let score = health["score"].as_i64().unwrap();
    assert_eq!(score, (100.0 * (16.0 - days) / 16.0 + 0.5).floor() as i64, "{health}");
    let newest = scores(&w, "a1").pop().unwrap();
    let of_rules = line(&newest, "rules:1").expect("the rules have a line");
    assert_eq!((&of_rules["contribution"], &newest["before"]), (&(score - before).into(), &before.into()), "{newest}");
    assert!(w.alerts.is_empty(), "a change of rules is no change of health: {:?}", w.alerts);
    let applied: Vec<_> = w.history.iter().filter(|h| h.account_id == RULES_ACCOUNT).collect();
    assert_eq!(applied.len(), 1);
    assert_eq!(applied[0].title, "Rules 1 (by silence) applied by ann");
    // From then on it is theirs: silence goes on, and the fall is told with its measure.
    w.wait(10 * DAY);
    assert_eq!(w.sent(), [("health.changed".into(), Open, "red".into())]);
    let alert = &w.alerts[0];
    assert!(alert.receipt.iter().all(|l| l.measure == "quiet"), "{:?}", alert.receipt);
}

#[test]
fn whatever_order_rules_come_in_the_newest_holds() {
    let other = BY_SILENCE.replace("by silence", "other");
    let mut ends = Vec::new();
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let mut w = World::new();
        w.steady("a1");
        for version in order {
            apply(&mut w, version, if version == 3 { &other } else { BY_SILENCE });
        }
        ends.push((w.view("a1")["health"].clone(), w.view("a1")["health"]["rules"]["version"].clone()));
    }
    assert!(ends.iter().all(|end| *end == ends[0] && end.1 == 3), "{ends:?}");
}

#[test]
fn rules_with_a_mistake_are_refused_and_change_nothing() {
    let mut w = World::new();
    w.steady("a1");
    let (key, value) = record(&rules(1, "name = 3"));
    let error = w.aggregate.apply(w.now, Topic::Events, &key, &value).unwrap_err();
    assert!(error.to_string().contains("1:1: the file has no groups"), "{error}");
    assert_eq!(w.view("a1")["health"]["rules"]["version"], 0);
}

#[test]
fn many_customers_are_scored_anew_in_parts() {
    let mut w = World::new();
    for n in 0..4_500 {
        w.track(&format!("a{n}"), "ann");
    }
    apply(&mut w, 1, BY_SILENCE);
    // Each has its first score, and then one by the new rules, since its band is known now.
    let scored = |w: &World| w.history.iter().filter(|h| h.kind == HistoryKind::Score).count();
    assert_eq!(scored(&w), 4_500 + 2_000, "in the first transaction");
    w.wait(10);
    assert_eq!(scored(&w), 2 * 4_500);
    // Who came after them is scored by them at once.
    w.track("new", "ann");
    assert_eq!(w.view("new")["health"]["rules"]["version"], 1);
}

#[test]
fn a_change_of_card_is_no_change_of_health() {
    let text = format!(
        "{BY_SILENCE}\n[measures.people]\ngroup = \"outcome\"\nfact = \"usage.active_users.28d\"\nweight = 1\nred = 0\ngreen = 100\n\
         [[cards]]\nid = \"new\"\nlifecycle = [\"adoption\"]\n[cards.measures.people]\nweight = 0\n"
    );
    let mut w = World::new();
    apply(&mut w, 1, &text);
    for _ in 0..40 {
        w.track("a1", "ann");
        w.wait(DAY);
    }
    let scores = scores(&w, "a1");
    let moved = scores.iter().find(|score| line(score, "card:default").is_some()).expect("the card changed");
    assert!(line(moved, "card:default").unwrap()["contribution"].as_i64().unwrap() < -30, "{moved}");
    assert_eq!((&moved["card"], &scores[0]["card"]), (&"default".into(), &"new".into()));
    assert!(w.alerts.is_empty(), "{:?}", w.alerts);
}

#[test]
fn an_override_holds_the_band_until_it_expires_and_a_hard_fact_is_stronger() {
    let expires = (START + 60 * DAY) / DAY;
    let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(expires)).unwrap();
    let text = format!(
        "{BY_SILENCE}\n[caps.ended]\ngroup = \"outcome\"\nwhen = {{ \"billing.churned\" = true }}\nlimit = 0\nhard = true\n\
         [[overrides]]\naccount = \"a1\"\nband = \"green\"\nowner = \"Kim\"\nreason = \"moving\"\nexpires = {day}\n"
    );
    let mut w = World::new();
    w.steady("a1");
    apply(&mut w, 1, &text);
    w.wait(15 * DAY);
    assert_eq!((w.band("a1").as_str(), &w.view("a1")["health"]["score"]), ("green", &0.into()), "the score stands beside it");
    assert_eq!(w.view("a1")["health"]["overrides"][0]["owner"], "Kim");
    let falls = |w: &World| w.sent().into_iter().filter(|(kind, ..)| kind == "health.changed").collect::<Vec<_>>();
    assert!(falls(&w).is_empty(), "{:?}", w.alerts);
    w.wait(10 * DAY);
    assert_eq!(w.band("a1"), "red", "it expired, and the crossing held for three days");
    assert_eq!(falls(&w), [("health.changed".into(), Open, "red".into())]);

    let mut w = World::new();
    w.steady("a1");
    apply(&mut w, 1, &text);
    w.say("a1", Kind::Billing, Payload::Subscription(Subscription { ended_at: Some(w.now), ..subscription("sub", 2, "canceled") }));
    assert_eq!(w.band("a1"), "red");
}

#[test]
fn full_seats_are_told_once_and_end_when_there_is_room_again() {
    let mut w = World::new();
    w.steady("a1");
    let seats = |w: &mut World, seats| {
        let traits = AccountTraits { seats: Some(seats), ..Default::default() };
        w.say("a1", Kind::Identity, Payload::Account(traits));
    };
    seats(&mut w, 3);
    for _ in 0..10 {
        for user in ["ann", "bob", "cat"] {
            w.track("a1", user);
        }
        w.wait(DAY);
    }
    assert_eq!(w.sent(), [("expansion.ready".into(), Open, "green".into())]);
    assert_eq!(w.alerts[0].actions, ["Offer more seats"]);
    assert_eq!(w.alerts[0].severity, Severity::Info);
    assert_eq!(w.view("a1")["next_actions"][0]["playbook"], "Offer more seats");
    seats(&mut w, 8);
    for _ in 0..10 {
        for user in ["ann", "bob", "cat"] {
            w.track("a1", user);
        }
        w.wait(DAY);
    }
    let resolved = w.alerts.iter().filter(|a| a.status == Resolved && !a.notify).count();
    assert_eq!((resolved, w.alerts.len()), (1, 2), "once, and without a word: {:?}", w.alerts);
}

#[test]
fn seats_that_stay_empty_after_delivery_are_told() {
    let mut w = World::new();
    let traits = AccountTraits { seats: Some(20), delivered_at: Some(w.now), ..Default::default() };
    w.say("a1", Kind::Identity, Payload::Account(traits));
    w.wait(20 * DAY);
    assert!(w.alerts.is_empty(), "{:?}", w.alerts);
    w.wait(2 * DAY);
    // Nothing at all is known of its health; that nobody came is known.
    assert_eq!(w.alerts.len(), 0, "without any measure there is no score, and no alert without one");
    w.track("a1", "ann");
    w.wait(2 * DAY);
    assert_eq!(w.sent().first().map(|(kind, status, _)| (kind.as_str(), *status)), Some(("adoption.stalled", Open)), "{:?}", w.alerts);
}

#[test]
fn a_type_that_is_off_is_not_raised_and_a_severity_is_as_said() {
    let built_in = c360_health::Rules::BUILT_IN_TEXT;
    let text = format!(
        "{built_in}\n[alerts.types.\"billing.payment_failed\"]\noff = true\n[alerts.types.\"survey.detractor\"]\nseverity = \"critical\"\n"
    );
    let mut w = World::new();
    w.steady("a1");
    apply(&mut w, 1, &text);
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, false)));
    assert!(w.alerts.is_empty(), "{:?}", w.alerts);
    w.say("a1", Kind::Survey, Payload::Answer(answer("bob", 2)));
    assert_eq!((w.alerts[0].alert_type.as_str(), w.alerts[0].severity), ("survey.detractor", Severity::Critical));
}

#[test]
fn what_was_done_is_remembered_and_not_proposed_again_for_a_month() {
    let mut w = World::new();
    w.steady("a1");
    w.say("a1", Kind::Billing, Payload::Invoice(failed("in2", 1, w.now, true)));
    w.say("a1", Kind::Survey, Payload::Answer(answer("bob", 1)));
    let proposed = |w: &World| -> Vec<String> {
        let actions = w.view("a1")["next_actions"].as_array().unwrap().clone();
        actions.iter().map(|action| action["playbook"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(proposed(&w)[0], "Ask for a working payment method", "{:?}", proposed(&w));
    assert!(proposed(&w).len() <= 3);
    let tell = |w: &mut World, properties: &str| {
        let id: &'static str = w.id().leak();
        let event = Event { kind: Kind::Identity, name: "action", user_id: None, properties, ..usage(id, "a1", "", w.now) };
        let mut value = Vec::new();
        event.encode(&mut value);
        w.aggregate.apply(w.now, Topic::Events, &Key { tenant: "t", id: "a1" }.to_vec(), &value)
    };
    tell(&mut w, "{\"playbook\":\"Ask for a working payment method\",\"outcome\":\"done\",\"by\":\"ann\"}").unwrap();
    w.tick();
    assert!(!proposed(&w).contains(&"Ask for a working payment method".to_owned()), "{:?}", proposed(&w));
    assert!(w.history.iter().any(|h| h.title == "Ask for a working payment method: done by ann"));
    assert_eq!(w.view("a1")["actions"][0]["outcome"], "done");
    // A list, which nobody of ours sends, is read by the order of its items.
    tell(&mut w, "[\"Call the people who answered\",\"skipped\",null]").unwrap();
    assert!(tell(&mut w, "{\"playbook\":3}").unwrap_err().to_string().contains("cannot be read"));
    w.wait(31 * DAY);
    w.touch("a1");
    assert_eq!(proposed(&w)[0], "Ask for a working payment method", "{:?}", proposed(&w));
}

#[test]
fn a_fact_is_held_against_its_own_past() {
    let measure = |id: &str, compare: &str| {
        format!(
            "[measures.{id}]\ngroup = \"outcome\"\nfact = \"usage.events.7d\"\ncompare = \"{compare}\"\nweight = 1\nred = -1\ngreen = 0\n"
        )
    };
    let text = format!("{BY_SILENCE}{}{}", measure("own", "baseline"), measure("month", "trend"));
    let mut w = World::new();
    apply(&mut w, 1, &text);
    let weeks = |w: &mut World, weeks: i64, a_day: usize| {
        for _ in 0..weeks * 7 {
            for _ in 0..a_day {
                w.track("a1", "ann");
            }
            w.wait(DAY);
        }
    };
    let value = |w: &World, id: &str| -> Option<f64> {
        let groups = w.view("a1")["health"]["groups"].clone();
        let measures = groups[0]["measures"].as_array().unwrap().clone();
        measures.iter().find(|m| m["id"] == id).and_then(|m| m["value"].as_f64())
    };
    weeks(&mut w, 3, 4);
    assert_eq!((value(&w, "own"), value(&w, "month")), (None, None), "of three weeks there is no baseline: it is left out");
    weeks(&mut w, 7, 4);
    let near = |value: Option<f64>, wanted: f64| assert!((value.unwrap() - wanted).abs() < 0.16, "{value:?} beside {wanted}");
    near(value(&w, "own"), 0.0);
    near(value(&w, "month"), 0.0);
    weeks(&mut w, 2, 2);
    near(value(&w, "own"), -0.5);
    near(value(&w, "month"), -0.5);
    // After four weeks the month before is as it is now; its own twelve weeks remember more.
    weeks(&mut w, 4, 2);
    near(value(&w, "month"), 0.0);
    near(value(&w, "own"), -0.5);
}

/// Files that differ in all that scoring knows.
fn files() -> Vec<String> {
    let built_in = c360_health::Rules::BUILT_IN_TEXT;
    let decay = BY_SILENCE.replace("by silence", "answers")
        + "[measures.answers]\ngroup = \"outcome\"\nfact = \"surveys.nps\"\nweight = 3\nred = -100\ngreen = 100\nttl_days = 1\nhalf_life_days = 2\nmissing = \"neutral\"\n\
           [measures.own]\ngroup = \"outcome\"\nfact = \"usage.events.7d\"\ncompare = \"baseline\"\nweight = 2\nred = -1\ngreen = 0\n";
    let cards = format!("{built_in}\n[[cards]]\nid = \"young\"\nlifecycle = [\"adoption\"]\n[cards.groups.usage]\nweight = 2\n");
    vec![BY_SILENCE.into(), decay, cards, built_in.into()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// For any stream of events, and of rules in between: receipts sum exactly to each change, changes follow one another, and any prefix replayed gives the scores on record.
    #[test]
    fn receipts_sum_and_any_prefix_gives_the_scores_on_record(
        records in replay::records(),
        applied in prop::collection::vec((0..60_usize, 0..4_usize), 0..4),
        cut in 0..60_usize,
    ) {
        let files = files();
        let mut stream: Vec<(i64, Vec<u8>, Vec<u8>)> = records;
        for (version, (at, file)) in (1..).zip(applied) {
            let at = at.min(stream.len());
            let when = if at == 0 { START } else { stream[at - 1].0 };
            let (key, value) = record(&rules(version, &files[file]));
            stream.insert(at, (when, key, value));
        }
        let whole = said(&stream);
        let mut last = BTreeMap::<String, i64>::new();
        for (account, detail) in &whole {
            let detail: Value = serde_json::from_str(detail).unwrap();
            let sum: i64 = detail["receipt"].as_array().unwrap().iter().map(|line| line["contribution"].as_i64().unwrap()).sum();
            let (score, before) = (detail["score"].as_i64().unwrap(), detail["before"].as_i64());
            prop_assert_eq!(sum, score - before.unwrap_or(0), "{}", detail);
            if let Some(before) = before {
                prop_assert_eq!(last.get(account), Some(&before), "{}", detail);
            }
            last.insert(account.clone(), score);
        }
        let cut = cut.min(stream.len());
        let prefix = said(&stream[..cut]);
        prop_assert_eq!(&whole[..prefix.len()], &prefix[..]);
    }
}

/// Accounts and details of all changes of score, in the order in which they were said.
fn said(stream: &[(i64, Vec<u8>, Vec<u8>)]) -> Vec<(String, String)> {
    let mut driver = Driver::new(Aggregate::new(AggregateConfig::default()));
    let mut out = Vec::new();
    for (at, key, value) in stream {
        driver.apply(*at, Topic::Events, key, value).unwrap();
        out.extend(driver.flush());
    }
    let entries = out.iter().filter(|out| out.topic == Topic::History).map(|out| History::decode(&out.value).unwrap());
    entries.filter(|entry| entry.kind == HistoryKind::Score).map(|entry| (entry.account_id, entry.detail)).collect()
}
