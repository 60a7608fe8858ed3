//! What the tools say of a customer, as they say it.
use crate::common::server::{API_TOKEN, Server, ZENDESK_SECRET};
use crate::common::{clients, eventually};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const DAY_S: i64 = 86_400;
/// 2026-01-05, a Monday.
pub(crate) const START_S: i64 = 1_767_571_200;
pub(crate) const START: &str = "2026-01-05T00:00:00Z@0";

pub(crate) fn at_day(day: i64) -> i64 {
    START_S + day * DAY_S
}

pub(crate) fn iso(day: i64) -> String {
    jiff::Timestamp::from_second(at_day(day)).unwrap().to_string()
}

/// Something that is said of a customer on a day.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// `id` of the subscription, dollars a month, status, on which day it is going to end.
    Subscription {
        id: &'static str,
        dollars: i64,
        status: &'static str,
        ends: Option<i64>,
    },
    /// The main subscription's term of a year ends on this day.
    Term(i64),
    /// Finalised on day `due` and due at once; `attempts` to be paid failed; another one follows unless it is the `last`.
    Invoice {
        due: i64,
        attempts: i64,
        last: bool,
        paid: bool,
    },
    Ticket {
        number: i64,
        status: &'static str,
        priority: &'static str,
    },
    /// A person's role.
    Role(&'static str, &'static str),
    /// A person's answer.
    Nps(&'static str, i64),
    Seats(i64),
    /// The calls of these days, which are only sent now.
    LateUse(std::ops::RangeInclusive<i64>),
    /// `acknowledge`, `snooze` until a day, or `verdict`: of the open alert of a type.
    Said {
        of: &'static str,
        action: &'static str,
        until: i64,
    },
    /// What became of a next action.
    Action(&'static str, &'static str),
}

pub(crate) const USERS: [&str; 3] = ["ann", "bob", "cat"];

/// The calls of one working day; half as many, by two of three people, where there are `fewer`.
pub(crate) fn use_of(account: &str, day: i64, fewer: bool) -> Vec<Value> {
    let (users, calls) = if fewer { (&USERS[..2], 3) } else { (&USERS[..], 4) };
    let calls = users.iter().flat_map(|user| {
        (0..calls).map(move |n| {
            json!({"type": "track", "event": "Report Opened", "messageId": format!("{account}-{user}-{day}-{n}"), "userId": format!("{account}-{user}"),
                "timestamp": iso(day), "context": {"groupId": account}})
        })
    });
    calls.collect()
}

/// Says it through the tool's own way in.
pub(crate) fn tell(server: &Server, account: &str, day: i64, number: usize, told: &Told) {
    let id = format!("{account}-{day}-{number}");
    match told {
        Told::Subscription { id: name, dollars, status, ends } => {
            let ended = (*status == "canceled").then_some(at_day(day));
            let mut object = subscription(name, account, *dollars, 365);
            object["status"] = (*status).into();
            object["cancel_at_period_end"] = ends.is_some().into();
            object["cancel_at"] = ends.map(at_day).into();
            object["canceled_at"] = ended.into();
            object["ended_at"] = ended.into();
            let kind = if ended.is_some() { "customer.subscription.deleted" } else { "customer.subscription.updated" };
            clients::stripe(server, at_day(day), &[stripe_event(&id, kind, day, object)]);
        }
        Told::Term(end) => {
            let event = stripe_event(&id, "customer.subscription.updated", day, subscription("sub", account, 500, *end));
            clients::stripe(server, at_day(day), &[event]);
        }
        Told::Invoice { due, attempts, last, paid } => {
            let next = (!last && !paid).then_some(at_day(day + 3));
            let object = json!({"id": format!("in_{account}_{due}"), "object": "invoice", "customer": format!("cus_{account}"), "status": if *paid { "paid" } else { "open" }, "currency": "usd",
                "amount_due": 36_000, "amount_remaining": if *paid { 0 } else { 36_000 }, "attempt_count": attempts, "next_payment_attempt": next,
                "created": at_day(*due), "due_date": null, "status_transitions": {"finalized_at": at_day(*due)},
                "parent": {"type": "subscription_details", "subscription_details": {"subscription": format!("sub_{account}")}}});
            let kind = match (paid, attempts) {
                (true, _) => "invoice.paid",
                (false, 0) => "invoice.finalized",
                (false, _) => "invoice.payment_failed",
            };
            clients::stripe(server, at_day(day), &[stripe_event(&id, kind, day, object)]);
        }
        Told::Ticket { number, status, priority } => {
            let body = json!({"id": id, "type": "zen:event-type:ticket.status_changed", "subject": format!("zen:ticket:{account}{number}"), "time": iso(day), "account_id": 22_129_848,
                "zendesk_event_version": "2022-11-06", "event": {"current": status, "previous": "NEW"},
                "detail": {"id": format!("{account}{number}"), "organization_id": format!("org_{account}"), "requester_id": "9", "status": status, "priority": priority,
                    "type": "QUESTION", "subject": "Exports fail", "created_at": iso(day.min(22)), "updated_at": iso(day), "is_public": true, "tags": [], "via": {"channel": "email"}}});
            zendesk(server, &iso(day), &body.to_string());
        }
        Told::Role(user, role) => clients::segment(
            server,
            &[
                json!({"type": "identify", "messageId": id, "userId": format!("{account}-{user}"), "timestamp": iso(day), "context": {"groupId": account},
                "traits": {"name": user, "role": role}}),
            ],
        ),
        Told::Nps(user, score) => clients::segment(
            server,
            &[
                json!({"type": "track", "event": "NPS Answered", "messageId": id, "userId": format!("{account}-{user}"), "timestamp": iso(day), "context": {"groupId": account},
                "properties": {"score": score, "survey": "nps"}}),
            ],
        ),
        Told::Seats(seats) => clients::segment(
            server,
            &[
                json!({"type": "group", "messageId": id, "userId": format!("{account}-ann"), "groupId": account, "timestamp": iso(day), "traits": {"seats": seats}}),
            ],
        ),
        Told::LateUse(days) => {
            let calls: Vec<Value> = days.clone().filter(|day| day % 7 < 5).flat_map(|day| use_of(account, day, false)).collect();
            clients::segment(server, &calls);
        }
        Told::Said { of, action, until } => {
            let alert = open_alert(server, account, of);
            let body = json!({"by": "kim", "reason": "I know", "until": iso(*until), "verdict": "known"});
            post(server, &format!("/api/v1/alerts/{alert}/{action}"), &body);
        }
        Told::Action(playbook, outcome) => {
            let body = json!({"playbook": playbook, "outcome": outcome, "by": "kim", "message_id": id});
            post(server, &format!("/api/v1/customers/{account}/actions"), &body);
        }
    }
}

/// An active one, for `dollars` a month, with a term of a year that ends on day `end`.
fn subscription(name: &str, account: &str, dollars: i64, end: i64) -> Value {
    json!({"id": format!("{name}_{account}"), "object": "subscription", "customer": format!("cus_{account}"), "status": "active", "currency": "usd",
        "start_date": at_day(end - 365), "created": at_day(end - 365), "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null, "ended_at": null,
        "items": {"data": [{"id": "si_1", "quantity": 1, "current_period_start": at_day(end - 365), "current_period_end": at_day(end),
            "price": {"id": "price_1", "currency": "usd", "unit_amount": dollars * 1_200, "unit_amount_decimal": (dollars * 1_200).to_string(), "product": name,
                "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"}}}]}})
}

fn stripe_event(id: &str, kind: &str, day: i64, object: Value) -> Value {
    json!({"id": format!("evt_{id}"), "object": "event", "type": kind, "created": at_day(day), "data": {"object": object}})
}

/// As Zendesk signs: base64 of HMAC-SHA256 over the time and the body.
fn zendesk(server: &Server, time: &str, body: &str) {
    let mut mac = Hmac::<Sha256>::new_from_slice(ZENDESK_SECRET.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    eventually("a webhook is acknowledged", || {
        let request = server.client.post(server.url("/hooks/zendesk/zendesk")).body(body.to_owned());
        let answer = request.header("x-zendesk-webhook-signature", &signature).header("x-zendesk-webhook-signature-timestamp", time).send();
        answer.ok().filter(|answer| answer.status() == 200).map(drop).ok_or("not acknowledged")
    });
}

fn open_alert(server: &Server, account: &str, alert_type: &str) -> String {
    eventually("the alert is shown", || {
        let (_, alerts) = server.get("/api/v1/alerts?status=open&limit=1000");
        let found = alerts["items"].as_array().unwrap().iter().find(|a| a["account"]["account_id"] == account && a["type"] == alert_type);
        found.map(|alert| alert["alert_id"].as_str().unwrap().to_owned()).ok_or_else(|| format!("{account} {alert_type}: {alerts}"))
    })
}

fn post(server: &Server, path: &str, body: &Value) {
    let answer = server.client.post(server.admin_url(path)).bearer_auth(API_TOKEN).json(body).send().unwrap();
    assert_eq!(answer.status(), 200, "{path}: {:?}", answer.text());
}
