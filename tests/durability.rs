//! What ingest has acknowledged is in the log, whatever becomes of the broker: a real Kafka is killed with -9 under load, and frozen, and every id that got a 200 is counted in it.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Clock, Log};
use c360_schemas::{Event, Topic};
use common::kafka::Broker;
use common::server::{Server, Setup, WRITE_KEY};
use common::{LogKind, StopAtEnd, eventually};
use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SENDERS: usize = 8;
/// Events of a request, by its sender: single calls and batches, which span partitions.
const SIZES: [usize; 4] = [1, 1, 20, 100];

#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<Vec<String>>,
    /// Answers by status; 0: none came.
    answers: Mutex<HashMap<u16, usize>>,
    count: AtomicUsize,
    stop: AtomicBool,
}

impl Ledger {
    fn grows_by(&self, events: usize) {
        let target = self.count.load(Ordering::Relaxed) + events;
        eventually("events are acknowledged", || match self.count.load(Ordering::Relaxed) {
            count if count >= target => Ok(()),
            count => Err((count, self.answers.lock().unwrap().clone())),
        });
    }
}

fn body(sender: usize, request: usize) -> (Vec<String>, Value) {
    let size = SIZES[sender % SIZES.len()];
    let ids: Vec<String> = (0..size).map(|n| format!("{sender}-{request}-{n}")).collect();
    let call = |(n, id): (usize, &String)| json!({"type": "track", "userId": "u", "event": "E", "messageId": id, "context": {"groupId": format!("a{}", n * 31 % 97)}});
    let calls: Vec<Value> = ids.iter().enumerate().map(call).collect();
    (ids, json!({ "batch": calls }))
}

/// Sends one request after another, each until it is acknowledged, as every SDK does.
fn send(server: &Server, sender: usize, ledger: &Ledger) {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
    for request in 0.. {
        let (ids, body) = body(sender, request);
        loop {
            let answer = client.post(server.url("/v1/batch")).basic_auth(WRITE_KEY, Some("")).json(&body).send();
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            *ledger.answers.lock().unwrap().entry(status).or_default() += 1;
            if status == 200 {
                break;
            }
            if let Ok(answer) = answer {
                assert!(matches!(status, 429 | 503), "{status}");
                assert!(answer.headers().contains_key("retry-after"), "{status} says when to come back");
            }
            if ledger.stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        ledger.count.fetch_add(ids.len(), Ordering::Relaxed);
        ledger.acknowledged.lock().unwrap().extend(ids);
        if ledger.stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// How often each id stands in the log.
fn in_the_log(broker: &Broker, prefix: &str) -> HashMap<String, usize> {
    let config = KafkaConfig { brokers: broker.address.clone(), topic_prefix: prefix.into(), ..KafkaConfig::default() };
    let log = KafkaLog::connect(config, Clock::real()).unwrap();
    let ends = log.bounds(Topic::Events).unwrap();
    let mut reader = log.reader(&[Topic::Events], &[]).unwrap();
    let mut seen: HashMap<String, usize> = HashMap::new();
    eventually("all of the log is read", || {
        reader
            .poll(Duration::from_millis(200), 100_000, &mut |record| {
                *seen.entry(Event::decode(record.value).unwrap().message_id.to_owned()).or_default() += 1;
            })
            .unwrap();
        let behind = (0..).zip(&ends).find(|(partition, bounds)| reader.position(Topic::Events, *partition) < bounds.end);
        behind.map_or(Ok(()), Err)
    });
    seen
}

fn nothing_acknowledged_is_lost(config: &str, faults: impl FnOnce(&Broker, &Server, &Ledger)) {
    let broker = Broker::start(&[]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let setup = Setup::up(LogKind::Kafka).role("ingest").env("C360_CONFIG", file.path().to_str().unwrap());
    let setup = Setup { broker: Some(broker.address.clone()), ..setup };
    let prefix = setup.prefix.clone();
    let server = Server::start(setup);
    let ledger = Ledger::default();
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn({
                    let (server, ledger) = (&server, &ledger);
                    move || send(server, sender, ledger)
                })
            })
            .collect();
        let end = StopAtEnd(&ledger.stop);
        ledger.grows_by(2_000);
        faults(&broker, &server, &ledger);
        ledger.grows_by(2_000);
        drop(end);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
    let seen = in_the_log(&broker, &prefix);
    let acknowledged = ledger.acknowledged.into_inner().unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !seen.contains_key(*id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged events are not in the log: {:?}",
        lost.len(),
        acknowledged.len(),
        &lost[..lost.len().min(10)]
    );
    // Nothing is there that nobody sent: at most the last request of each sender was not acknowledged.
    let unacknowledged = seen.len() - acknowledged.len();
    assert!(unacknowledged <= SENDERS * 100, "{unacknowledged}");
}

fn readiness_becomes(server: &Server, status: StatusCode) {
    eventually("readiness follows the log", || match server.readiness() {
        Some(now) if now == status => Ok(()),
        other => Err(other),
    });
}

#[test]
fn what_was_acknowledged_is_in_kafka_after_kill_9_of_the_broker() {
    nothing_acknowledged_is_lost("", |broker, server, ledger| {
        for _ in 0..2 {
            broker.kill();
            readiness_becomes(server, StatusCode::SERVICE_UNAVAILABLE);
            broker.up();
            readiness_becomes(server, StatusCode::OK);
            ledger.grows_by(2_000);
        }
    });
}

#[test]
fn a_frozen_broker_turns_readiness_red_and_requests_away_and_loses_nothing() {
    let impatient = "[log.kafka]\nappend_stall_ms = 1500\nappend_timeout_ms = 10000\n";
    nothing_acknowledged_is_lost(impatient, |broker, server, ledger| {
        broker.freeze();
        readiness_becomes(server, StatusCode::SERVICE_UNAVAILABLE);
        let before = ledger.count.load(Ordering::Relaxed);
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let (_, body) = body(2, usize::MAX);
        // Sooner or later the partitions are known to stand still: then nobody waits for them any more.
        eventually("a request is turned away", || {
            let answer =
                client.post(server.url("/v1/batch")).basic_auth(WRITE_KEY, Some("")).json(&body).send().map_err(|e| e.to_string())?;
            let retry_after = answer.headers().contains_key("retry-after");
            if matches!(answer.status().as_u16(), 429 | 503) && retry_after { Ok(()) } else { Err(answer.status().to_string()) }
        });
        // Answers that were on their way when it froze.
        assert!(ledger.count.load(Ordering::Relaxed) - before < SENDERS * 200, "a log that does not move acknowledges nothing");
        broker.thaw();
        readiness_becomes(server, StatusCode::OK);
    });
}
