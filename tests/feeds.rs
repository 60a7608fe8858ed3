//! A product's feed dies on a running c360, by its clock: operations are told once, its sixty customers are not taken for gone, and when it is back that is told once; kill -9 in between. On both logs.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::clients::Receiver;
use common::server::{Server, Setup, WEBHOOK_SECRET};
use common::{LogKind, at, eventually};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Range;

const DAY_S: i64 = 86_400;
/// 2026-01-05, a Monday.
const START_S: i64 = 1_767_571_200;
const START: &str = "2026-01-05T00:00:00Z@0";
/// Enough for each partition to have some.
const CUSTOMERS: usize = 60;
const SILENT: Range<i64> = 35..46;
const LAST_DAY: i64 = 57;

#[test]
fn a_dead_feed_on_the_embedded_log() {
    a_dead_feed(LogKind::Embedded);
}

#[test]
fn a_dead_feed_on_kafka() {
    a_dead_feed(LogKind::Kafka);
}

fn a_dead_feed(log: LogKind) {
    let receiver = Receiver::start(&[]);
    let setup = Setup::up(log)
        .clock(START)
        .env("C360_WEBHOOK_URL", &receiver.url)
        .env("C360_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("C360_ALLOW_PRIVATE_DESTINATIONS", "true");
    let server = Server::start(setup);
    for day in 0..LAST_DAY {
        server.advance_to((START_S + day * DAY_S + DAY_S / 2) * 1_000);
        if day % 7 < 5 && !SILENT.contains(&day) {
            work(&server, day);
        }
        if [30, 37, 40, 46].contains(&day) {
            server.kill_and_restart();
        }
        if day == SILENT.end - 1 {
            it_is_open(&server);
        }
    }
    server.advance(0).unwrap();
    let told = eventually("the feed's alert is resolved", || {
        let told = heard(&receiver);
        if told.len() >= 2 { Ok(told) } else { Err(told) }
    });
    let (opened, resolved) = (told[0].0, told[1].0);
    // From Friday to Monday it is silent by itself, for three days: half as long again, half a day, and c360's own days.
    assert!((SILENT.start + 1..SILENT.start + 6).contains(&opened), "{told:?}");
    assert_eq!(resolved, SILENT.end, "{told:?}");
    let kinds: Vec<_> = told.iter().map(|(_, kind, status, account)| (kind.as_str(), status.as_str(), account.as_str())).collect();
    assert_eq!(kinds, [("feed.stale", "open", "~feed:bootstrap"), ("feed.stale", "resolved", "~feed:bootstrap")]);
    let (_, list) = server.get("/api/v1/customers?limit=100");
    let bands: BTreeSet<&str> = list["items"].as_array().unwrap().iter().map(|c| c["health"]["band"].as_str().unwrap()).collect();
    assert_eq!((&list["total"], bands), (&json!(CUSTOMERS), BTreeSet::from(["green"])), "nobody was taken for gone");
}

/// A working day of all customers.
fn work(server: &Server, day: i64) {
    let when = jiff::Timestamp::from_second(START_S + day * DAY_S + DAY_S / 2).unwrap().to_string();
    let calls: Vec<Value> = (0..CUSTOMERS)
        .flat_map(|customer| (0..3).map(move |n| (customer, n)))
        .map(|(customer, n)| {
            json!({"type": "track", "event": "Report Opened", "messageId": format!("{customer}-{n}-{day}"), "userId": format!("u{customer}-{n}"), "timestamp": when,
                "context": {"groupId": format!("c{customer}")}})
        })
        .collect();
    let answer = server.post("/v1/batch", &json!({"batch": calls}));
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text());
    server.advance(0).unwrap();
}

/// In the API it stands as it is, and is not for a person to snooze.
fn it_is_open(server: &Server) {
    server.advance(0).unwrap();
    let (_, alerts) = server.get("/api/v1/alerts?status=open");
    assert_eq!(alerts["total"], json!(1), "{alerts:#}");
    let alert = &alerts["items"][0];
    assert_eq!((&alert["type"], &alert["severity"], at(alert, "/score/after")), (&json!("feed.stale"), &json!("warning"), &Value::Null));
    assert!(at(alert, "/url").as_str().unwrap().ends_with("/alerts"), "{alert:#}");
    let why = at(alert, "/next_action/why").as_str().unwrap();
    assert!(why.starts_with("Nothing has come from bootstrap since 2026-02-06T12:00:00Z"), "{why}");
    let path = format!("/api/v1/alerts/{}/acknowledge", alert["alert_id"].as_str().unwrap());
    assert_eq!(server.api(reqwest::Method::POST, &path).send().unwrap().status(), StatusCode::CONFLICT);
}

/// Day, type, status and account of what was heard, once under each id.
fn heard(receiver: &Receiver) -> Vec<(i64, String, String, String)> {
    let (mut ids, mut told) = (BTreeSet::new(), Vec::new());
    for request in receiver.seen() {
        if ids.insert(request["id"].as_str().unwrap().to_owned()) {
            let body = &request["body"];
            let when = body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
            let word = |pointer: &str| at(body, pointer).as_str().unwrap().to_owned();
            told.push(((when - START_S).div_euclid(DAY_S), word("/type"), word("/data/status"), word("/data/account/account_id")));
        }
    }
    told
}
