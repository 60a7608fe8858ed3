//! A customer's year on a running c360, by its clock: windows shrink, the stage of life moves on, days past due grow and end, a renewal opens its plan at ninety days, a subscription lives from trial
//! to cancellation; kill -9 at each of these. Told through the real endpoints, and once more shuffled and doubled: the facts are the same. On both logs.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::clients::{look, segment, stripe};
use common::server::{Server, Setup};
use common::{LogKind, at};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const DAY_S: i64 = 86_400;
/// 2026-01-05, a Monday.
const START_S: i64 = 1_767_571_200;
const START: &str = "2026-01-05T00:00:00Z@0";
/// The trial ends, and a year is paid for.
const TRIAL_DAYS: i64 = 14;
const TERM_END: i64 = TRIAL_DAYS + 365;

#[test]
fn a_year_on_the_embedded_log() {
    a_year(LogKind::Embedded);
}

#[test]
fn a_year_on_kafka() {
    a_year(LogKind::Kafka);
}

fn iso(day: i64) -> String {
    jiff::Timestamp::from_second(START_S + day * DAY_S).unwrap().to_string()
}

/// A state of the one subscription, as Stripe tells it on `day`.
fn subscription(customer: &str, day: i64, kind: &str, status: &str, seats: i64, more: Value) -> Value {
    let (start, end) = if day < TRIAL_DAYS { (0, TRIAL_DAYS) } else { (TRIAL_DAYS, TERM_END) };
    let mut object = json!({"id": format!("sub_{customer}"), "object": "subscription", "customer": customer, "status": status, "currency": "usd",
        "start_date": START_S, "created": START_S, "trial_end": START_S + TRIAL_DAYS * DAY_S, "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null, "ended_at": null,
        "items": {"data": [{"id": "si_1", "quantity": seats, "current_period_start": START_S + start * DAY_S, "current_period_end": START_S + end * DAY_S,
            "price": {"id": "price_1", "currency": "usd", "unit_amount": 12_000, "unit_amount_decimal": "12000", "product": "prod_core",
                "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"}}}]}});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"id": format!("evt_{customer}_{day}_{status}"), "object": "event", "type": kind, "created": START_S + day * DAY_S, "data": {"object": object}})
}

fn invoice(customer: &str, day: i64, kind: &str, status: &str, attempt: i64) -> Value {
    json!({"id": format!("evt_in_{customer}_{day}_{status}"), "object": "event", "type": kind, "created": START_S + day * DAY_S, "data": {"object": {
        "id": format!("in_{customer}"), "object": "invoice", "customer": customer, "status": status, "currency": "usd", "amount_due": 36_000,
        "amount_remaining": if status == "paid" { 0 } else { 36_000 }, "attempt_count": attempt, "next_payment_attempt": START_S + (day + 3) * DAY_S,
        "created": START_S + 150 * DAY_S, "due_date": null, "status_transitions": {"finalized_at": START_S + 150 * DAY_S},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": format!("sub_{customer}")}}}}})
}

/// What Stripe tells of a customer in the year, by day.
fn year(customer: &str) -> Vec<(i64, Value)> {
    let updated = "customer.subscription.updated";
    let cancelled = json!({"ended_at": START_S + TERM_END * DAY_S, "canceled_at": START_S + 300 * DAY_S, "cancellation_details": {"reason": "cancellation_requested", "feedback": "unused"}});
    vec![
        (0, subscription(customer, 0, "customer.subscription.created", "trialing", 10, json!({}))),
        (TRIAL_DAYS, subscription(customer, TRIAL_DAYS, updated, "active", 10, json!({}))),
        (60, subscription(customer, 60, updated, "active", 30, json!({}))),
        (120, subscription(customer, 120, updated, "active", 20, json!({}))),
        (150, invoice(customer, 150, "invoice.payment_failed", "open", 1)),
        (150, subscription(customer, 150, updated, "past_due", 20, json!({}))),
        (155, invoice(customer, 155, "invoice.paid", "paid", 2)),
        (155, subscription(customer, 155, updated, "active", 20, json!({"cancel_at_period_end": false}))),
        (
            300,
            subscription(
                customer,
                300,
                updated,
                "active",
                20,
                json!({"cancel_at_period_end": true, "cancel_at": START_S + TERM_END * DAY_S}),
            ),
        ),
        (TERM_END, subscription(customer, TERM_END, "customer.subscription.deleted", "canceled", 20, cancelled)),
    ]
}

/// A life in c360's time.
struct Life {
    server: Server,
    told: Vec<(i64, Value)>,
}

impl Life {
    /// Lives on to the beginning of a day, with what happens on the way.
    fn until(&mut self, day: i64) {
        while self.told.first().is_some_and(|(when, _)| *when <= day) {
            let (when, event) = self.told.remove(0);
            self.server.advance_to((START_S + when * DAY_S) * 1_000);
            stripe(&self.server, START_S + when * DAY_S, &[event]);
        }
        self.server.advance_to((START_S + day * DAY_S) * 1_000);
    }

    /// As [`Life::until`], with a kill -9 on the day before.
    fn until_with_a_kill(&mut self, day: i64) {
        self.until(day - 1);
        self.server.kill_and_restart();
        self.until(day);
    }

    fn fact(&self, path: &str) -> Value {
        at(&self.server.view("acme"), path).clone()
    }
}

fn tell_stripe_customer(server: &Server, customer: &str, account: &str) {
    let link = json!({"foreign": {"kind": "stripe_customer", "id": customer}, "account_id": account});
    assert_eq!(server.api(Method::POST, "/api/v1/links").json(&link).send().unwrap().status(), StatusCode::OK);
}

fn a_year(log: LogKind) {
    let server = Server::start(Setup::up(log).clock(START));
    tell_stripe_customer(&server, "cus_acme", "acme");
    segment(&server, &calls());
    let mut life = Life { server, told: year("cus_acme") };

    windows_shrink_and_life_moves_on(&mut life);
    past_due_days_grow_and_end(&mut life);
    a_renewal_opens_its_plan(&mut life);
    it_ends(&mut life);
    the_same_shuffled_and_doubled(&mut life);
    look(&life.server, &["/", "/portfolio", "/customers/acme", "/customers/acme?about=billing", "/alerts", "/today", "/rules"]);
}

/// What the SDK sends on the first day.
fn calls() -> Vec<Value> {
    let call = |n: i64, more: Value| {
        let mut call = json!({"messageId": format!("call-{n}"), "timestamp": iso(0), "context": {"groupId": "acme"}});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    let group = json!({"type": "group", "userId": "ann", "groupId": "acme", "traits": {"name": "Acme", "plan": "pro", "seats": 10, "delivered_at": iso(0)}});
    let mut calls = vec![call(0, group)];
    for (n, (user, role)) in [("ann", "champion"), ("eve", "decision maker"), ("bob", "user")].into_iter().enumerate() {
        calls.push(call(10 + n as i64, json!({"type": "identify", "userId": user, "traits": {"name": user, "role": role}})));
    }
    for (n, user) in ["ann", "ann", "bob"].into_iter().enumerate() {
        calls.push(call(20 + n as i64, json!({"type": "track", "userId": user, "event": "Report Opened"})));
    }
    calls
}

fn windows_shrink_and_life_moves_on(life: &mut Life) {
    life.until(0);
    assert_eq!(life.fact("/usage/events"), json!({"1d": 3, "7d": 3, "28d": 3, "90d": 3}));
    assert_eq!(
        life.fact("/lifecycle_detail/adoption"),
        json!({"key_people": {"active": 1, "total": 2, "share": 0.5}, "seats": {"active": 2, "total": 10, "share": 0.2}})
    );
    assert_eq!((life.fact("/billing/mrr/amount"), life.fact("/usage/seat_use")), (json!(0), json!(0.2)), "in the trial");
    for (day, events) in [
        (1, [0, 3, 3, 3]),
        (6, [0, 3, 3, 3]),
        (7, [0, 0, 3, 3]),
        (27, [0, 0, 3, 3]),
        (28, [0, 0, 0, 3]),
        (89, [0, 0, 0, 3]),
        (90, [0, 0, 0, 0]),
    ] {
        if day == 7 || day == 28 {
            life.until_with_a_kill(day);
        } else {
            life.until(day);
        }
        let [d1, d7, d28, d90] = events;
        assert_eq!(life.fact("/usage/events"), json!({"1d": d1, "7d": d7, "28d": d28, "90d": d90}), "day {day}");
        let stage = if day <= 30 { "adoption" } else { "stabilisation" };
        assert_eq!(life.fact("/lifecycle"), stage, "day {day}");
    }
    assert_eq!(life.fact("/people/champions"), json!({"known": 1, "quiet": ["ann"], "left": []}));
    life.until_with_a_kill(91);
    assert_eq!((life.fact("/lifecycle"), life.fact("/lifecycle_detail/day")), (json!("steady"), json!(91)));
}

fn past_due_days_grow_and_end(life: &mut Life) {
    life.until(150);
    assert_eq!((life.fact("/billing/past_due_days"), life.fact("/billing/dunning/state")), (json!(0), json!("past_due")));
    life.until_with_a_kill(153);
    assert_eq!((life.fact("/billing/past_due_days"), life.fact("/billing/failed_payments")), (json!(3), json!(1)));
    life.until(154);
    assert_eq!(life.fact("/billing/past_due_days"), 4);
    life.until(155);
    assert_eq!((life.fact("/billing/past_due_days"), life.fact("/billing/dunning/state")), (json!(0), json!("recovered")));
}

fn a_renewal_opens_its_plan(life: &mut Life) {
    let told = json!({"goals": [{"id": "g1", "title": "Five people use it", "measure": "usage.active_users.28d", "target": 5}],
        "promises": [{"id": "p1", "title": "SSO", "status": "kept"}], "results": [{"id": "r1", "title": "Admin training", "kind": "training"}]});
    let answer = life.server.api(Method::POST, "/api/v1/customers/acme/plan").json(&told).send().unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text());
    life.until(TERM_END - 91);
    assert_eq!((life.fact("/renewal/status"), life.fact("/lifecycle")), (json!("ahead"), json!("steady")));
    life.until_with_a_kill(TERM_END - 90);
    assert_eq!(
        (life.fact("/renewal/status"), life.fact("/renewal/days_left"), life.fact("/lifecycle")),
        (json!("open"), json!(90), json!("renewal"))
    );
    assert_eq!((life.fact("/renewal/purpose/0/met"), life.fact("/renewal/results/trainings")), (json!(false), json!(1)));
    let timeline = life.server.get("/api/v1/customers/acme/timeline?about=people&limit=100").1;
    let opened =
        timeline["items"].as_array().unwrap().iter().filter(|item| item["title"].as_str().unwrap().starts_with("Renewal plan opened"));
    assert_eq!(opened.count(), 1, "said once, though it was killed");
    let markdown = life.server.api(Method::GET, "/api/v1/customers/acme/renewal.md").send().unwrap().text().unwrap();
    assert!(markdown.contains("- [ ] Five people use it") && markdown.contains("- [x] SSO (kept)"), "{markdown}");
}

fn it_ends(life: &mut Life) {
    life.until_with_a_kill(TERM_END);
    life.server.advance(0).unwrap();
    let moved: Vec<Value> =
        life.fact("/billing/movements").as_array().unwrap().iter().map(|m| json!([m["at"], m["kind"], m["amount"], m["mrr"]])).collect();
    let expected = [
        (TRIAL_DAYS, "new", 10_000, 10_000),
        (60, "expansion", 20_000, 30_000),
        (120, "contraction", -10_000, 20_000),
        (TERM_END, "churn", -20_000, 0),
    ];
    assert_eq!(moved, expected.map(|(day, kind, amount, mrr)| json!([iso(day), kind, amount, mrr])));
    assert_eq!((life.fact("/lifecycle"), life.fact("/billing/churned/involuntary")), (json!("churned"), json!(false)));
}

/// Another customer with the same life, of which all is heard at the end, in no order and twice.
fn the_same_shuffled_and_doubled(life: &mut Life) {
    tell_stripe_customer(&life.server, "cus_late", "late");
    let mut told: Vec<Value> = year("cus_late").into_iter().chain(year("cus_late")).map(|(_, event)| event).collect();
    told.shuffle(&mut StdRng::seed_from_u64(7));
    let half = told.split_off(told.len() / 2);
    stripe(&life.server, START_S + TERM_END * DAY_S, &told);
    life.server.kill_and_restart();
    stripe(&life.server, START_S + TERM_END * DAY_S, &half);
    life.server.advance(0).unwrap();
    let (acme, late) = (life.server.view("acme"), life.server.view("late"));
    for path in ["/billing/movements", "/billing/mrr", "/billing/churned", "/billing/status", "/lifecycle"] {
        assert_eq!(at(&acme, path), at(&late, path), "{path}");
    }
    let portfolio = life.server.get("/api/v1/portfolio").1;
    assert_eq!(portfolio["balanced"], true, "{portfolio}");
    let month = |name: &str| portfolio["months"].as_array().unwrap().iter().find(|m| m["month"] == name).unwrap().clone();
    let (march, january) = (month("2026-03"), month("2027-01"));
    assert_eq!((&march["expansion"], &march["nrr"], &march["grr"]), (&json!(40_000), &json!(3.0), &json!(1.0)));
    assert_eq!((&january["churn"], &january["logo_churn_rate"], &january["end"]), (&json!(-40_000), &json!(1.0), &json!(0)));
}
