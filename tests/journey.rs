//! The journey of an event to a delivered alert: real clients at both ends, the embedded log and a real Kafka between them, and kill -9 at ten seeded moments.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::clients::{Receiver, segment, stripe};
use common::server::{Server, Setup};
use common::{LogKind, at, eventually};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY_S: i64 = 86_400;
/// A Monday.
const START_S: i64 = 1_772_409_600;
const START: &str = "2026-03-02T00:00:00Z@0";
/// Days that all accounts are used.
const BUSY_DAYS: i64 = 35;
/// Days that one of them is silent.
const SILENT_DAYS: i64 = 21;
const ACCOUNTS: [&str; 3] = ["steady", "payer", "silent"];
const USERS: [&str; 3] = ["ann", "ben", "cem"];
/// Track calls of a user on a day.
const CALLS: i64 = 4;
const KILLS: usize = 10;

#[test]
fn the_journey_on_the_embedded_log() {
    journey(LogKind::Embedded, false);
}

#[test]
fn the_journey_on_kafka() {
    journey(LogKind::Kafka, false);
}

#[test]
fn the_journey_on_the_embedded_log_killed_ten_times() {
    journey(LogKind::Embedded, true);
}

#[test]
fn the_journey_on_kafka_killed_ten_times() {
    journey(LogKind::Kafka, true);
}

fn iso(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// What the SDK sends on a day: tracks by each user of each account that is not silent, spread over the working day.
fn calls_of(day: i64, accounts: &[&str]) -> Vec<Value> {
    let mut calls = Vec::new();
    for account in accounts {
        for user in USERS {
            let user = format!("{account}-{user}");
            if day == 0 {
                calls.push(
                    json!({"type": "group", "userId": user, "groupId": account, "messageId": format!("g-{user}"), "timestamp": iso(START_S),
                    "traits": {"name": account.to_uppercase(), "owner": {"name": "CSM", "email": "csm@example.com"}}}),
                );
            }
            for n in 0..CALLS {
                let at = START_S + day * DAY_S + (9 + n) * 3_600;
                // Every other call names its account; the others find it by their user's group call.
                let context = if n % 2 == 0 { json!({"groupId": account}) } else { json!({}) };
                calls.push(json!({"type": "track", "userId": user, "event": "Report Viewed", "messageId": format!("t-{user}-{day}-{n}"),
                    "timestamp": iso(at), "context": context, "properties": {"n": n}}));
            }
        }
    }
    if day == 20 {
        for account in accounts {
            for n in 0..5 {
                calls.push(json!({"type": "track", "userId": format!("{account}-nps{n}"), "event": "NPS Answered", "messageId": format!("n-{account}-{n}"),
                    "timestamp": iso(START_S + day * DAY_S + 18 * 3_600), "context": {"groupId": account},
                    "properties": {"score": 9, "survey": "nps", "account_id": account}}));
            }
        }
    }
    calls
}

fn subscription(account: &str) -> Value {
    json!({"id": format!("evt_sub_{account}"), "object": "event", "type": "customer.subscription.created", "created": START_S, "data": {"object": {
        "id": format!("sub_{account}"), "object": "subscription", "customer": format!("cus_{account}"), "status": "active", "currency": "usd",
        "start_date": START_S, "created": START_S, "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null, "ended_at": null,
        "items": {"data": [{"id": "si_1", "quantity": 3, "current_period_start": START_S, "current_period_end": START_S + 365 * DAY_S,
            "price": {"id": "price_1", "currency": "usd", "unit_amount": 120_000, "unit_amount_decimal": "120000",
                "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"}}}]}}}})
}

fn failed_payment(account: &str, attempt: i64, now_s: i64) -> Value {
    let next = (attempt < 3).then_some(now_s + DAY_S);
    json!({"id": format!("evt_fail_{account}_{attempt}"), "object": "event", "type": "invoice.payment_failed", "created": now_s + attempt, "data": {"object": {
        "id": format!("in_{account}"), "object": "invoice", "customer": format!("cus_{account}"), "status": "open", "currency": "usd", "amount_due": 360_000,
        "amount_remaining": 360_000, "attempt_count": attempt, "next_payment_attempt": next, "created": now_s, "due_date": null,
        "status_transitions": {"finalized_at": now_s},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": format!("sub_{account}")}}}}})
}

/// Runs a step with a kill -9 and a restart in the middle of it.
fn with_a_kill(server: &Server, after: Option<Duration>, step: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let step = scope.spawn(step);
        if let Some(after) = after {
            std::thread::park_timeout(after);
            server.kill_and_restart();
        }
        if let Err(panic) = step.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn journey(log: LogKind, killed: bool) {
    let receiver = Receiver::start(&[]);
    let setup = Setup::up(log)
        .clock(START)
        .env("C360_WEBHOOK_URL", &receiver.url)
        .env("C360_WEBHOOK_SECRET", common::server::WEBHOOK_SECRET)
        .env("C360_ALLOW_PRIVATE_DESTINATIONS", "true");
    let server = Server::start(setup);
    let mut random = StdRng::seed_from_u64(7);
    let mut kills = BTreeSet::new();
    while killed && kills.len() < KILLS {
        kills.insert(random.random_range(0..BUSY_DAYS + SILENT_DAYS));
    }

    for account in ACCOUNTS {
        let link = json!({"foreign": {"kind": "stripe_customer", "id": format!("cus_{account}")}, "account_id": account});
        let answer = server.api(reqwest::Method::POST, "/api/v1/links").json(&link).send().unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text());
    }
    stripe(&server, START_S, &ACCOUNTS.map(subscription));

    for day in 0..BUSY_DAYS + SILENT_DAYS {
        let accounts = if day < BUSY_DAYS { &ACCOUNTS[..] } else { &ACCOUNTS[..2] };
        let after = kills.contains(&day).then(|| Duration::from_millis(random.random_range(50..900)));
        with_a_kill(&server, after, || {
            segment(&server, &calls_of(day, accounts));
            if day == BUSY_DAYS {
                let now = START_S + day * DAY_S;
                stripe(&server, now, &[1, 2, 3].map(|attempt| failed_payment("payer", attempt, now)));
            }
        });
        if day == BUSY_DAYS - 1 {
            server.advance_to((START_S + day * DAY_S + DAY_S / 2) * 1_000);
            all_is_well(&server, day);
        }
        if day == BUSY_DAYS {
            server.advance_to((START_S + day * DAY_S) * 1_000);
            the_payer_is_red_at_once(&server);
        }
        let after = kills.contains(&day).then(|| Duration::from_millis(random.random_range(0..100)));
        with_a_kill(&server, after.filter(|_| day % 2 == 0), || server.advance_to((START_S + (day + 1) * DAY_S) * 1_000));
    }
    the_silent_one_is_red_too(&server);
    alerts_were_received(&server, &receiver, killed);
}

/// The view equals what was sent, to the last event.
fn all_is_well(server: &Server, day: i64) {
    let days = |n: i64| n.min(day + 1);
    let per_day = USERS.len() as i64 * CALLS;
    for account in ACCOUNTS {
        let view = server.view(account);
        let got = |pointer: &str| at(&view, pointer).clone();
        assert_eq!(got("/name"), json!(account.to_uppercase()), "{view:#}");
        assert_eq!(got("/owner/email"), json!("csm@example.com"));
        for (window, n) in [("1d", 1), ("7d", 7), ("28d", 28), ("90d", 90)] {
            assert_eq!(got(&format!("/usage/events/{window}")), json!(days(n) * per_day), "{account} {window}: {view:#}");
        }
        for window in ["1d", "7d", "28d"] {
            assert_eq!(got(&format!("/usage/active_users/{window}")), json!(USERS.len()), "{account} {window}: {view:#}");
        }
        assert_eq!(got("/usage/stickiness"), json!(1.0), "{view:#}");
        // 3 seats at 1,200.00 a year.
        assert_eq!(got("/billing/mrr"), json!({"amount": 30_000, "currency": "USD"}), "{view:#}");
        assert_eq!(got("/billing/status"), json!("active"));
        assert_eq!(got("/billing/past_due_days"), json!(0));
        assert_eq!(got("/surveys/nps/score"), json!(100), "{view:#}");
        assert_eq!(got("/surveys/nps/promoters"), json!(5));
        assert_eq!(got("/health/band"), json!("green"), "{view:#}");
        let identities: BTreeSet<_> =
            view["identities"].as_array().unwrap().iter().map(|i| (i["kind"].to_string(), i["id"].to_string())).collect();
        assert!(identities.contains(&("\"stripe_customer\"".into(), format!("\"cus_{account}\""))), "{view:#}");
    }
    let (_, list) = server.get("/api/v1/customers?limit=100");
    assert_eq!(list["total"], json!(ACCOUNTS.len()), "provisional customers are left over: {list:#}");
    let (_, alerts) = server.get("/api/v1/alerts?status=open");
    // Of who is well only good news is told: five people who would recommend the product.
    let told: BTreeSet<_> =
        alerts["items"].as_array().unwrap().iter().map(|a| (a["type"].to_string(), at(a, "/account/account_id").to_string())).collect();
    let good: BTreeSet<_> = ACCOUNTS.iter().map(|account| ("\"advocate.found\"".to_owned(), format!("\"{account}\""))).collect();
    assert_eq!((alerts["total"].as_u64(), told), (Some(ACCOUNTS.len() as u64), good), "{alerts:#}");
}

fn the_payer_is_red_at_once(server: &Server) {
    let view = server.view("payer");
    assert_eq!(at(&view, "/health/band"), "red", "{view:#}");
    assert_eq!(at(&server.view("steady"), "/health/band"), "green");
    let alert = open_alert(server, "payer");
    assert_eq!(alert["band"], json!({"before": "green", "after": "red"}), "{alert:#}");
    receipt_sums(&alert);
    let behind: Vec<_> = alert["receipt"].as_array().unwrap().iter().flat_map(|line| line["events"].as_array().unwrap().clone()).collect();
    assert!(behind.contains(&json!("evt_fail_payer_3")), "the last failed try is not in the receipt: {alert:#}");
}

fn the_silent_one_is_red_too(server: &Server) {
    let view = server.view("silent");
    assert_eq!(at(&view, "/health/band"), "red", "{view:#}");
    assert_eq!(at(&view, "/usage/events/7d"), &json!(0));
    assert_eq!(at(&server.view("steady"), "/health/band"), "green");
    let alert = open_alert(server, "silent");
    assert_eq!(at(&alert, "/band/after"), "red", "{alert:#}");
    receipt_sums(&alert);
    // By and by: the score went down in more than one step, and each step's receipt sums to it.
    let (_, scores) = server.get("/api/v1/customers/silent/scores?limit=1000");
    let steps = scores["items"].as_array().unwrap();
    assert!(steps.len() >= 3, "{scores:#}");
    let mut after: Option<i64> = None;
    for step in steps.iter().rev() {
        let sum: i64 = step["receipt"].as_array().unwrap().iter().map(|line| line["contribution"].as_i64().unwrap()).sum();
        let score = step["score"].as_i64().unwrap();
        assert_eq!(sum, score - after.unwrap_or(0), "{step:#}");
        after = Some(score);
    }
}

fn open_alert(server: &Server, account: &str) -> Value {
    let (_, alerts) = server.get("/api/v1/alerts?status=open&limit=1000");
    let found: Vec<_> = alerts["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| at(a, "/account/account_id") == account && a["type"] == "health.changed")
        .collect();
    assert_eq!(found.len(), 1, "{alerts:#}");
    found[0].clone()
}

fn receipt_sums(alert: &Value) {
    let sum: i64 = alert["receipt"].as_array().unwrap().iter().map(|line| line["contribution"].as_i64().unwrap()).sum();
    assert_eq!(sum, alert["score"]["after"].as_i64().unwrap() - alert["score"]["before"].as_i64().unwrap(), "{alert:#}");
}

/// What the API knows was sent came, signed, under one id for each revision; without a crash exactly once.
fn alerts_were_received(server: &Server, receiver: &Receiver, killed: bool) {
    let (_, alerts) = server.get("/api/v1/alerts?status=all&limit=1000");
    // A revision may be silent (an alert that went into a graver one); the first one of each alert, and health's, never are.
    let (mut known, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    for alert in alerts["items"].as_array().unwrap() {
        let id = alert["alert_id"].as_str().unwrap();
        let revisions = alert["revision"].as_i64().unwrap();
        known.extend((1..=revisions).map(|revision| format!("{id}_{revision}")));
        let loud = if alert["type"] == "health.changed" { revisions } else { 1 };
        wanted.extend((1..=loud).map(|revision| format!("{id}_{revision}")));
    }
    assert!(wanted.len() >= 2, "{alerts:#}");
    let seen = eventually("all alerts are received", || {
        let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for request in receiver.seen() {
            seen.entry(request["id"].as_str().unwrap().to_owned()).or_default().push(request);
        }
        if wanted.iter().all(|id| seen.contains_key(id)) {
            Ok(seen)
        } else {
            Err((seen.keys().cloned().collect::<Vec<_>>(), wanted.clone()))
        }
    });
    for (id, requests) in seen {
        assert!(known.contains(&id), "{id} is not known to the API: {requests:#?}");
        assert!(requests.iter().all(|r| r["verified"] == json!(true)), "{id}: {requests:#?}");
        assert!(requests.iter().all(|r| r["body"] == requests[0]["body"]), "{id} said two things: {requests:#?}");
        assert!(killed || requests.len() == 1, "{id} came {} times", requests.len());
    }
}
