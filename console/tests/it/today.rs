//! The morning page: who needs somebody, in the order of chance x value x what helps.
use crate::world::{DAY, NOW, World, alert, history, profile, push_alert, push_history, push_profile};
use axum::http::StatusCode;
use c360_schemas::{HistoryKind, Severity};
use serde_json::{Value, json};

/// A customer with a band, an MRR and a next action.
fn customer(world: &World, id: &str, band: &str, mrr: Option<i64>, playbook: &str) {
    world.put(|batch| {
        push_profile(
            batch,
            &profile(id, |p, view| {
                p.band = band.into();
                p.mrr = mrr;
                p.currency = mrr.map(|_| "USD".into());
                p.owner_email = Some(if id.starts_with('k') { "kim@example.com" } else { "lee@example.com" }.into());
                view["next_actions"] = json!([{"playbook": playbook, "why": "Tickets pile up."}]);
            }),
        );
    });
}

fn open(world: &World, account: &str, alert_type: &str, snoozed_until: Option<i64>) {
    world.put(|batch| {
        push_alert(
            batch,
            &alert(&format!("a-{account}"), account, |a| {
                a.alert_type = alert_type.into();
                a.severity = Severity::Warning;
                a.why = Some(format!("why of {account}"));
                a.snoozed_until = snoozed_until;
                a.owner_email = None;
            }),
        );
    });
}

fn outcome(world: &World, id: &str, playbook: &str, outcome: &str) {
    let entry = history(id, "k1", HistoryKind::Note, NOW - DAY, playbook, json!({"playbook": playbook, "outcome": outcome, "by": "kim"}));
    world.put(|batch| push_history(batch, &entry));
}

fn order(today: &Value) -> Vec<&str> {
    today["items"].as_array().unwrap().iter().map(|item| item["account_id"].as_str().unwrap()).collect()
}

async fn today(world: &World, query: &str) -> Value {
    world.settle().await;
    world.ok(&format!("/api/v1/today{query}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn chance_times_value_times_what_helps() {
    let world = World::new();
    customer(&world, "k-small-red", "red", Some(10_000), "Call");
    customer(&world, "k-large-yellow", "yellow", Some(100_000), "Call");
    customer(&world, "k-unknown-mrr", "red", None, "Train");
    customer(&world, "k-well", "green", Some(900_000), "Call");
    customer(&world, "l-snoozed", "red", Some(500_000), "Call");
    customer(&world, "l-gone", "red", Some(500_000), "Call");
    world.put(|batch| push_profile(batch, &profile("l-gone", |p, _| (p.lifecycle, p.band) = ("churned".into(), "red".into()))));
    open(&world, "k-large-yellow", "usage.dropped", None);
    open(&world, "k-well", "expansion.ready", None);
    open(&world, "l-snoozed", "health.changed", Some(NOW + DAY));
    open(&world, "l-gone", "billing.churned", None);
    // Means of 377,500: 0.25 x 1 (MRR not known), 0.08 x 0.26, 0.25 x 0.03.
    let first = today(&world, "").await;
    assert_eq!(order(&first), ["k-unknown-mrr", "k-large-yellow", "k-small-red"], "{first:#}");
    assert_eq!((&first["total"], &first["chances"]["by_band"]["red"]), (&json!(3), &json!(0.25)));
    let large = &first["items"][1];
    assert_eq!((&large["p_loss"], &large["p_helps"], &large["mrr"]["amount"]), (&json!(0.08), &json!(0.5), &json!(100_000)));
    assert_eq!((&large["alerts"][0]["why"], &large["next_actions"][0]["playbook"]), (&Value::Null, &json!("Call")), "{large:#}");
    assert_eq!((first["good_news"].as_array().unwrap().len(), &first["good_news"][0]["type"]), (1, &json!("expansion.ready")));
    // Training was told to fail again and again: who needs it comes last, as far as its chance goes.
    for n in 0..40 {
        outcome(&world, &format!("f{n}"), "Train", "failed");
    }
    outcome(&world, "w", "Call", "worked");
    let learnt = today(&world, "").await;
    assert_eq!(order(&learnt), ["k-large-yellow", "k-unknown-mrr", "k-small-red"], "{learnt:#}");
    assert_eq!((&learnt["items"][0]["p_helps"], &learnt["items"][1]["p_helps"]), (&json!(0.667), &json!(0.024)));
    // The same word again counts once.
    outcome(&world, "w", "Call", "worked");
    assert_eq!(today(&world, "").await["items"][0]["p_helps"], json!(0.667));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_ends_and_somebodys_customers_are_their_own() {
    let world = World::new();
    customer(&world, "k1", "red", Some(10_000), "Call");
    customer(&world, "l1", "red", Some(20_000), "Call");
    open(&world, "l1", "health.changed", Some(NOW + DAY));
    assert_eq!(order(&today(&world, "").await), ["k1"]);
    world.clock.advance(2 * DAY);
    assert_eq!(order(&today(&world, "").await), ["l1", "k1"]);
    assert_eq!(order(&today(&world, "?owner=KIM%40example.com").await), ["k1"]);
    assert_eq!(order(&today(&world, "?owner=nobody").await), Vec::<&str>::new());
    let few = today(&world, "?limit=1").await;
    assert_eq!((order(&few), &few["total"]), (vec!["l1"], &json!(2)));
    assert_eq!(world.get("/api/v1/today?limit=0").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_going_to_leave_has_said_so() {
    let world = World::new();
    customer(&world, "k-yellow", "yellow", Some(100_000), "Call");
    world.put(|batch| {
        push_profile(
            batch,
            &profile("k-leaving", |p, view| {
                (p.band, p.mrr) = ("yellow".into(), Some(90_000));
                view["billing"]["cancels_at"] = json!("2027-01-01T00:00:00Z");
            }),
        );
    });
    for account in ["k-yellow", "k-leaving"] {
        open(&world, account, "billing.cancellation_scheduled", None);
    }
    let today = today(&world, "").await;
    assert_eq!(order(&today), ["k-leaving", "k-yellow"]);
    assert_eq!(today["items"][0]["p_loss"], json!(0.8));
}

#[tokio::test(flavor = "multi_thread")]
async fn chances_are_those_of_the_tenants_own_customers() {
    let world = World::new();
    for n in 0..30_i64 {
        let id = format!("c{n}");
        let lost = n < 15;
        world.put(|batch| {
            push_profile(
                batch,
                &profile(&id, |p, view| {
                    (p.band, p.lifecycle) = ("red".into(), if lost { "churned" } else { "steady" }.into());
                    let mut moved =
                        vec![json!({"at": "2026-06-01T00:00:00Z", "kind": "new", "currency": "USD", "amount": 100, "mrr": 100})];
                    if lost {
                        moved.push(json!({"at": "2026-10-01T00:00:00Z", "kind": "churn", "currency": "USD", "amount": -100, "mrr": 0}));
                    }
                    p.mrr = Some(if lost { 0 } else { 100 });
                    view["billing"]["movements"] = json!(moved);
                }),
            );
            push_history(
                batch,
                &history(&id, &id, HistoryKind::Score, NOW - 130 * DAY, "Health", json!({"score": 20, "band": "red", "receipt": []})),
            );
        });
    }
    // Cases begin 90 and 120 days ago: 60 of red, of which 30 were lost by October 1st; with 20 at a quarter beside them.
    let today = today(&world, "").await;
    assert_eq!(today["chances"]["seen"]["red"], json!({"cases": 60, "lost": 30}), "{:#}", today["chances"]);
    assert_eq!(today["chances"]["by_band"]["red"], json!(35.0 / 80.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_why_and_what_to_do() {
    let world = World::new();
    customer(&world, "k1", "red", Some(120_000), "Call the champion");
    open(&world, "k1", "health.changed", None);
    customer(&world, "k2", "red", None, "Review the tickets");
    world.settle().await;
    let (status, html) = world.page("/today?owner=kim%40example.com").await;
    assert_eq!(status, StatusCode::OK);
    for part in [
        "2 customers need kim@example.com today",
        "$1,200 a month, 25% likely to be lost within 90 days",
        "why of k1",
        "MRR not known",
        "Tickets pile up.",
        "data-post=\"/api/v1/customers/k1/actions\"",
        "assumed, until your own history says more: 25% of red, 8% of yellow, 2% of green customers.",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}
