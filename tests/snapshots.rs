//! Snapshots as an operator uses them: taken under load with the command, and a process that lost its state, or a new machine, goes on from them with the right answers.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::server::{API_TOKEN, Server, Setup};
use common::{LogKind, at, eventually, eventually_within};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const ACCOUNTS: u64 = 20;

/// A call of the nth event: accounts take turns.
fn track(n: u64) -> Value {
    let account = n % ACCOUNTS;
    json!({"type": "track", "userId": format!("u{account}"), "event": "Report Viewed", "messageId": format!("m{n}"), "context": {"groupId": format!("a{account}")}})
}

fn batch(from: u64, count: u64) -> Value {
    json!({ "batch": (from..from + count).map(track).collect::<Vec<_>>() })
}

/// Sends batches of 20 until told to stop; a batch that was not acknowledged is sent again, as every SDK does.
fn send_until(server: &Server, stop: &AtomicBool, sent: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let from = sent.load(Ordering::Relaxed);
        let request = server.client.post(server.url("/v1/batch")).basic_auth(common::server::WRITE_KEY, Some(""));
        if request.json(&batch(from, ACCOUNTS)).send().is_ok_and(|answer| answer.status() == StatusCode::OK) {
            sent.store(from + ACCOUNTS, Ordering::Relaxed);
        }
    }
}

fn wait_for(sent: &AtomicU64, more: u64) {
    let before = sent.load(Ordering::Relaxed);
    eventually("events are acknowledged", || {
        let now = sent.load(Ordering::Relaxed);
        if now >= before + more { Ok(()) } else { Err(now) }
    });
}

/// Waits until each account has its part of so many events, none lost and none counted twice. At the end one batch may have come through that was not acknowledged.
fn counts_become(console: &Server, sent: u64) {
    for account in 0..ACCOUNTS {
        eventually_within(Duration::from_secs(90), "the view is right", || {
            let (status, view) = console.get(&format!("/api/v1/customers/a{account}"));
            let events = at(&view, "/usage/events/7d").as_u64().unwrap_or(0);
            let wanted = sent / ACCOUNTS;
            if status == StatusCode::OK && (events == wanted || events == wanted + 1) { Ok(()) } else { Err((status, events, wanted)) }
        });
    }
}

fn c360(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_c360")).args(args).env("C360_API_TOKEN", API_TOKEN).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn create(server: &Server) -> String {
    let output = c360(&["snapshot", "create", "--url", &server.admin_url("")]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A number out of `/metrics`.
fn metric(server: &Server, series: &str) -> u64 {
    let text = server.client.get(server.admin_url("/metrics")).send().unwrap().text().unwrap();
    let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("{series} is missing"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_state_that_was_lost_under_load_comes_back_from_the_snapshot() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send_until(&server, &stop, &sent));
        wait_for(&sent, 2_000);
        let table = create(&server);
        assert!(table.contains("aggregate") && table.contains("resolve") && table.contains("deliver"), "{table}");
        wait_for(&sent, 1_000);
        server.kill();
        std::fs::remove_dir_all(server.data_folder().join("state")).unwrap();
        server.restart();
        wait_for(&sent, 1_000);
        stop.store(true, Ordering::Relaxed);
        sending.join().unwrap();
    });
    let sent = sent.load(Ordering::Relaxed);
    counts_become(&server, sent);
    assert_eq!(metric(&server, "c360_processor_snapshots_total{machine=\"aggregate\",outcome=\"restored\"}"), 4, "{}", server.log_text());
    let folded = metric(&server, "c360_processor_records_total{machine=\"aggregate\"}");
    assert!(folded < sent, "{folded} of {sent} were replayed: not from the snapshot");
}

#[test]
fn a_new_machine_takes_over_from_the_snapshots_on_kafka() {
    let shared = tempfile::tempdir().unwrap();
    let setup = Setup::up(LogKind::Kafka).env("C360_SNAPSHOTS_URL", shared.path().to_str().unwrap());
    let ingest = Server::start(setup.clone().role("ingest"));
    let console = Server::start(setup.clone().role("console"));
    let one = Server::start(setup.clone().role("process"));
    for from in (0..2_000).step_by(200) {
        assert_eq!(ingest.post("/v1/batch", &batch(from, 200)).status(), StatusCode::OK);
    }
    counts_become(&console, 2_000);
    create(&one);
    assert_eq!(ingest.post("/v1/batch", &batch(2_000, 200)).status(), StatusCode::OK);
    counts_become(&console, 2_200);
    // For good: its folder is never seen again.
    one.kill();
    let two = Server::start(setup.clone().role("process"));
    assert_eq!(ingest.post("/v1/batch", &batch(2_200, 200)).status(), StatusCode::OK);
    counts_become(&console, 2_400);
    assert!(metric(&two, "c360_processor_snapshots_total{machine=\"aggregate\",outcome=\"restored\"}") > 0, "{}", two.log_text());
    let folded = metric(&two, "c360_processor_records_total{machine=\"aggregate\"}");
    assert!((200..2_000).contains(&folded), "{folded} records were folded in: 400 came after the snapshot");

    // And at another number of processes: what the second has goes to a third in part, from what it snapshots.
    create(&two);
    let three = Server::start(setup.role("process"));
    eventually_within(Duration::from_secs(90), "the third has partitions", || {
        match metric(&three, "c360_processor_snapshots_total{machine=\"aggregate\",outcome=\"restored\"}") {
            0 => Err("none restored"),
            _ => Ok(()),
        }
    });
    assert_eq!(ingest.post("/v1/batch", &batch(2_400, 200)).status(), StatusCode::OK);
    counts_become(&console, 2_600);
}

/// Runs the command on a data folder, whose path is not shown.
fn on(data: &Path, args: &[&str]) -> (bool, String) {
    let data = data.to_str().unwrap();
    let output = c360(&[args, &["--data", data]].concat());
    (output.status.success(), said(&output).replace(data, "DATA"))
}

#[test]
fn the_commands_say_what_they_do_and_what_is_wrong() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    assert_eq!(server.post("/v1/batch", &batch(0, 200)).status(), StatusCode::OK);
    counts_become(&server, 200);
    let data = server.data_folder();
    let (done, said) = on(&data, &["snapshot", "list"]);
    assert!(done && said == "no snapshots in DATA/snapshots\n", "{said}");

    create(&server);
    let (done, said) = on(&data, &["snapshot", "list", "--json"]);
    let listed: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(done && listed.len() >= 4 && listed.iter().all(|s| s["whole"] == true && s["sequence"] == 1), "{said}");
    let events: u64 = listed.iter().filter(|s| s["machine"] == "aggregate").filter_map(|s| s["positions"][0]["next_offset"].as_u64()).sum();
    assert!(events >= 200, "{said}");
    let (done, said) = on(&data, &["snapshot", "list", "--verify"]);
    assert!(done && said.starts_with("machine") && said.lines().skip(1).all(|line| line.ends_with("yes")), "{said}");

    let (done, said) = on(&data, &["snapshot", "restore"]);
    assert!(!done && said.contains("DATA is in use by another process: stop that one first"), "{said}");
    assert!(server.terminate().success());
    let (done, said) = on(&data, &["snapshot", "restore", "--machine", "aggregate"]);
    assert!(!done && said.contains("there is a state already: DATA/state/aggregate/0") && said.contains("--force"), "{said}");
    let (done, said) = on(&data, &["snapshot", "restore", "--at", "2020-01-01T00:00:00Z"]);
    assert!(!done && said.contains("no such snapshot in DATA/snapshots"), "{said}");
    let (done, said) = on(&data, &["snapshot", "restore", "--sequence", "1"]);
    assert!(!done && said.contains("--machine"), "{said}");
    let (done, said) = on(&data, &["snapshot", "restore", "--force"]);
    assert!(done && said.contains("what was there is in DATA/state/aggregate/0.aside-") && said.contains("restored"), "{said}");
    let (done, said) = on(&data, &["snapshot", "create", "--url", "http://127.0.0.1:1"]);
    assert!(!done && said.contains("nothing answers at http://127.0.0.1:1: is c360 running there?"), "{said}");

    server.restart();
    assert_eq!(server.post("/v1/batch", &batch(200, 20)).status(), StatusCode::OK);
    counts_become(&server, 220);
    let answer = server.client.post(server.admin_url("/api/v1/snapshots")).send().unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let answer = server.client.post(server.admin_url("/api/v1/snapshots")).bearer_auth("at_wrong").send().unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);

    // One file of a snapshot is gone.
    let files = data.join("snapshots/aggregate/0/files");
    let largest = std::fs::read_dir(&files).unwrap().map(Result::unwrap).max_by_key(|entry| entry.metadata().unwrap().len()).unwrap();
    std::fs::remove_file(largest.path()).unwrap();
    let (done, said) = on(&data, &["snapshot", "list"]);
    assert!(!done && said.contains("cannot be restored: aggregate 0 1: not all its files are there"), "{said}");
}
