//! Health as code on a running c360, as a newcomer comes to it: a scorecard of one's own is written, its mistakes are told, it is tried on history, applied, and the customer's page says what that
//! changed; kill -9 in between. And what was said live is what a rehearsal of the log says, record for record. On both logs.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use c360_health::Rules as Rulebook;
use c360_log::embedded::EmbeddedLook;
use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Clock, Log, RecordRef};
use c360_processor::{AggregateConfig, Rehearsal};
use c360_schemas::{Alert, DOUBT_ACCOUNT, EventsValue, Key, RULES_ACCOUNT, Topic, Wire, decode_events_value};
use common::clients::segment;
use common::server::{API_TOKEN, Server, Setup};
use common::{LogKind, at, kafka};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const DAY_S: i64 = 86_400;
/// 2026-01-05, a Monday.
const START_S: i64 = 1_767_571_200;
const START: &str = "2026-01-05T00:00:00Z@0";

#[test]
fn a_scorecard_of_ones_own_on_the_embedded_log() {
    a_scorecard_of_ones_own(LogKind::Embedded);
}

#[test]
fn a_scorecard_of_ones_own_on_kafka() {
    a_scorecard_of_ones_own(LogKind::Kafka);
}

fn a_scorecard_of_ones_own(log: LogKind) {
    let setup = Setup::up(log).clock(START);
    let prefix = setup.prefix.clone();
    let server = Server::start(setup);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.toml");
    let log = match log {
        LogKind::Embedded => vec!["--data".to_owned(), server.data_folder().display().to_string()],
        LogKind::Kafka => vec![
            "--kafka".to_owned(),
            kafka::broker().to_owned(),
            "--topic-prefix".to_owned(),
            prefix.clone(),
            "--clock".to_owned(),
            START.to_owned(),
        ],
    };

    days(&server, 0..42, &["busy", "fading"]);
    server.kill_and_restart();
    // One of them stops.
    days(&server, 42..48, &["busy"]);
    let before = score(&server, "fading");

    its_mistakes_are_told(&server, &file);
    it_is_tried_on_history(&server, &file, &log);
    it_is_applied_and_in_the_receipt(&server, &file, before);
    server.kill_and_restart();
    it_holds_after_a_crash(&server);

    days(&server, 48..66, &["busy"]);
    what_it_sees_is_told(&server);
    assert!(server.terminate().success());
    live_is_as_rehearsed(&server, (!log[0].contains("data")).then_some(prefix.as_str()));
}

fn iso(day: i64, hour: i64) -> String {
    jiff::Timestamp::from_second(START_S + day * DAY_S + hour * 3_600).unwrap().to_string()
}

/// Working days of customers, with three people each.
fn days(server: &Server, days: std::ops::Range<i64>, accounts: &[&str]) {
    for day in days {
        server.advance_to((START_S + day * DAY_S + 9 * 3_600) * 1_000);
        if day % 7 < 5 {
            let calls: Vec<Value> = accounts
                .iter()
                .flat_map(|account| {
                    ["ann", "bob", "cat"].map(|user| {
                        json!({"type": "track", "event": "Report Opened", "messageId": format!("{account}-{user}-{day}"), "userId": format!("{account}-{user}"),
                            "timestamp": iso(day, 9), "context": {"groupId": account}})
                    })
                })
                .collect();
            segment(server, &calls);
        }
        server.advance_to((START_S + (day + 1) * DAY_S) * 1_000);
    }
}

fn c360(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c360"));
    command.arg("health").args(arguments).env("C360_API_TOKEN", API_TOKEN).env("C360_ADMIN_TO", server.admin_url(""));
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn score(server: &Server, account: &str) -> i64 {
    server.view(account)["health"]["score"].as_i64().unwrap()
}

/// The rules in force are shown as a file; three mistakes in it are told at once, each with its place.
fn its_mistakes_are_told(server: &Server, file: &Path) {
    let shown = c360(server, &["show"]);
    assert!(shown.status.success(), "{}", text(&shown));
    let built_in = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(built_in, Rulebook::BUILT_IN_TEXT);
    let own = built_in.replace("name = \"default\"", "name = \"use above all\"").replace(
        "[measures.last_seen]\ngroup = \"usage\"\nfact = \"usage.silent_days\"\nweight = 7\nred = 14\ngreen = 4",
        "[measures.last_seen]\ngroup = \"usage\"\nfact = \"usage.silent_days\"\nweight = 60\nred = 30\ngreen = 10",
    );
    assert_ne!(own, built_in);
    let wrong = own.replacen("usage.trend.events\"", "usage.trend.event\"", 1).replacen("weight = 4", "weigth = 4", 1).replacen(
        "limit = 20",
        "limit = \"low\"",
        1,
    );
    std::fs::write(file, wrong).unwrap();
    let refused = c360(server, &["apply", file.to_str().unwrap()]);
    let told = text(&refused);
    assert!(!refused.status.success());
    for part in [
        "did you mean `usage.trend.events`?",
        "`weigth` is not known here",
        "did you mean `weight`?",
        "write `limit = 49`",
        "has 4 mistakes",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    std::fs::write(file, own).unwrap();
    let good = c360(server, &["check", file.to_str().unwrap()]);
    assert!(good.status.success() && text(&good).contains("is good: \"use above all\", 4 groups, 11 measures"), "{}", text(&good));
}

/// While c360 runs; and nothing of it changes.
fn it_is_tried_on_history(server: &Server, file: &Path, log: &[String]) {
    let (report, figures) = (file.with_file_name("report.md"), file.with_file_name("figures.json"));
    let mut arguments =
        vec!["backtest", file.to_str().unwrap(), "--publish", "--report", report.to_str().unwrap(), "--json", figures.to_str().unwrap()];
    arguments.extend(log.iter().map(String::as_str));
    let tried = c360(server, &arguments);
    assert!(tried.status.success() && text(&tried).contains("use above all"), "{}", text(&tried));
    let figures: Value = serde_json::from_slice(&std::fs::read(figures).unwrap()).unwrap();
    let of = |which: &str| figures[which]["bands"].clone();
    // By the rules in force one has fallen; those tried have more patience.
    assert_eq!((&of("in_force")["green"], &of("tried")["green"]), (&json!(1), &json!(2)), "{figures:#}");
    assert_eq!((&figures["in_force"]["customers"], &figures["moved"][0]["account_id"]), (&json!(2), &json!("fading")), "{figures:#}");
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("| fading | red") && report.contains("report-bands.svg"), "{report}");
    assert!(file.with_file_name("report-alerts.svg").exists());
    assert_eq!(server.get("/api/v1/rules").1["in_force"]["version"], json!(0));
    // It is on the page of the rules, for whoever decides about them.
    let kept = common::eventually("the report is kept", || {
        let kept = server.get("/api/v1/rules/backtests").1["items"][0].clone();
        if kept.is_null() { Err("none") } else { Ok(kept) }
    });
    assert_eq!(
        (at(&kept, "/report/tried"), at(&kept, "/report/moved/0/account_id")),
        (&json!("use above all"), &json!("fading")),
        "{kept:#}"
    );
    let page = server.api(reqwest::Method::GET, "/rules").send().unwrap().text().unwrap();
    assert!(page.contains("Tried on history") && page.contains("<b>use above all</b> beside default"), "{page}");
}

fn it_is_applied_and_in_the_receipt(server: &Server, file: &Path, before: i64) {
    let applied = c360(server, &["apply", file.to_str().unwrap(), "--by", "Kim", "--note", "use counts"]);
    assert!(applied.status.success() && text(&applied).contains("version 1 is in force"), "{}", text(&applied));
    // The barrier: all that was acknowledged before shows.
    server.advance(0).unwrap();
    let (_, scores) = server.get("/api/v1/customers/fading/scores?limit=1");
    let newest = &scores["items"][0];
    assert_eq!(at(newest, "/rules"), &json!({"name": "use above all", "version": 1}), "{scores:#}");
    let line =
        newest["receipt"].as_array().unwrap().iter().find(|line| line["measure"] == "rules:1").unwrap_or_else(|| panic!("{scores:#}"));
    let after = score(server, "fading");
    assert_eq!((line["contribution"].as_i64().unwrap(), newest["score"].as_i64()), (after - before, Some(after)));
    assert!(after > before, "{before} {after}");
    let (_, rules) = server.get("/api/v1/rules");
    assert_eq!(
        (&rules["in_force"]["by"], &rules["in_force"]["note"], &rules["items"][0]["version"]),
        (&json!("Kim"), &json!("use counts"), &json!(1))
    );
    // The same again is the same.
    let again = c360(server, &["apply", file.to_str().unwrap()]);
    assert!(text(&again).contains("version 1 is in force"), "{}", text(&again));
    assert_eq!(health_alerts(server), vec![("open".to_owned(), 1)], "a change of rules is no change of health: nothing is said of it");
}

/// Status and revision of the alerts of health.
fn health_alerts(server: &Server) -> Vec<(String, i64)> {
    let (_, alerts) = server.get("/api/v1/alerts?status=all&limit=100");
    alerts["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|alert| alert["type"] == "health.changed")
        .map(|alert| (alert["status"].as_str().unwrap().into(), alert["revision"].as_i64().unwrap()))
        .collect()
}

fn it_holds_after_a_crash(server: &Server) {
    server.advance(0).unwrap();
    assert_eq!(server.get("/api/v1/rules").1["in_force"]["version"], json!(1));
    assert_eq!(server.view("busy")["health"]["rules"], json!({"name": "use above all", "version": 1}));
}

/// The one that stopped is in the red by its own rules, and what to do stands at the customer.
fn what_it_sees_is_told(server: &Server) {
    let view = server.view("fading");
    assert_eq!(at(&view, "/health/band"), "red", "{view:#}");
    assert_eq!(view["next_actions"][0]["playbook"], "Find out what stopped them, and train the users", "{view:#}");
    assert_eq!(at(&server.view("busy"), "/health/band"), "green");
    // The fall that was open when the rules came goes on: its receipt starts before them, and has their part.
    let (_, alerts) = server.get("/api/v1/alerts?status=open&limit=100");
    let fall =
        alerts["items"].as_array().unwrap().iter().find(|alert| alert["type"] == "health.changed").unwrap_or_else(|| panic!("{alerts:#}"));
    let receipt = fall["receipt"].as_array().unwrap();
    assert!(fall["revision"].as_i64() >= Some(2) && receipt.iter().any(|line| line["measure"] == "rules:1"), "{fall:#}");
    let sum: i64 = receipt.iter().map(|line| line["contribution"].as_i64().unwrap()).sum();
    assert_eq!(sum, fall["score"]["after"].as_i64().unwrap() - fall["score"]["before"].as_i64().unwrap(), "{fall:#}");
}

/// Every word in the log about a customer is said again, byte for byte, by a rehearsal of its records.
fn live_is_as_rehearsed(server: &Server, kafka: Option<&str>) {
    let tape = match kafka {
        None => embedded_tape(&server.data_folder().join("log")),
        Some(prefix) => kafka_tape(prefix),
    };
    let mut compared = 0;
    for account in ["busy", "fading"] {
        let key = Key { tenant: "default", id: account }.to_vec();
        let of = |taken: &&Taken| taken.key == key;
        let partition = tape[&Topic::Events].iter().find(of).unwrap().partition;
        // What each partition was told, of rules and of sources.
        let is_rules = |taken: &Taken| Key::parse(&taken.key).is_some_and(|key| [RULES_ACCOUNT, DOUBT_ACCOUNT].contains(&key.id));
        let here = || tape[&Topic::Events].iter().filter(|taken| taken.partition == partition);
        let mut rehearsal = Rehearsal::new(&AggregateConfig::default(), Rulebook::built_in());
        for taken in here().filter(|taken| taken.key == key || is_rules(taken)) {
            rehearsal.apply(&taken.record()).unwrap();
        }
        rehearsal.advance(here().map(|taken| taken.recorded_at).max().unwrap()).unwrap();
        let said = rehearsal.take_said();
        for topic in [Topic::History, Topic::Alerts] {
            let live: Vec<&[u8]> = tape[&topic].iter().filter(of).map(|taken| taken.value.as_slice()).collect();
            let rehearsed: Vec<&[u8]> =
                said.entries().iter().filter(|e| e.topic == topic && said.key(e) == key).map(|e| said.value(e)).collect();
            assert_eq!(live.len(), rehearsed.len(), "{account} {topic:?}");
            for (live, rehearsed) in live.into_iter().zip(rehearsed) {
                assert_eq!(live, rehearsed, "{account}: {:?}", Alert::decode(live));
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "{compared} records");
}

/// A record of the log.
struct Taken {
    partition: u32,
    offset: u64,
    recorded_at: i64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Taken {
    fn of(record: &RecordRef<'_>) -> Self {
        let RecordRef { partition, offset, recorded_at, .. } = *record;
        Self { partition, offset, recorded_at, key: record.key.to_vec(), value: record.value.to_vec() }
    }

    fn record(&self) -> RecordRef<'_> {
        let Self { partition, offset, recorded_at, .. } = *self;
        RecordRef { topic: Topic::Events, partition, offset, recorded_at, key: &self.key, value: &self.value, headers: Default::default() }
    }
}

const TOPICS: [Topic; 3] = [Topic::Events, Topic::History, Topic::Alerts];

fn embedded_tape(folder: &Path) -> BTreeMap<Topic, Vec<Taken>> {
    let look = EmbeddedLook::open(folder).unwrap();
    let mut tape = BTreeMap::<Topic, Vec<Taken>>::new();
    for topic in TOPICS {
        for partition in 0..look.partitions() {
            look.read(topic, partition, &mut |record| {
                tape.entry(topic).or_default().push(Taken::of(&record));
                ControlFlow::Continue(())
            })
            .unwrap();
        }
    }
    assert!(tape[&Topic::Events].iter().any(|taken| matches!(decode_events_value(&taken.value), Ok(EventsValue::Tick(_)))));
    tape
}

fn kafka_tape(prefix: &str) -> BTreeMap<Topic, Vec<Taken>> {
    let config = KafkaConfig { brokers: kafka::broker().into(), topic_prefix: prefix.into(), ..KafkaConfig::default() };
    let log = KafkaLog::connect(config, Clock::manual(START.parse().unwrap())).unwrap();
    let mut tape = BTreeMap::<Topic, Vec<Taken>>::new();
    let ends: Vec<_> = TOPICS
        .into_iter()
        .flat_map(|topic| log.bounds(topic).unwrap().into_iter().enumerate().map(move |(p, b)| (topic, p as u32, b.end)))
        .collect();
    let mut reader = log.reader(&TOPICS, &[]).unwrap();
    common::eventually("the log is read", || {
        reader
            .poll(Duration::from_millis(100), 10_000, &mut |record| tape.entry(record.topic).or_default().push(Taken::of(&record)))
            .unwrap();
        let behind = ends.iter().find(|(topic, partition, end)| reader.position(*topic, *partition) < *end);
        behind.map_or(Ok(()), |behind| Err(format!("{behind:?}")))
    });
    tape
}
