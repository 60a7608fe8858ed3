use crate::world::{DAY, NOW, World, alert, delivery, history, profile, push_alert, push_delivery, push_history, push_profile};
use axum::http::StatusCode;
use c360_schemas::{Contribution, DeliveryOutcome, HistoryKind};
use serde_json::json;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&{{7*7}}</svg></title>";

/// A world where every string that can come from outside is hostile.
async fn hostile_world() -> World {
    let world = World::new();
    world.put(|b| {
        push_profile(b, &profile(HOSTILE, |p, view| {
            p.name = Some(HOSTILE.into());
            p.owner_name = Some(HOSTILE.into());
            p.owner_email = Some(HOSTILE.into());
            p.lifecycle = HOSTILE.into();
            p.band = HOSTILE.into();
            p.currency = Some(HOSTILE.into());
            p.renews_at = Some(i64::MAX);
            p.last_seen_at = Some(i64::MIN);
            view["health"]["groups"] = json!([{"id": HOSTILE, "score": 10, "measures": [{"id": HOSTILE, "value": HOSTILE, "score": 3, "weight": 1, "as_of": HOSTILE}]}]);
            view["health"]["overrides"] = json!([HOSTILE, {"id": HOSTILE, "cap": 20}, 7]);
            view["usage"]["daily"] = json!([[HOSTILE, 1, 1], ["2026-11-20", i64::MAX, -5]]);
            view["usage"]["features"] = json!({HOSTILE: 5});
            view["billing"]["status"] = json!(HOSTILE);
            view["billing"]["mrr"] = json!({"amount": i64::MIN, "currency": HOSTILE});
            view["billing"]["subscriptions"] = json!([{"id": HOSTILE, "status": HOSTILE, "mrr": 7}]);
            view["identities"] = json!([{"kind": HOSTILE, "id": HOSTILE, "source": HOSTILE}, 3]);
        }));
        push_alert(b, &alert(HOSTILE, HOSTILE, |a| {
            a.alert_type = HOSTILE.into();
            a.account_name = Some(HOSTILE.into());
            a.owner_name = Some(HOSTILE.into());
            a.band_before = Some(HOSTILE.into());
            a.playbook = Some(HOSTILE.into());
            a.why = Some(HOSTILE.into());
            a.acknowledged_by = Some(HOSTILE.into());
            a.snoozed_until = Some(i64::MAX);
            a.verdict = Some(HOSTILE.into());
            a.receipt = vec![Contribution { measure: HOSTILE.into(), group: HOSTILE.into(), before: None, after: None, contribution: i32::MIN, events: vec![HOSTILE.into()] }];
        }));
        push_history(b, &history(HOSTILE, HOSTILE, HistoryKind::Score, NOW, HOSTILE, json!({"score": 1, "band": HOSTILE, "card": HOSTILE, "receipt": [{"measure": HOSTILE}]})));
        push_history(b, &history("2", HOSTILE, HistoryKind::Note, i64::MAX, HOSTILE, json!([HOSTILE])));
        let mut told = delivery(HOSTILE, HOSTILE, DeliveryOutcome::Dead, 1, NOW);
        told.destination = HOSTILE.into();
        push_delivery(b, &told);
    });
    world.settle().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_from_outside_is_text_on_every_page() {
    let world = hostile_world().await;
    let path = c360_schemas::customer_url("", HOSTILE);
    for path in ["/", "/?q=%3Cscript%3E", &path, "/alerts", "/alerts?status=all", "/today", "/portfolio", "/login?next=%2F%3Cscript%3E"] {
        let (status, html) = world.page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(html.matches("<script").count(), 1, "{path} has its own script alone");
        assert!(!html.contains("<img") && !html.contains("onerror=alert(2)>&{{") && !html.contains("\"'>"), "{path}");
        assert!(!html.contains(" style="), "{path}: the policy allows no inline style");
    }
    for path in ["/", &path, "/alerts"] {
        assert!(world.page(path).await.1.contains("&#60;script&#62;alert(1)"), "{path} shows the text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_has_grown_strange_still_makes_a_page() {
    let world = World::new();
    for (id, view) in [
        ("a1", "{}"),
        ("a2", "null"),
        ("a3", "[]"),
        ("a4", r#"{"health":7,"usage":{"daily":{}},"billing":[],"identities":"x","surveys":{}}"#),
    ] {
        world.put(|b| push_profile(b, &c360_schemas::Profile { view: view.into(), ..profile(id, |_, _| ()) }));
    }
    world.settle().await;
    for id in ["a1", "a4"] {
        assert_eq!(world.page(&format!("/customers/{id}")).await.0, StatusCode::OK, "{id}");
    }
    assert_eq!(world.page("/").await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_page_says_why_and_what_next() {
    let world = World::new();
    world.put(|b| {
        push_profile(
            b,
            &profile("a1", |p, view| {
                p.name = Some("Acme".into());
                view["usage"]["daily"] = json!([["2026-11-20", 4, 2], ["2026-11-22", 8, 3]]);
                view["health"]["groups"][0]["measures"][0]["score"] = json!(20);
            }),
        );
        push_alert(b, &alert("al_1", "a1", |_| ()));
        push_history(
            b,
            &history("h1", "a1", HistoryKind::Score, NOW - DAY, "Score 72", json!({"score": 72, "band": "yellow", "receipt": []})),
        );
        push_history(
            b,
            &history(
                "h2",
                "a1",
                HistoryKind::Score,
                NOW,
                "Score 41",
                json!({"score": 41, "band": "red", "before": 72, "receipt": [
            {"measure": "past_due", "group": "billing", "before": 100, "after": 0, "contribution": -31, "events": ["evt_1"]}]}),
            ),
        );
    });
    world.settle().await;
    let (status, html) = world.page("/customers/a1").await;
    assert_eq!(status, StatusCode::OK);
    for text in [
        "<h1>Acme",
        "held down by Active users trend (20 points)",
        "the last payment try failed",
        "Past due \u{2212}31",
        "data-post=\"/api/v1/alerts/al_1/acknowledge\"",
        "22 Nov 2026: 8 events, 3 active users",
        "$1,200",
        "evt_1",
        "<polyline",
    ] {
        assert!(html.contains(text), "the page has {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_leads_on_from_page_to_page() {
    let world = World::new();
    world.put(|b| (0..150).for_each(|n| push_profile(b, &profile(&format!("a{n:03}"), |_, _| ()))));
    world.settle().await;
    let (_, first) = world.page("/?sort=-mrr").await;
    assert!(first.contains("150 customers") && first.contains("a099") && !first.contains("a100"));
    let href = first
        .split("href=\"")
        .find(|part| part.contains("cursor="))
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let (status, second) = world.page(&href).await;
    assert_eq!(status, StatusCode::OK);
    assert!(second.contains("a149") && !second.contains("a099") && !second.contains("rel=\"next\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_not_there_say_so_as_pages() {
    let world = World::new();
    for (path, wanted) in
        [("/customers/nobody", 404), ("/nothing", 404), ("/?sort=band", 400), ("/alerts?status=x", 400), ("/customers/x?cursor=y", 400)]
    {
        let (status, html) = world.page(path).await;
        assert_eq!(status.as_u16(), wanted, "{path}");
        assert!(html.starts_with("<!doctype html>"), "{path}");
    }
}
