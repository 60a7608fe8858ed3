//! People, adoption and the renewal plan: the worked examples of docs/definitions.md.
use crate::harness::*;
use c360_schemas::*;
use serde_json::{Value, json};

fn identify(world: &mut World, user: &str, name: &str, role: &str) {
    let id: &'static str = world.id().leak();
    let payload = Payload::User(UserTraits { name: Some(name), email: None, role: Some(role) });
    world.send(&Event { kind: Kind::Identity, payload, name: "identify", ..usage(id, "a1", user, world.now) });
}

fn group(world: &mut World, traits: AccountTraits<'_>) {
    let id: &'static str = world.id().leak();
    world.send(&Event {
        kind: Kind::Identity,
        payload: Payload::Account(traits),
        name: "group",
        user_id: None,
        ..usage(id, "a1", "", world.now)
    });
}

/// As the API appends what people tell of a plan.
fn plan(world: &mut World, told: &Value) {
    let id: &'static str = world.id().leak();
    let text = told.to_string();
    world.send(&Event { kind: Kind::Identity, name: "plan", user_id: None, properties: &text, ..usage(id, "a1", "", world.now) });
}

#[test]
fn a_champion_who_goes_quiet_or_leaves_is_a_fact_of_its_own() {
    let mut w = World::new();
    identify(&mut w, "ann", "Ann", "Champion");
    identify(&mut w, "bob", "Bob", "user");
    w.track("a1", "ann");
    w.wait(13 * DAY);
    w.track("a1", "bob");
    assert_eq!(w.view("a1")["people"]["champions"], json!({"known": 1, "quiet": [], "left": []}));
    w.wait(DAY);
    let people = w.view("a1")["people"].clone();
    assert_eq!(people["champions"], json!({"known": 1, "quiet": ["ann"], "left": []}));
    assert_eq!((&people["contacts"][0]["id"], &people["contacts"][0]["quiet_days"]), (&json!("ann"), &json!(14)), "key people first");
    identify(&mut w, "ann", "Ann", "left");
    let people = w.view("a1")["people"].clone();
    assert_eq!(people["champions"], json!({"known": 0, "quiet": [], "left": ["ann"]}));
    assert_eq!((&people["contacts"][1]["role"], people["contacts"][1]["left_at"].is_string()), (&json!("Champion"), true));
}

#[test]
fn adoption_goes_from_the_key_people_to_all_seats() {
    let mut w = World::new();
    group(&mut w, AccountTraits { seats: Some(10), ..AccountTraits::default() });
    identify(&mut w, "ann", "Ann", "champion");
    identify(&mut w, "eve", "Eve", "decision-maker");
    for user in ["ann", "bob", "cat"] {
        w.track("a1", user);
    }
    let view = w.view("a1");
    assert_eq!(view["lifecycle_detail"]["adoption"]["key_people"], json!({"active": 1, "total": 2, "share": 0.5}));
    assert_eq!(view["lifecycle_detail"]["adoption"]["seats"], json!({"active": 3, "total": 10, "share": 0.3}));
    assert_eq!((&view["usage"]["seat_use"], &view["lifecycle_detail"]["day"]), (&json!(0.3), &json!(0)));
    w.wait(31 * DAY);
    let view = w.view("a1");
    assert_eq!((&view["lifecycle"], &view["lifecycle_detail"]["day"]), (&json!("stabilisation"), &json!(31)));
    assert_eq!(view["lifecycle_detail"]["adoption"]["seats"]["active"], 0);
}

fn term(version: i64, start: i64, end: i64) -> Payload<'static> {
    Payload::Subscription(Subscription {
        started_at: Some(START),
        term_start: Some(start),
        term_end: Some(end),
        ..subscription("s1", version, "active")
    })
}

#[test]
fn a_renewal_opens_its_plan_ninety_days_ahead_and_a_new_term_closes_it() {
    let mut w = World::new();
    w.say("a1", Kind::Billing, term(1, START, START + 365 * DAY));
    w.wait(274 * DAY);
    w.touch("a1");
    assert_eq!(w.view("a1")["renewal"]["status"], "ahead");
    w.wait(DAY);
    let renewal = w.view("a1")["renewal"].clone();
    assert_eq!((&renewal["status"], &renewal["days_left"]), (&json!("open"), &json!(90)));
    assert!(renewal["opened_at"].is_string());
    let opened: Vec<_> = w.history.iter().filter(|h| h.title.starts_with("Renewal plan opened")).collect();
    assert_eq!(opened.len(), 1, "said once");
    w.wait(91 * DAY);
    w.touch("a1");
    assert_eq!(w.view("a1")["renewal"]["status"], "overdue");
    w.say("a1", Kind::Billing, term(2, START + 365 * DAY, START + 730 * DAY));
    let renewal = w.view("a1")["renewal"].clone();
    assert_eq!((&renewal["status"], &renewal["opened_at"]), (&json!("ahead"), &Value::Null));
}

#[test]
fn the_plan_is_filled_in_with_what_is_known_and_asks_for_the_rest() {
    let mut w = World::new();
    w.say("a1", Kind::Billing, term(1, START, START + 365 * DAY));
    identify(&mut w, "ann", "Ann", "champion");
    let asks = w.view("a1")["renewal"]["asks"].to_string();
    assert!(asks.contains("No goal is known") && asks.contains("No promise is known") && !asks.contains("No champion"), "{asks}");
    plan(
        &mut w,
        &json!({
            "goals": [{"id": "g1", "title": "Ten people use it", "measure": "usage.active_users.28d", "target": 2}, {"id": "g2", "title": "Faster closing"}],
            "promises": [{"id": "p1", "title": "SSO", "due_at": "2027-01-01T00:00:00Z"}],
            "results": [{"id": "r1", "title": "Admin training", "kind": "training"}],
            "people": [{"id": "eve", "name": "Eve", "role": "decision maker"}],
        }),
    );
    w.track("a1", "ann");
    w.track("a1", "bob");
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 1, "open", w.now)));
    w.say("a1", Kind::Support, Payload::Ticket(ticket("t1", 2, "solved", w.now)));
    let renewal = w.view("a1")["renewal"].clone();
    let met: Vec<_> = renewal["purpose"].as_array().unwrap().iter().map(|g| g["met"].clone()).collect();
    assert_eq!(met, [json!(true), Value::Null]);
    assert_eq!((&renewal["results"]["tickets_solved"], &renewal["results"]["trainings"]), (&json!(1), &json!(1)));
    assert_eq!(renewal["promises"][0]["status"], "open");
    assert_eq!(renewal["decision_makers"]["changed"], false);
    w.wait(40 * DAY);
    plan(
        &mut w,
        &json!({"people": [{"id": "eve", "role": "left"}, {"id": "fay", "role": "buyer"}], "promises": [{"id": "p1", "title": "SSO", "status": "broken"}]}),
    );
    let renewal = w.view("a1")["renewal"].clone();
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&renewal["decision_makers"]["at_start"]), ["ann", "eve"]);
    assert_eq!(ids(&renewal["decision_makers"]["now"]), ["ann", "fay"]);
    assert_eq!((&renewal["decision_makers"]["changed"], &renewal["promises"][0]["status"]), (&json!(true), &json!("broken")));
    let told: Vec<_> = w.history.iter().filter(|h| h.kind == HistoryKind::Note).map(|h| h.title.as_str()).collect();
    assert_eq!(told, ["Plan: 2 goals, 1 promise, 1 result, 1 person told", "Plan: 1 promise, 2 people told"]);
}

#[test]
fn what_is_no_plan_is_refused_and_takes_nothing_along() {
    let mut w = World::new();
    w.track("a1", "ann");
    let mut value = Vec::new();
    Event { kind: Kind::Identity, name: "plan", user_id: None, properties: "{\"goals\":7}", ..usage("bad", "a1", "", w.now) }
        .encode(&mut value);
    let key = Key { tenant: "t", id: "a1" }.to_vec();
    assert!(w.aggregate.apply(w.now, Topic::Events, &key, &value).is_err());
    w.touch("a1");
    assert_eq!(w.view("a1")["renewal"], Value::Null, "no term, and no plan");
}
