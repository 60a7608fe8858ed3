//! The clients that are out there, unchanged, times what may happen to their first request: each event counts once at the end. Writes `docs/compatibility.md` where `UPDATE_DOCS=1`, and compares it elsewhere.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test breaks loudly")]
mod common;
#[path = "compatibility/mod.rs"]
mod compatibility;

use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::{Clock, Log, RecordRef};
use c360_schemas::{EventsValue, History, Key, Payload, Topic, Wire, decode_events_value};
use common::server::{STRIPE_SECRET, Server, Setup};
use common::{LogKind, at, eventually};
use compatibility::clients::{CLIENTS, Client, Sends};
use compatibility::proxy::{FAULTS, Fault, Proxy, RETRY_AFTER};
use compatibility::table::{Outcome, page};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Those that say so, and send all their events in one request.
const HEED_RETRY_AFTER: [&str; 2] = ["@segment/analytics-node", "segment-analytics-python"];

/// A client under a fault.
struct Cell {
    client: Client,
    fault: Fault,
    account: String,
    /// Of its events, where the client takes them.
    ids: Vec<String>,
    proxy: Proxy,
}

impl Cell {
    async fn new(client: Client, fault: Fault, server: &Server, through: &reqwest::Client) -> Self {
        let account = format!("{}-{}", client.slug(), fault.slug());
        let ids = (0..client.events).map(|n| format!("evt_{account}-{n}")).collect();
        let proxy = Proxy::start(fault, server.url(""), through.clone()).await;
        Self { client, fault, account, ids, proxy }
    }

    /// As the scripts take it.
    fn line(&self) -> Value {
        let bodies: Vec<String> = self.ids.iter().map(|id| failed_payment(id, &self.account).to_string()).collect();
        let host = format!("http://{}", self.proxy.address);
        json!({"host": host, "account": self.account, "ids": self.ids, "secret": STRIPE_SECRET, "bodies": bodies})
    }

    /// Events that the customer's page counts.
    fn counted(&self, server: &Server) -> usize {
        if self.client.sends == Sends::Stripe {
            let (_, timeline) = server.get(&format!("/api/v1/customers/{}/timeline", self.account));
            let entries = timeline["items"].as_array().cloned().unwrap_or_default();
            return entries.iter().filter(|entry| at(entry, "/detail/event") == "invoice.payment_failed").count();
        }
        let (_, view) = server.get(&format!("/api/v1/customers/{}", self.account));
        at(&view, "/usage/events/1d").as_u64().unwrap_or(0) as usize
    }
}

impl Cell {
    /// What became of its events at the first attempt.
    fn outcome(&self, server: &Server, told: &[String]) -> Outcome {
        let (counted, seen) = (self.counted(server), self.proxy.seen());
        eprintln!("{}: {counted} of {} counted, {seen:?}, told {told:?}", self.account, self.client.events);
        assert!(counted <= self.client.events, "{}: {counted} events counted", self.account);
        if counted < self.client.events {
            assert!(!told.is_empty(), "{}: an event was given up, and nobody was told", self.account);
            return Outcome::GivenUp;
        }
        // A client that never tries again has its event in the log even where it did not hear so.
        let never_again = seen.posts == 1 && self.fault == Fault::Dropped;
        if self.fault == Fault::None || never_again {
            return Outcome::Taken;
        }
        assert!(seen.posts > 1, "{}: there was a second request", self.account);
        if self.fault == Fault::Answer(429) && HEED_RETRY_AFTER.contains(&self.client.package) {
            assert!(seen.waited >= Some(RETRY_AFTER), "{}: it heeds Retry-After: {seen:?}", self.account);
        }
        Outcome::Again
    }

    /// That the log has each event under one id, and that what came twice was told once.
    fn check_log(&self, outcome: Outcome, log: &HashMap<String, InTheLog>) {
        let InTheLog { events, history } = &log[&self.account];
        assert_eq!(events.len(), self.client.events, "{}: {events:?}", self.account);
        if self.fault == Fault::Dropped && outcome == Outcome::Again {
            assert!(events.values().any(|copies| *copies > 1), "{}: it came twice, so there was a fault: {events:?}", self.account);
        }
        if self.client.sends == Sends::Stripe {
            assert_eq!(history.values().copied().collect::<Vec<_>>(), [1], "{}", self.account);
        }
    }
}

/// One for each id, of the customer that is linked to the account.
fn failed_payment(id: &str, account: &str) -> Value {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({"id": id, "object": "event", "type": "invoice.payment_failed", "created": now_s, "data": {"object": {
        "id": format!("in_{account}"), "object": "invoice", "customer": format!("cus_{account}"), "status": "open", "currency": "usd", "amount_due": 360_000,
        "amount_remaining": 360_000, "attempt_count": 1, "next_payment_attempt": now_s + 86_400, "created": now_s, "due_date": null,
        "status_transitions": {"finalized_at": now_s}}}})
}

/// Runs each client's cells, the clients one after another: a browser and nine interpreters at once would be a test of the machine.
fn run(cells: &[&Cell]) -> HashMap<String, Vec<String>> {
    CLIENTS
        .iter()
        .flat_map(|client| {
            let lines: Vec<Value> = cells.iter().filter(|cell| cell.client.script == client.script).map(|cell| cell.line()).collect();
            if lines.is_empty() { HashMap::new() } else { client.run(&lines) }
        })
        .collect()
}

#[test]
fn every_client_gets_every_event_counted_once_whatever_happens_to_its_first_request() {
    let server = Server::start(Setup::up(LogKind::Embedded).clock(&format!("{}@1", jiff::Timestamp::now())));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let through = reqwest::Client::builder().no_proxy().build().unwrap();
    let pairs = CLIENTS.iter().flat_map(|client| FAULTS.map(|fault| (*client, fault)));
    let cells: Vec<Cell> = pairs.map(|(client, fault)| runtime.block_on(Cell::new(client, fault, &server, &through))).collect();
    for cell in cells.iter().filter(|cell| cell.client.sends == Sends::Stripe) {
        let link = json!({"foreign": {"kind": "stripe_customer", "id": format!("cus_{}", cell.account)}, "account_id": cell.account});
        assert_eq!(server.api(Method::POST, "/api/v1/links").json(&link).send().unwrap().status(), StatusCode::OK);
    }

    let told = run(&cells.iter().collect::<Vec<_>>());
    server.advance(0).unwrap();
    let outcomes: Vec<Outcome> = cells.iter().map(|cell| cell.outcome(&server, &told[&cell.account])).collect();
    // What an application does that is told of it: the same once more.
    let given_up: Vec<&Cell> =
        cells.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::GivenUp).map(|(cell, _)| cell).collect();
    run(&given_up);
    server.advance(0).unwrap();
    for cell in &cells {
        assert_eq!(cell.counted(&server), cell.client.events, "{}", cell.account);
    }

    assert!(server.terminate().success(), "{}", server.log_text());
    let log = read(&server);
    for (cell, outcome) in cells.iter().zip(&outcomes) {
        cell.check_log(*outcome, &log);
    }
    compare(&page(&CLIENTS.into_iter().zip(outcomes.chunks(FAULTS.len()).map(<[_]>::to_vec)).collect::<Vec<_>>()));
}

/// What the log has of an account: how often each message id stands in it, and how often each is told in the history.
#[derive(Default)]
struct InTheLog {
    events: HashMap<String, usize>,
    history: HashMap<String, usize>,
}

fn read(server: &Server) -> HashMap<String, InTheLog> {
    let config = EmbeddedConfig { dir: server.data_folder().join("log"), ..EmbeddedConfig::default() };
    let log = EmbeddedLog::open(config, Clock::real()).unwrap();
    let topics = [Topic::Events, Topic::History];
    let ends = topics.map(|topic| log.bounds(topic).unwrap());
    let mut reader = log.reader(&topics, &[]).unwrap();
    let mut accounts: HashMap<String, InTheLog> = HashMap::new();
    eventually("all of the log is read", || {
        let mut record = |record: RecordRef<'_>| match record.topic {
            Topic::Events => {
                let EventsValue::Event(event) = decode_events_value(record.value).unwrap() else { return };
                if matches!(event.payload, Payload::None | Payload::Invoice(_)) {
                    let account = Key::parse(record.key).unwrap().id;
                    *accounts.entry(account.to_owned()).or_default().events.entry(event.message_id.to_owned()).or_default() += 1;
                }
            }
            _ => {
                let entry = History::decode(record.value).unwrap();
                let detail: Value = serde_json::from_str(&entry.detail).unwrap();
                if let Some(id) = detail["message_id"].as_str().filter(|_| detail["event"] == "invoice.payment_failed") {
                    *accounts.entry(entry.account_id.to_string()).or_default().history.entry(id.to_owned()).or_default() += 1;
                }
            }
        };
        reader.poll(Duration::from_millis(200), 100_000, &mut record).unwrap();
        let behind =
            topics.iter().zip(&ends).any(|(topic, ends)| (0..).zip(ends).any(|(p, bounds)| reader.position(*topic, p) < bounds.end));
        if behind { Err("behind") } else { Ok(()) }
    });
    accounts
}

/// With the page in the repository.
fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, page, "docs/compatibility.md does not say what this run saw; UPDATE_DOCS=1 writes it anew");
}
