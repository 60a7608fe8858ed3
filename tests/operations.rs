//! Start, stop and the probes, as an operator meets them.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::kafka::Broker;
use common::server::{Server, Setup, WRITE_KEY};
use common::{LogKind, StopAtEnd, at};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn track(id: u64) -> Value {
    json!({"type": "track", "userId": format!("u{}", id % 7), "event": "Report Viewed", "messageId": format!("m{id}"), "context": {"groupId": "a1"}})
}

/// Sends until told to stop; how many were acknowledged.
fn send_until(server: &Server, stop: &AtomicBool, acknowledged: &AtomicU64) {
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let mut id = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = client.post(server.url("/v1/track")).basic_auth(WRITE_KEY, Some("")).json(&track(id)).send();
        // What was not acknowledged is sent again under the same id, as every SDK does.
        if answer.is_ok_and(|a| a.status() == StatusCode::OK) {
            id += 1;
            acknowledged.store(id, Ordering::Relaxed);
        }
    }
}

fn nothing_is_lost(log: LogKind, end: impl Fn(&Server)) {
    nothing_is_lost_on(&Server::start(Setup::up(log).clock("2026-03-02T00:00:00Z@0")), 3, end);
}

fn nothing_is_lost_on(server: &Server, rounds: u64, end: impl Fn(&Server)) {
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send_until(server, &stop, &acknowledged));
        let ended = StopAtEnd(&stop);
        for round in 1..=rounds {
            common::eventually("events are acknowledged", || {
                let n = acknowledged.load(Ordering::Relaxed);
                if n >= round * 50 { Ok(()) } else { Err(n) }
            });
            end(server);
            server.restart();
        }
        drop(ended);
        sending.join().unwrap();
    });
    server.advance(0).unwrap();
    let sent = acknowledged.load(Ordering::Relaxed);
    let events = at(&server.view("a1"), "/usage/events/1d").as_u64().unwrap();
    // At the end one that was not acknowledged may have come through.
    assert!(events == sent || events == sent + 1, "{events} of {sent}");
}

#[test]
fn sigterm_under_load_loses_and_doubles_nothing() {
    nothing_is_lost(LogKind::Embedded, |server| assert!(server.terminate().success(), "{}", server.log_text()));
}

#[test]
fn sigterm_under_load_loses_and_doubles_nothing_on_kafka() {
    nothing_is_lost(LogKind::Kafka, |server| assert!(server.terminate().success(), "{}", server.log_text()));
}

/// A worker waits for the brokers in the middle of a commit, and some calls of librdkafka do not heed their timeout there.
#[test]
fn brokers_that_are_away_do_not_keep_it_from_stopping() {
    let broker = Broker::start(&[]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"stop_s_max = 2\n").unwrap();
    let setup = Setup::up(LogKind::Kafka).clock("2026-03-02T00:00:00Z@0").env("C360_CONFIG", file.path().to_str().unwrap());
    let server = Server::start(Setup { broker: Some(broker.address.clone()), ..setup });
    nothing_is_lost_on(&server, 1, |server| {
        broker.freeze();
        let status = server.terminate();
        assert_eq!(status.code(), Some(1), "{}", server.log_text());
        assert!(server.log_text().contains("not all of it stopped in time"), "{}", server.log_text());
        broker.thaw();
    });
}

#[test]
fn kill_9_under_load_loses_and_doubles_nothing() {
    nothing_is_lost(LogKind::Embedded, Server::kill);
}

#[test]
fn probes_and_metrics_need_no_token_and_name_what_the_contract_names() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.client.get(server.admin_url(path)).send().unwrap().status(), StatusCode::OK, "{path}");
    }
    assert_eq!(server.post("/v1/track", &track(1)).status(), StatusCode::OK);
    common::eventually("the event was folded in", || match server.get("/api/v1/customers/a1") {
        (StatusCode::OK, view) => Ok(view),
        other => Err(other),
    });
    let metrics = server.client.get(server.admin_url("/metrics")).send().unwrap().text().unwrap();
    for name in [
        "c360_ingest_events_total{",
        "c360_ingest_request_duration_seconds",
        "c360_processor_records_total{machine=\"aggregate\"}",
        "c360_processor_records_total{machine=\"resolve\"}",
        "c360_processor_records_total{machine=\"deliver\"}",
        "c360_processor_lag_records{",
        "c360_processor_commit_duration_seconds",
        "c360_alerts_total{",
        "c360_delivery_attempts_total{",
        "c360_delivery_pending",
        "c360_delivery_oldest_pending_seconds",
        "c360_dead_letters_total{",
        "c360_build_info{",
    ] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
}

#[test]
fn the_clock_cannot_be_moved_without_the_flag_and_a_folder_remembers_it() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    let answer = server.advance(60).unwrap_err();
    assert!(answer.starts_with("409"), "{answer}");
    drop(server);

    let server = Server::start(Setup::up(LogKind::Embedded).clock("2026-01-01T00:00:00Z@0"));
    let start = "2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(server.advance(86_400).unwrap(), start + 86_400_000);
    server.kill();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_c360"))
        .args(["up", "--data", server.data().join("data").to_str().unwrap(), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--clock"), "{output:?}");
    server.restart();
    assert_eq!(server.advance(0).unwrap(), start + 86_400_000, "it goes on from the time that it had");
}

#[test]
fn a_second_process_on_the_same_data_says_what_is_wrong() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_c360"))
        .args(["up", "--data", server.data().join("data").to_str().unwrap(), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(said.contains("another process") || said.contains("in use") || said.contains("lock"), "{said}");
}

#[test]
fn a_bad_configuration_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c360.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:8360\"\n\n[ingest.limits]\nbody_byte_max = 1\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_c360"))
        .args(["config", "check", "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("line 4") && said.contains("body_byte_max"), "{said}");
    std::fs::write(&file, "listen = \"127.0.0.1:8360\"\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_c360"))
        .args(["config", "check", "--config", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
