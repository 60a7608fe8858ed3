//! Each role a process of its own, on Kafka: one of two processors is killed for good in the middle, and the answers are right.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::server::{Server, Setup};
use common::{LogKind, at, eventually_within};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNTS: usize = 30;
const EVENTS: usize = 20;

fn batch(accounts: std::ops::Range<usize>, round: usize) -> Value {
    let calls: Vec<Value> = accounts
        .flat_map(|account| {
            (0..EVENTS).map(move |n| {
                json!({"type": "track", "userId": format!("u{account}-{}", n % 4), "event": "Report Viewed", "messageId": format!("{round}-{account}-{n}"),
                    "context": {"groupId": format!("a{account}")}})
            })
        })
        .collect();
    json!({ "batch": calls })
}

#[test]
fn a_processor_that_dies_for_good_is_taken_over_from() {
    let setup = Setup::up(LogKind::Kafka);
    let ingest = Server::start(setup.clone().role("ingest"));
    let one = Server::start(setup.clone().role("process"));
    let two = Server::start(setup.clone().role("process"));
    let _sink = Server::start(setup.clone().role("sink"));
    let console = Server::start(setup.role("console"));

    assert_eq!(ingest.post("/v1/batch", &batch(0..ACCOUNTS, 0)).status(), StatusCode::OK);
    counts_become(&console, EVENTS);
    // Half of the second round is on its way when one of the two dies.
    assert_eq!(ingest.post("/v1/batch", &batch(0..ACCOUNTS / 2, 1)).status(), StatusCode::OK);
    one.kill();
    assert_eq!(ingest.post("/v1/batch", &batch(ACCOUNTS / 2..ACCOUNTS, 1)).status(), StatusCode::OK);
    counts_become(&console, 2 * EVENTS);
    drop(two);
}

fn counts_become(console: &Server, events: usize) {
    for account in 0..ACCOUNTS {
        eventually_within(Duration::from_secs(90), "the view is right", || {
            let (status, view) = console.get(&format!("/api/v1/customers/a{account}"));
            if status == StatusCode::OK
                && at(&view, "/usage/events/7d") == &json!(events)
                && at(&view, "/usage/active_users/7d") == &json!(4)
            {
                Ok(())
            } else {
                Err((status, at(&view, "/usage/events").clone()))
            }
        });
    }
}
