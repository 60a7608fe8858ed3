//! The customer's facts: movements into the portfolio's months, the plan that people tell, and what the pages show of it.
use crate::world::*;
use axum::http::StatusCode;
use c360_schemas::{EventsValue, HistoryKind, Key, Kind, Payload, Topic, decode_events_value};
use serde_json::{Value, json};

fn moved(at: &str, kind: &str, amount: i64, mrr: i64) -> Value {
    json!({"at": format!("{at}T00:00:00Z"), "kind": kind, "amount": amount, "currency": "USD", "mrr": mrr, "cross_sell": 0, "involuntary": false})
}

/// A customer whose MRR is what its movements left it with.
fn put(world: &World, id: &str, movements: &[Value]) {
    let mrr = movements.last().map(|m| m["mrr"].as_i64().unwrap());
    world.put(|b| {
        push_profile(
            b,
            &profile(id, |p, view| {
                (p.mrr, p.currency) = (mrr, mrr.map(|_| "USD".into()));
                view["billing"]["movements"] = json!(movements);
                view["plan"] = json!("pro");
            }),
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn movements_become_months_and_what_is_corrected_takes_their_place() {
    let world = World::new();
    put(&world, "a1", &[moved("2026-09-05", "new", 100, 100), moved("2026-10-10", "expansion", 30, 130)]);
    put(&world, "a2", &[moved("2026-09-07", "new", 50, 50), moved("2026-10-20", "churn", -50, 0)]);
    put(&world, "a3", &[moved("2026-10-01", "new", 40, 40)]);
    world.settle().await;
    let portfolio = world.ok("/api/v1/portfolio").await;
    let october = &portfolio["months"][1];
    assert_eq!(
        (&october["month"], &october["begin"], &october["end"], &october["balanced"]),
        (&json!("2026-10"), &json!(150), &json!(170), &json!(true))
    );
    assert_eq!((&october["nrr"], &october["grr"], &october["logo_churn_rate"]), (&json!(0.8667), &json!(0.6667), &json!(0.5)));
    assert_eq!(october["customers"], json!({"begin": 2, "new": 1, "churned": 1, "reactivated": 0, "end": 2}));
    assert_eq!(
        (&portfolio["months"].as_array().unwrap().len(), &portfolio["balanced"]),
        (&3, &json!(true)),
        "the running month is the last"
    );
    assert_eq!(portfolio["customers"]["by_segment"][0]["segment"], "pro");
    // A late event corrects what was told.
    put(&world, "a2", &[moved("2026-09-07", "new", 50, 50)]);
    world.put(|b| tombstone(b, "t1", "a3"));
    world.settle().await;
    let portfolio = world.ok("/api/v1/portfolio").await;
    assert_eq!(
        (&portfolio["months"][1]["churn"], &portfolio["months"][1]["new"], &portfolio["months"][1]["end"]),
        (&json!(0), &json!(0), &json!(180))
    );
    assert_eq!(portfolio["balanced"], true);
    // What a customer pays must be what its movements say.
    world.put(|b| push_profile(b, &profile("a4", |p, _| p.mrr = Some(7))));
    world.settle().await;
    assert_eq!(world.ok("/api/v1/portfolio").await["balanced"], false);
    assert!(world.page("/portfolio").await.1.contains("do not add up to what customers pay"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portfolios_page_shows_a_months_movements() {
    let world = World::new();
    let mut grown = moved("2026-10-10", "expansion", 3_000, 13_000);
    grown["cross_sell"] = json!(1_000);
    put(&world, "a1", &[moved("2026-09-05", "new", 10_000, 10_000), grown]);
    put(&world, "a2", &[moved("2026-09-07", "new", 5_000, 5_000), moved("2026-10-20", "churn", -5_000, 0)]);
    world.settle().await;
    let (status, html) = world.page("/portfolio").await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        "Movements of MRR, 2026-10",
        "Up-sell",
        "+$20",
        "Cross-sell",
        "+$10",
        "Churn, voluntary",
        "\u{2212}$50",
        "NRR and GRR by month",
        "add up to the end",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(world.page("/portfolio?month=2026-09&currency=USD").await.1.contains("Movements of MRR, 2026-09"));
    assert!(
        world.page("/portfolio?month=x&currency=%3Cscript%3E").await.1.contains("Movements of MRR, 2026-10"),
        "what there is not is the newest"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_tell_of_a_plan_goes_to_the_log() {
    let world = World::new();
    put(&world, "a1", &[]);
    world.settle().await;
    let told = json!({"goals": [{"id": "g1", "title": "Ten users", "measure": "usage.active_users.28d", "target": 10}], "promises": [{"id": "p1", "title": "SSO", "status": "kept"}],
        "people": [{"id": "ann", "role": "champion"}], "message_id": "m1"});
    assert_eq!(world.post("/api/v1/customers/a1/plan", told).await, (StatusCode::OK, json!({"account_id": "a1"})));
    let told = |world: &World| world.log.all(Topic::Events).into_iter().filter(|(key, _)| !key.is_empty()).collect::<Vec<_>>();
    let (key, value) = told(&world).pop().unwrap();
    assert_eq!(key, Key { tenant: "t1", id: "a1" }.to_vec());
    let Ok(EventsValue::Event(event)) = decode_events_value(&value) else { panic!("no event") };
    assert_eq!(
        (event.kind, event.name, &event.payload, event.message_id, event.occurred_at),
        (Kind::Identity, "plan", &Payload::None, "m1", NOW)
    );
    let properties: Value = serde_json::from_str(event.properties).unwrap();
    assert_eq!((&properties["goals"][0]["target"], &properties["promises"][0]["status"]), (&json!(10.0), &json!("kept")));
    for (path, body, status, says) in [
        ("/api/v1/customers/nobody/plan", json!({"people": [{"id": "x"}]}), StatusCode::NOT_FOUND, "no such customer"),
        ("/api/v1/customers/a1/plan", json!({}), StatusCode::BAD_REQUEST, "nothing is told"),
        ("/api/v1/customers/a1/plan", json!({"goals": [{"id": "g", "title": " "}]}), StatusCode::BAD_REQUEST, "goals.title"),
        (
            "/api/v1/customers/a1/plan",
            json!({"promises": [{"id": "p", "title": "t", "status": "maybe"}]}),
            StatusCode::BAD_REQUEST,
            "maybe",
        ),
        ("/api/v1/customers/a1/plan", json!({"goal": []}), StatusCode::BAD_REQUEST, "goal"),
        ("/api/v1/customers/~user:x/plan", json!({"people": [{"id": "x"}]}), StatusCode::BAD_REQUEST, "provisional"),
    ] {
        let (got, answer) = world.post(path, body).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
    }
    assert_eq!(told(&world).len(), 1, "what is refused is not in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_page_has_its_facts_with_what_they_mean_and_what_is_behind_them() {
    let world = World::new();
    world.put(|b| {
        push_profile(
            b,
            &profile("a1", |_, view| {
                view["billing"]["movements"] = json!([moved("2026-09-05", "new", 10_000, 10_000)]);
                view["billing"]["dunning"] = json!({"state": "past_due", "open_invoices": 1, "amount_remaining": 10_000, "currency": "USD", "tries": 2, "last_try_failed": false});
                view["usage"]["trend"] = json!({"events": -0.5, "active_users": 0.1});
                view["usage"]["seat_use"] = json!(0.62);
                view["surveys"]["answers"] = json!([{"survey": "nps", "respondent": "ann@acme.io", "score": 9, "comment": "Love <it>", "at": "2026-11-01T00:00:00Z"}]);
                view["people"] = json!({"known": 1, "contacts": [{"id": "ann", "name": "Ann", "role": "champion", "last_seen_at": "2026-10-01T00:00:00Z"}], "champions": {"known": 1, "quiet": ["ann"], "left": []}});
                view["lifecycle_detail"] = json!({"day": 80, "adoption": {"seats": {"active": 5, "total": 10, "share": 0.5}}});
                view["renewal"] = json!({"status": "open", "term_end": "2026-12-31T00:00:00Z", "days_left": 39, "purpose": [{"id": "g", "title": "Ten users", "met": false, "value": 5.0, "target": 10.0}], "asks": ["No champion is known."]});
            }),
        );
        push_history(b, &history("h1", "a1", HistoryKind::Event, NOW, "Ticket (open): Printer", json!({"ticket": "t1"})));
        push_history(b, &history("h2", "a1", HistoryKind::Event, NOW, "Subscription s1: active", json!({"subscription": "s1"})));
    });
    world.settle().await;
    let (status, html) = world.page("/customers/a1").await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        "Movements of MRR",
        "+$100",
        "Past due",
        "Owed",
        "\u{2193} \u{2212}50%",
        "62%",
        "Love &#60;it&#62;",
        "Champion",
        "5 of 10 (50%)",
        "The term ends on 31 Dec 2026, in 39 days.",
        "not met: 5 of 10",
        "No champion is known.",
        "/api/v1/customers/a1/renewal.md",
        "?about=support#timeline",
        "Distinct users with a call in the window",
    ] {
        assert!(html.contains(text), "{text}");
    }
    let support = world.page("/customers/a1?about=support").await.1;
    assert!(support.contains("Printer") && !support.contains("Subscription s1"));
    let titles = |answer: Value| {
        answer["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles(world.ok("/api/v1/customers/a1/timeline?about=billing").await), ["Subscription s1: active"]);
    assert_eq!(world.get("/api/v1/customers/a1/timeline?about=x").await.0, StatusCode::BAD_REQUEST);
    let (status, markdown) = world.page("/api/v1/customers/a1/renewal.md").await;
    assert!(status == StatusCode::OK && markdown.contains("- [ ] Ten users") && markdown.contains("in 39 days"), "{markdown}");
}
