//! `c360 dead-letters` against a running c360, on both logs: what was refused is seen, and after a fix taken again with one effect, however often and whoever is killed in between.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::clients::stripe;
use common::server::{API_TOKEN, Server, Setup};
use common::{LogKind, at, eventually};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A Monday.
const START: &str = "2026-03-02T00:00:00Z@0";
const START_S: i64 = 1_772_409_600;

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c360"));
    command.arg("dead-letters").args(args).args(["--to", &server.admin_url("")]).env("C360_API_TOKEN", API_TOKEN).stdin(Stdio::null());
    command
}

fn run(server: &Server, args: &[&str]) -> Output {
    command(server, args).output().unwrap()
}

/// What a command says with `--json`.
fn json_of(server: &Server, args: &[&str]) -> Value {
    let output = run(server, &[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {output:?}"))
}

/// The text of a settings file that lets names have so many characters, and counts metered prices or not.
fn settings(name_chars_max: usize, count_metered: bool) -> String {
    format!("[ingest.limits]\nname_chars_max = {name_chars_max}\n[processor.aggregate.billing]\ncount_metered = {count_metered}\n")
}

fn start(log: LogKind, config: &Path) -> Server {
    Server::start(Setup::up(log).clock(START).env("C360_CONFIG", config.to_str().unwrap()))
}

/// Puts another settings file in force.
fn restart_with(server: &Server, config: &Path, text: &str) {
    std::fs::write(config, text).unwrap();
    server.terminate();
    server.restart();
}

fn track(name: &str, id: Option<String>) -> Value {
    let mut call = json!({"type": "track", "userId": "u1", "event": name, "timestamp": "2026-03-01T10:00:00Z"});
    if let Some(id) = id {
        call["messageId"] = id.into();
    }
    call
}

fn events(server: &Server, account: &str) -> Value {
    server.advance(0).unwrap();
    at(&server.view(account), "/usage/events/28d").clone()
}

#[test]
fn a_letter_is_seen_and_taken_again_once_after_a_fix_on_the_embedded_log() {
    a_letter_is_taken_again(LogKind::Embedded);
}

#[test]
fn a_letter_is_seen_and_taken_again_once_after_a_fix_on_kafka() {
    a_letter_is_taken_again(LogKind::Kafka);
}

fn a_letter_is_taken_again(log: LogKind) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c360.toml");
    std::fs::write(&config, settings(20, false)).unwrap();
    let server = start(log, &config);
    // Two of the three are bad, and one of these has no id of its own. Their account is named by the batch alone.
    let calls = [
        track("Report Viewed", Some("m1".into())),
        track("A name that is too long", None),
        track("Another name that is too long", Some("m2".into())),
    ];
    let answer = server.post("/v1/batch", &json!({"context": {"groupId": "acme"}, "batch": calls}));
    assert_eq!(answer.status(), 200);
    assert_eq!(events(&server, "acme"), json!(1));

    let list = json_of(&server, &["list", "--reason", "bad_name", "--source", "bootstrap", "--stage", "ingest"]);
    assert_eq!(list["total"], json!(2), "{list:#}");
    assert_eq!(json_of(&server, &["list", "--reason", "bad_id"])["total"], json!(0));
    assert_eq!(json_of(&server, &["list", "--until", "2026-03-01"])["total"], json!(0));
    let position = list["items"][0]["position"].as_str().unwrap();
    let whole = json_of(&server, &["list", "--show", position]);
    assert!(whole["original"].as_str().unwrap().contains("too long"), "{whole:#}");
    for name in ["connector.name", "task.id", "stage", "class.name", "exception.class.name", "exception.message", "exception.stacktrace"] {
        assert!(whole["headers"][format!("__connect.errors.{name}")].is_string(), "{name}: {whole:#}");
    }
    let said = String::from_utf8(run(&server, &["list"]).stdout).unwrap();
    assert!(said.contains("bad_name") && said.contains(position), "{said}");

    // Nothing was corrected yet.
    let replay = run(&server, &["replay"]);
    assert!(!replay.status.success() && String::from_utf8_lossy(&replay.stdout).contains("bad_name"), "{replay:?}");

    restart_with(&server, &config, &settings(200, false));
    let dry = json_of(&server, &["replay", "--dry-run"]);
    assert_eq!((&dry["taken"], &dry["refused_count"]), (&json!(2), &json!(0)), "{dry:#}");
    assert_eq!(events(&server, "acme"), json!(1), "a dry run takes nothing");
    let first = json_of(&server, &["replay", "--reason", "bad_name"]);
    assert_eq!((&first["taken"], &first["events"], &first["more"]), (&json!(2), &json!(2), &json!(false)), "{first:#}");
    assert_eq!(events(&server, "acme"), json!(3), "each counts once, at its account");
    let second = json_of(&server, &["replay"]);
    assert_eq!((&second["taken"], &second["replayed_before"]), (&json!(0), &json!(2)), "{second:#}");
    let again = json_of(&server, &["replay", "--again"]);
    assert_eq!(again["taken"], json!(2));
    assert_eq!(events(&server, "acme"), json!(3), "taken a second time, it still counts once");
    let list = json_of(&server, &["list"]);
    assert!(list["items"].as_array().unwrap().iter().all(|item| item["replayed_at"].is_string()), "{list:#}");
    assert_eq!(list["total"], json!(2), "what says that a letter was taken is no letter: {list:#}");
}

#[test]
fn a_kill_in_the_middle_of_a_replay_loses_and_doubles_nothing_on_the_embedded_log() {
    killed_in_the_middle(LogKind::Embedded);
}

#[test]
fn a_kill_in_the_middle_of_a_replay_loses_and_doubles_nothing_on_kafka() {
    killed_in_the_middle(LogKind::Kafka);
}

fn killed_in_the_middle(log: LogKind) {
    const LETTERS: usize = 6_000;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c360.toml");
    std::fs::write(&config, settings(20, false)).unwrap();
    let server = start(log, &config);
    for chunk in 0..LETTERS / 500 {
        // Half of them have no id of their own.
        let calls: Vec<_> = (0..500).map(|n| track("A name that is too long", (n % 2 == 0).then(|| format!("m-{chunk}-{n}")))).collect();
        let answer = server.post("/v1/batch", &json!({"context": {"groupId": "acme"}, "batch": calls}));
        assert_eq!(answer.status(), 200);
    }
    restart_with(&server, &config, &settings(200, false));
    let mut child = command(&server, &["replay", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    eventually("some are taken", || {
        let page = server.get("/api/v1/dead-letters?limit=100000").1;
        let taken = page["items"].as_array().map_or(0, |items| items.iter().filter(|item| item["replayed_at"].is_string()).count());
        if taken > 50 { Ok(()) } else { Err(taken) }
    });
    assert!(child.try_wait().unwrap().is_none(), "all were taken before it was killed: take more letters");
    server.kill_and_restart();
    // The command asks again where it was cut off; whatever it is told, a second one finds nothing left.
    let output = child.wait_with_output().unwrap();
    let rest = json_of(&server, &["replay"]);
    assert_eq!(rest["refused_count"], json!(0), "{output:?} {rest:#}");
    assert_eq!(events(&server, "acme"), json!(LETTERS));
    let none = json_of(&server, &["replay"]);
    assert_eq!((&none["taken"], &none["replayed_before"]), (&json!(0), &json!(LETTERS)), "{none:#}");
}

#[test]
fn what_a_machine_refused_goes_back_to_its_topic_on_the_embedded_log() {
    what_a_machine_refused(LogKind::Embedded);
}

#[test]
fn what_a_machine_refused_goes_back_to_its_topic_on_kafka() {
    what_a_machine_refused(LogKind::Kafka);
}

/// A metered price beyond all money is refused where metered prices count, and taken where they do not.
fn what_a_machine_refused(log: LogKind) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c360.toml");
    std::fs::write(&config, settings(200, true)).unwrap();
    let server = start(log, &config);
    let subscription = json!({"id": "evt_1", "object": "event", "type": "customer.subscription.created", "created": START_S, "data": {"object": {
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "metadata": {"account_id": "acme"}, "status": "active", "currency": "usd",
        "start_date": START_S, "created": START_S, "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null, "ended_at": null,
        "items": {"data": [{"id": "si_1", "quantity": 9_000_000_000_000_000_i64, "current_period_start": START_S, "current_period_end": START_S + 86_400 * 365,
            "price": {"id": "price_1", "currency": "usd", "unit_amount": 9_000_000_000_000_i64, "unit_amount_decimal": "9000000000000",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"}}}]}}}});
    stripe(&server, START_S, &[subscription]);
    let list = eventually("a letter of the machine", || {
        let list = json_of(&server, &["list", "--stage", "aggregate"]);
        if list["total"] == json!(1) { Ok(list) } else { Err(list) }
    });
    let letter = &list["items"][0];
    assert_eq!((&letter["reason"], &letter["source"]), (&json!("money-out-of-range"), &json!("events")), "{list:#}");
    let whole = json_of(&server, &["list", "--show", letter["position"].as_str().unwrap()]);
    assert_eq!(whole["key"], json!("default/acme"));
    assert_eq!(whole["headers"]["__connect.errors.topic"], json!("events"), "{whole:#}");

    // As long as nothing was corrected it only becomes another letter.
    assert_eq!(json_of(&server, &["replay"])["taken"], json!(1));
    eventually("another letter", || {
        let list = json_of(&server, &["list", "--stage", "aggregate"]);
        if list["total"] == json!(2) { Ok(()) } else { Err(list) }
    });
    restart_with(&server, &config, &settings(200, false));
    let replay = json_of(&server, &["replay", "--stage", "aggregate", "--again"]);
    assert_eq!(replay["taken"], json!(2), "{replay:#}");
    server.advance(0).unwrap();
    let view = server.view("acme");
    assert_eq!(view["billing"]["subscriptions"].as_array().unwrap().len(), 1, "{view:#}");
    let told = server.get("/api/v1/customers/acme/timeline?limit=1000").1;
    let subscriptions =
        told["items"].as_array().unwrap().iter().filter(|item| item["title"].as_str().unwrap().starts_with("Subscription")).count();
    assert_eq!(subscriptions, 1, "{told:#}");
    assert_eq!(json_of(&server, &["list", "--stage", "aggregate"])["total"], json!(2));
}

#[test]
fn only_an_operator_sees_letters() {
    let server = Server::start(Setup::up(LogKind::Embedded));
    for path in ["/api/v1/dead-letters", "/api/v1/dead-letters/0:0"] {
        assert_eq!(server.client.get(server.admin_url(path)).send().unwrap().status(), 401, "{path}");
    }
    let answer =
        server.client.post(server.admin_url("/api/v1/dead-letters/replay")).bearer_auth("at_wrong").json(&json!({})).send().unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(server.client.post(server.url("/api/v1/dead-letters/replay")).bearer_auth(API_TOKEN).send().unwrap().status(), 404);
    assert_eq!(server.get("/api/v1/dead-letters/0:0").0, 404);
    assert_eq!(server.get("/api/v1/dead-letters/nonsense").0, 400);
    assert_eq!(server.get("/api/v1/dead-letters?colour=red").0, 400);
    assert_eq!(server.get("/api/v1/dead-letters").1, json!({"items": [], "total": 0}));
}
