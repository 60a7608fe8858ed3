//! Rules over the API and on their page, and what became of next actions.
use crate::world::{NOW, World, history, profile, push_history, push_profile};
use axum::http::StatusCode;
use c360_health::Rules as Rulebook;
use c360_schemas::{EventsValue, HistoryKind, Key, RULES_ACCOUNT, Topic, decode_events_value};
use serde_json::{Value, json};

/// What stands in the log of the rules that were applied, by partition.
fn applied(world: &World) -> Vec<c360_schemas::Rules> {
    let key = Key { tenant: "t1", id: RULES_ACCOUNT }.to_vec();
    let of_rules = world.log.all(Topic::Events).into_iter().filter(|(k, _)| *k == key);
    let rules = of_rules.map(|(_, value)| match decode_events_value(&value) {
        Ok(EventsValue::Rules(rules)) => rules,
        other => panic!("{other:?}"),
    });
    rules.collect()
}

/// As the processor says that rules are in force.
fn in_force(world: &World, version: i64, name: &str, by: &str, text: &str) {
    let detail = json!({"version": version, "name": name, "by": by, "note": null, "text": text});
    let entry = history(&format!("r{version}"), RULES_ACCOUNT, HistoryKind::Note, NOW - 1_000 + version, "Rules", detail);
    world.put(|batch| push_history(batch, &entry));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_applied_to_every_partition_with_a_version_of_their_own() {
    let world = World::new();
    world.settle().await;
    let built_in = world.ok("/api/v1/rules").await;
    assert_eq!((&built_in["in_force"]["version"], &built_in["in_force"]["name"]), (&json!(0), &json!("default")));
    assert_eq!(built_in["in_force"]["text"], Rulebook::BUILT_IN_TEXT);
    let text = Rulebook::BUILT_IN_TEXT.replace("name = \"default\"", "name = \"ours\"");
    let (status, answer) = world.post("/api/v1/rules", json!({"text": text, "note": "a try"})).await;
    assert_eq!((status, &answer["version"], &answer["name"]), (StatusCode::OK, &json!(1), &json!("ours")), "{answer}");
    let records = applied(&world);
    assert_eq!(records.len(), 4, "one in each partition");
    assert!(records.iter().all(|r| (r.version, r.at, r.text == text, r.note.as_deref()) == (1, NOW, true, Some("a try"))), "{records:?}");
    in_force(&world, 1, "ours", "kim", &text);
    world.settle().await;
    let (_, again) = world.post("/api/v1/rules", json!({"text": text})).await;
    assert_eq!((&again["version"], applied(&world).len()), (&json!(1), 4), "the same text again is the same version");
    let (_, next) = world.post("/api/v1/rules", json!({"text": format!("{text}\n# more")})).await;
    assert_eq!((&next["version"], applied(&world).len()), (&json!(2), 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_back_test_is_kept_and_shown_and_one_that_is_none_is_not() {
    let world = World::new();
    world.settle().await;
    let report = json!({"in_force": "default", "tried": "<b>ours</b>", "until": "2026-11-22T10:00:00Z", "records": 10, "customers": 2,
        "figures": [["green", "1", "2"]], "moved_total": 1,
        "moved": [{"account_id": "a1", "name": "Acme", "in_force": "red 20", "tried": "green 90", "mrr": "12.00", "owner": "-"}]});
    assert_eq!(world.post("/api/v1/rules/backtests", report.clone()).await.0, StatusCode::OK);
    world.settle().await;
    let kept = world.ok("/api/v1/rules/backtests").await;
    assert_eq!((kept["items"].as_array().unwrap().len(), &kept["items"][0]["report"]), (1, &report));
    let (_, html) = world.page("/rules").await;
    assert!(html.contains("Tried on history") && html.contains("&#60;b&#62;ours") && html.contains("href=\"/customers/a1\""), "{html}");
    assert_eq!(world.ok("/api/v1/rules").await["in_force"]["version"], json!(0), "it puts nothing in force");
    for wrong in [
        json!({}),
        json!({"tried": "x"}),
        json!({"in_force": "x".repeat(300), "tried": "y", "until": "", "records": 1, "customers": 1, "figures": [], "moved_total": 0, "moved": []}),
    ] {
        assert_eq!(world.post("/api/v1/rules/backtests", wrong).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_their_places_and_nothing_is_applied() {
    let world = World::new();
    world.settle().await;
    let text = Rulebook::BUILT_IN_TEXT.replacen("usage.trend.events", "usage.trends", 1).replacen("limit = 20", "limit = 120", 1);
    let (status, answer) = world.post("/api/v1/rules", json!({"text": text})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("mistakes")));
    let places: Vec<(u64, u64)> =
        answer["mistakes"].as_array().unwrap().iter().map(|m| (m["line"].as_u64().unwrap(), m["column"].as_u64().unwrap())).collect();
    assert_eq!(places.len(), 2, "{answer}");
    assert!(places.iter().all(|(line, column)| *line > 1 && *column > 1), "{answer}");
    for body in [json!({}), json!({"text": 3}), json!({"text": "", "by": "x", "more": 1})] {
        assert_eq!(world.post("/api/v1/rules", body).await.0, StatusCode::BAD_REQUEST);
    }
    assert!(applied(&world).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_is_in_force_and_what_was_before() {
    let world = World::new();
    world.settle().await;
    let (status, html) = world.page("/rules").await;
    assert_eq!(status, StatusCode::OK);
    for text in ["built-in rules", "Last seen", "usage.silent_days", "at least", "billing.past_due_days above 15"] {
        assert_eq!(html.contains(text), text != "at least", "{text}");
    }
    in_force(&world, 1, "first", "kim", Rulebook::BUILT_IN_TEXT);
    let own = Rulebook::BUILT_IN_TEXT.replace("name = \"default\"", "name = \"<b>ours</b>\"")
        + "\n[[overrides]]\naccount = \"a/1\"\nband = \"green\"\nowner = \"Kim\"\nreason = \"moving\"\nexpires = 2099-01-01\n";
    in_force(&world, 2, "<b>ours</b>", "bo", &own);
    world.settle().await;
    let (_, html) = world.page("/rules").await;
    assert!(html.contains("version 2") && html.contains("applied by bo") && html.contains("first"), "{html}");
    assert!(!html.contains("<b>ours</b>") && html.contains("/customers/a%2F1") && html.contains("moving"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_an_action_goes_to_the_log() {
    let world = World::new();
    let shown = |view: &mut Value| {
        view["next_actions"] = json!([{"playbook": "Offer \"more\" seats", "why": "They are full."}]);
        view["health"]["cap"] = json!({"id": "past_due", "limit": 49, "why": "x"});
        view["health"]["overrides"] = json!([{"band": "green", "owner": "Kim", "reason": "moving", "expires_at": "2099-01-01T00:00:00Z"}]);
    };
    world.put(|batch| push_profile(batch, &profile("a1", |_, view| shown(view))));
    world.settle().await;
    let (_, html) = world.page("/customers/a1").await;
    for text in ["They are full.", "/api/v1/customers/a1/actions", "Past due: at most 49", "green until", "by Kim: moving"] {
        assert!(html.contains(text), "{text}");
    }
    let told = json!({"playbook": "Offer \"more\" seats", "outcome": "done", "by": "kim", "message_id": "m1"});
    let (status, answer) = world.post("/api/v1/customers/a1/actions", told).await;
    assert_eq!((status, &answer["outcome"]), (StatusCode::OK, &json!("done")), "{answer}");
    let events = || world.log.all(Topic::Events).into_iter().filter(|(key, _)| !key.is_empty()).collect::<Vec<_>>();
    let (key, value) = events().pop().unwrap();
    assert_eq!(key, Key { tenant: "t1", id: "a1" }.to_vec());
    let Ok(EventsValue::Event(event)) = decode_events_value(&value) else { panic!("no event") };
    assert_eq!((event.name, event.message_id, event.occurred_at), ("action", "m1", NOW));
    let properties: Value = serde_json::from_str(event.properties).unwrap();
    assert_eq!((&properties["outcome"], &properties["by"]), (&json!("done"), &json!("kim")));
    for (path, body, status) in [
        ("/api/v1/customers/nobody/actions", json!({"playbook": "x", "outcome": "done"}), StatusCode::NOT_FOUND),
        ("/api/v1/customers/a1/actions", json!({"playbook": " ", "outcome": "done"}), StatusCode::BAD_REQUEST),
        ("/api/v1/customers/a1/actions", json!({"playbook": "x", "outcome": "maybe"}), StatusCode::BAD_REQUEST),
        ("/api/v1/customers/~user:x/actions", json!({"playbook": "x", "outcome": "done"}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(world.post(path, body).await.0, status, "{path}");
    }
    assert_eq!(events().len(), 1, "what is refused is not in the log");
}
