//! `c360 import` against a running c360, on both logs: what comes of each kind of file, nothing twice, nothing lost by a kill -9 on either side, and no word about the past.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::server::{Server, Setup, WRITE_KEY};
use common::{LogKind, at, eventually};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A Monday.
const START: &str = "2026-03-02T00:00:00Z@0";
const DAY_S: i64 = 86_400;

fn import_command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c360"));
    command.arg("import").args(args).args(["--to", &server.url("")]).env("C360_WRITE_KEY", WRITE_KEY).stdin(Stdio::null());
    command
}

fn import(server: &Server, args: &[&str]) -> Output {
    import_command(server, args).output().unwrap()
}

fn imported(server: &Server, args: &[&str]) -> String {
    let output = import(server, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name).to_str().unwrap().to_owned()
}

/// A copy that may have files beside it.
fn copy_of(name: &str, folder: &Path) -> String {
    let to = folder.join(name);
    std::fs::copy(example(name), &to).unwrap();
    to.to_str().unwrap().to_owned()
}

fn packed(path: &str, program: &str) -> String {
    let packed = format!("{path}.packed");
    let output = Command::new(program).args(["-c", path]).output().unwrap();
    assert!(output.status.success(), "{program}");
    std::fs::write(&packed, output.stdout).unwrap();
    packed
}

fn alerts(server: &Server) -> Value {
    server.get("/api/v1/alerts?status=all&limit=1000").1
}

#[test]
fn a_company_is_imported_as_if_lived_through_on_the_embedded_log() {
    a_company_is_imported(LogKind::Embedded);
}

#[test]
fn a_company_is_imported_as_if_lived_through_on_kafka() {
    a_company_is_imported(LogKind::Kafka);
}

/// The files of docs/examples: a customer in good health, one that left a year ago with open tickets and detractors, and one that fell silent.
fn a_company_is_imported(log: LogKind) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Setup::up(log).clock(START));
    let file = |name| copy_of(name, folder.path());
    let as_of = ["--as-of", "2026-03-01T12:00:00Z"];
    imported(&server, &[&[&*file("accounts.csv"), "--source", "crm"][..], &as_of].concat());
    imported(&server, &[&[&*file("contacts.csv"), "--source", "crm"][..], &as_of].concat());
    let subscriptions = packed(&file("subscriptions.csv"), "gzip");
    imported(&server, &[&[&*subscriptions, "--source", "billing"][..], &as_of].concat());
    imported(&server, &[&[&*file("tickets.csv"), "--source", "helpdesk"][..], &as_of].concat());
    imported(&server, &[&[&*file("answers.jsonl"), "--source", "surveys"][..], &as_of].concat());
    let said = imported(&server, &[&*file("usage.jsonl"), "--source", "warehouse"]);
    assert!(said.contains("usage (guessed from the columns") && said.contains("0 refused"), "{said}");
    server.advance(0).unwrap();
    the_views_are_right(&server);
    assert_eq!(alerts(&server)["total"], json!(0), "an alert speaks of the past: {:#}", alerts(&server));
    server.advance(2 * DAY_S).unwrap();
    assert_eq!(alerts(&server)["total"], json!(0), "an alert speaks of the past: {:#}", alerts(&server));

    let before: Vec<Value> = ["acme", "globex", "initech"].map(|account| without_time(&server.view(account))).into();
    let timeline = server.get("/api/v1/customers/globex/timeline?limit=1000").1;
    for (name, source) in [
        ("accounts.csv", "crm"),
        ("contacts.csv", "crm"),
        ("tickets.csv", "helpdesk"),
        ("answers.jsonl", "surveys"),
        ("usage.jsonl", "warehouse"),
    ] {
        imported(&server, &[&[&*file(name), "--source", source][..], &as_of].concat());
    }
    server.advance(0).unwrap();
    let after: Vec<Value> = ["acme", "globex", "initech"].map(|account| without_time(&server.view(account))).into();
    assert_eq!(before, after, "a second import changed something");
    // Past the days for which message ids are known, nothing is told twice either.
    server.advance(10 * DAY_S).unwrap();
    let usage = |account: &str| at(&server.view(account), "/usage/events").clone();
    let counts = ["acme", "globex", "initech"].map(usage);
    for (name, source) in [("tickets.csv", "helpdesk"), ("answers.jsonl", "surveys"), ("usage.jsonl", "warehouse")] {
        imported(&server, &[&[&*file(name), "--source", source][..], &as_of].concat());
    }
    server.advance(0).unwrap();
    assert_eq!(["acme", "globex", "initech"].map(usage), counts, "usage that was imported again after ten days counts twice");
    let again = server.get("/api/v1/customers/globex/timeline?limit=1000").1;
    let titles = |timeline: &Value| {
        timeline["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "event").map(|i| i["title"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&again), titles(&timeline), "the timeline tells an event twice");

    // What an export says of today is news: the silence above is about the past alone.
    let news = folder.path().join("news.csv");
    std::fs::write(&news, "score,email,answered_at\n0,carol@acme.example,2026-03-13T23:00:00Z\n").unwrap();
    imported(&server, &[news.to_str().unwrap(), "--source", "surveys"]);
    server.advance(0).unwrap();
    assert_eq!(alerts(&server)["total"], json!(1), "{:#}", alerts(&server));
}

/// What depends on when it is asked for.
fn without_time(view: &Value) -> Value {
    let mut view = view.clone();
    for name in ["as_of", "position"] {
        view.as_object_mut().unwrap().remove(name);
    }
    view
}

fn the_views_are_right(server: &Server) {
    let acme = server.view("acme");
    let of = |pointer: &str| at(&acme, pointer).clone();
    assert_eq!((of("/name"), of("/owner/email")), (json!("Acme"), json!("ann@example.com")), "{acme:#}");
    // Delivered on 2025-02-01, and the term ends on 2026-12-31.
    assert_eq!(of("/lifecycle"), json!("steady"));
    assert_eq!(of("/billing/mrr"), json!({"amount": 100_000, "currency": "USD"}), "{acme:#}");
    assert_eq!(of("/billing/renews_at"), json!("2026-12-31T00:00:00Z"));
    assert_eq!((of("/support/open"), of("/support/opened_28d")), (json!(1), json!(2)), "{acme:#}");
    assert_eq!(of("/support/first_reply_s_median"), json!(3_600));
    assert_eq!((of("/surveys/nps/promoters"), of("/surveys/nps/detractors")), (json!(2), json!(0)), "{acme:#}");
    assert_eq!(of("/usage/events/7d"), json!(3), "{acme:#}");
    assert_eq!(of("/usage/active_users/28d"), json!(2), "{acme:#}");
    let identities: Vec<_> =
        acme["identities"].as_array().unwrap().iter().map(|i| (i["kind"].clone(), i["id"].clone(), i["source"].clone())).collect();
    assert!(identities.contains(&(json!("stripe_customer"), json!("cus_acme"), json!("told"))), "{acme:#}");

    let globex = server.view("globex");
    assert_eq!(at(&globex, "/lifecycle"), "churned", "{globex:#}");
    assert_eq!(at(&globex, "/billing/mrr"), &json!({"amount": 0, "currency": "USD"}), "{globex:#}");

    let initech = server.view("initech");
    // A contract without a price has a term and no revenue.
    assert_eq!((at(&initech, "/billing/mrr"), at(&initech, "/lifecycle")), (&Value::Null, &json!("renewal")), "{initech:#}");
    let (_, list) = server.get("/api/v1/customers?limit=100");
    assert_eq!(list["total"], json!(3), "{list:#}");
}

/// Rows of usage, spread over the accounts and the last month before the start.
fn usage_file(path: &Path, rows: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "timestamp,event,user_id,account_id,n").unwrap();
    for n in 0..rows {
        let day = 1 + n * 28 / rows;
        writeln!(file, "2026-02-{day:02}T10:00:00Z,Report Viewed,u{},a{},{n}", n % 50, n % 3).unwrap();
    }
}

fn progress_rows(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push(".import-progress");
    std::fs::read(PathBuf::from(name))
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .map_or(0, |p| p["rows"].as_u64().unwrap())
}

#[test]
fn a_kill_on_either_side_loses_and_doubles_nothing_on_the_embedded_log() {
    killed(LogKind::Embedded);
}

#[test]
fn a_kill_on_either_side_loses_and_doubles_nothing_on_kafka() {
    killed(LogKind::Kafka);
}

fn killed(log: LogKind) {
    const ROWS: usize = 120_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    usage_file(&path, ROWS);
    let server = Server::start(Setup::up(log).clock(START));
    let args = [path.to_str().unwrap(), "--source", "warehouse"];
    for enough in [4_000, 40_000] {
        let mut child = import_command(&server, &args).stderr(Stdio::null()).spawn().unwrap();
        eventually("rows are acknowledged", || {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed: take more rows");
            let rows = progress_rows(&path);
            if rows >= enough { Ok(()) } else { Err(rows) }
        });
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Now the other side is killed, and the import waits for it.
    let mut child = import_command(&server, &args).stderr(Stdio::piped()).spawn().unwrap();
    eventually("rows are acknowledged", || {
        let rows = progress_rows(&path);
        if rows >= 60_000 || child.try_wait().unwrap().is_some() { Ok(()) } else { Err(rows) }
    });
    server.kill_and_restart();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("it goes on after row") && said.contains(&format!("{ROWS} taken, 0 refused")), "{said}");
    assert_eq!(progress_rows(&path), 0, "the progress is left over");
    server.advance(0).unwrap();
    let counts: Vec<_> = (0..3).map(|n| at(&server.view(&format!("a{n}")), "/usage/events/90d").clone()).collect();
    assert_eq!(counts, [json!(ROWS / 3), json!(ROWS / 3), json!(ROWS / 3)]);
}

#[test]
fn what_cannot_be_taken_is_said_kept_with_its_reason_and_taken_once_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.csv");
    let text = "Account ID;Account Name;Renewal Date;Sets\nacme;Acme;31.12.2026;5\nbeta;Beta;soon;5\n~x;Odd;31.12.2026;5\nshort\n";
    std::fs::write(&path, text).unwrap();
    let server = Server::start(Setup::up(LogKind::Embedded).clock(START));
    let args = [path.to_str().unwrap(), "--source", "crm", "--date-format", "%d.%m.%Y"];

    let dry = import(&server, &[&args[..], &["--dry-run"]].concat());
    let said = String::from_utf8_lossy(&dry.stdout);
    assert!(!dry.status.success(), "{said}");
    for part in [
        "accounts (guessed from the columns; --kind says it), csv with ';'",
        "Account ID -> account_id, Account Name -> name, Renewal Date -> contract_end",
        "did you mean seats by \"Sets\"? say --map 'Sets=seats'",
        "contract active, to 2026-12-31",
        "contract_end: \"soon\" is not a date as %d.%m.%Y",
        "1 rows would be taken, 3 refused; nothing was sent",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(server.get("/api/v1/customers/acme").0, 404);

    let output = import(&server, &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("3 rows were refused"), "{said}");
    let refused = PathBuf::from(format!("{}.refused.csv", path.display()));
    let text = std::fs::read_to_string(&refused).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "Account ID;Account Name;Renewal Date;Sets;refused_line;refused_reason;refused_message");
    assert!(
        lines[1].starts_with("beta;Beta;soon;5;3;unreadable;") && lines[2].contains(";4;bad_id;") && lines[3].starts_with("short;;;;5;"),
        "{text}"
    );

    std::fs::write(&refused, format!("{}\n{}\n", lines[0], lines[1].replacen("soon", "30.06.2026", 1))).unwrap();
    imported(&server, &[refused.to_str().unwrap(), "--source", "crm", "--date-format", "%d.%m.%Y"]);
    server.advance(0).unwrap();
    assert_eq!(at(&server.view("beta"), "/billing/renews_at"), "2026-06-30T00:00:00Z");
}

#[test]
fn a_wrong_key_or_a_server_that_is_not_there_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy_of("accounts.csv", folder.path());
    let server = Server::start(Setup::up(LogKind::Embedded));
    let output = import_command(&server, &[&path, "--source", "crm"]).env("C360_WRITE_KEY", "wk_wrong").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("401") && said.contains("the write key is not known"), "{said}");
    server.kill();
    let output = import(&server, &[&path, "--source", "crm"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nothing was sent") && said.contains("cannot be reached"), "{said}");
}

/// A proxy that lets every fifth request through, and with the others does what networks and busy servers do.
struct FaultProxy {
    url: String,
    seen: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl FaultProxy {
    fn start(to: String) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (to, n) = (to.clone(), count.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
                std::thread::spawn(move || answer(stream, &to, n));
            }
        });
        Self { url, seen }
    }
}

fn answer(mut stream: std::net::TcpStream, to: &str, n: usize) {
    use std::io::{BufRead, BufReader, Read};
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut path, mut authorization, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end();
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization = value.to_owned(),
            Some(_) => {}
            None if line.is_empty() => break,
            None => path = line.split(' ').nth(1).unwrap().to_owned(),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut said = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}");
    };
    let forward = || {
        let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(format!("{to}{path}")).header("authorization", &authorization).body(body.clone()).send().unwrap();
        (answer.status().to_string(), answer.text().unwrap())
    };
    match n % 5 {
        1 => said("429 Too Many Requests", "retry-after: 1\r\n", "{}"),
        2 => said("503 Service Unavailable", "retry-after: 0\r\n", "{}"),
        // The rows are taken, and nobody hears of it.
        3 => drop(forward()),
        4 => said("500 Internal Server Error", "", ""),
        _ => {
            let (status, body) = forward();
            said(&status, "", &body);
        }
    }
}

#[test]
fn back_pressure_is_waited_out_and_an_answer_that_was_lost_counts_nothing_twice() {
    const ROWS: usize = 9_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    usage_file(&path, ROWS);
    let server = Server::start(Setup::up(LogKind::Embedded).clock(START));
    let proxy = FaultProxy::start(server.url(""));
    let mut command = Command::new(env!("CARGO_BIN_EXE_c360"));
    command.args(["import", path.to_str().unwrap(), "--source", "warehouse", "--to", &proxy.url]).env("C360_WRITE_KEY", WRITE_KEY);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for part in ["429", "503", "500", "cannot be reached", "9000 taken, 0 refused"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(proxy.seen.load(std::sync::atomic::Ordering::Relaxed) >= 20);
    server.advance(0).unwrap();
    let counts: Vec<_> = (0..3).map(|n| at(&server.view(&format!("a{n}")), "/usage/events/90d").clone()).collect();
    assert_eq!(counts, [json!(ROWS / 3), json!(ROWS / 3), json!(ROWS / 3)]);
}
