//! Bad input to each endpoint: the error that the contract names, nothing else disturbed.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::LogKind;
use common::server::{Server, Setup, WRITE_KEY};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::Write;

fn server() -> Server {
    Server::start(Setup::up(LogKind::Embedded).clock("2026-03-02T00:00:00Z@0"))
}

fn track(id: &str) -> Value {
    json!({"type": "track", "userId": "u1", "event": "Report Viewed", "messageId": id, "context": {"groupId": "a1"}})
}

/// Status, and the error's code; an error is JSON with `code` and `message`.
fn refusal(answer: reqwest::blocking::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().expect("an error is JSON");
    assert!(body["message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
    (status, body["code"].as_str().expect("an error has a code").to_owned())
}

#[test]
fn each_endpoint_refuses_what_it_cannot_take_and_goes_on() {
    let server = server();
    let client = &server.client;
    let post = |path: &str| client.post(server.url(path)).basic_auth(WRITE_KEY, Some(""));

    assert_eq!(refusal(client.post(server.url("/v1/track")).basic_auth("wrong", Some("")).json(&track("x")).send().unwrap()).0, 401);
    assert_eq!(refusal(client.post(server.url("/v1/track")).json(&track("x")).send().unwrap()).0, 401);
    assert_eq!(refusal(post("/v1/track").body("{\"type\":").send().unwrap()).0, 400);
    assert_eq!(refusal(post("/v1/track").body(vec![b'"', 0xff, 0xfe, b'"']).send().unwrap()).0, 400);
    assert_eq!(refusal(post("/v1/batch").body("[".repeat(100_000)).send().unwrap()).0, 400);
    assert_eq!(refusal(post("/v1/track").header("content-encoding", "zip").body("x").send().unwrap()).0, 400);
    assert_eq!(refusal(post("/v1/track").header("content-encoding", "gzip").body("not gzip").send().unwrap()).0, 400);
    let ten_mb = format!("{{\"type\":\"track\",\"userId\":\"u\",\"event\":\"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(refusal(post("/v1/track").body(ten_mb).send().unwrap()).0, 413);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    assert_eq!(refusal(post("/v1/track").header("content-encoding", "gzip").body(bomb.finish().unwrap()).send().unwrap()).0, 413);
    assert_eq!(client.post(server.url("/v1/nonsense")).send().unwrap().status(), StatusCode::NOT_FOUND);

    assert_eq!(refusal(client.post(server.url("/hooks/stripe/nobody")).body("{}").send().unwrap()).0, 404);
    assert_eq!(
        refusal(client.post(server.url("/hooks/stripe/stripe")).header("stripe-signature", "t=1,v1=00").body("{}").send().unwrap()).0,
        401
    );
    assert_eq!(refusal(client.post(server.url("/hooks/stripe/stripe")).body("{}").send().unwrap()).0, 401);
    assert_eq!(refusal(client.post(server.url("/hooks/zendesk/zendesk")).body("{}").send().unwrap()).0, 401);

    let api = |method: Method, path: &str| server.api(method, path);
    assert_eq!(refusal(client.get(server.admin_url("/api/v1/customers")).send().unwrap()).0, 401);
    assert_eq!(refusal(client.get(server.admin_url("/api/v1/customers")).bearer_auth("wrong").send().unwrap()).0, 401);
    assert_eq!(refusal(api(Method::GET, "/api/v1/customers/nobody").send().unwrap()).0, 404);
    assert_eq!(refusal(api(Method::GET, "/api/v1/customers?sort=shoe-size").send().unwrap()).0, 400);
    assert_eq!(refusal(api(Method::GET, "/api/v1/customers?cursor=garbage").send().unwrap()).0, 400);
    assert_eq!(refusal(api(Method::GET, "/api/v1/alerts/nobody").send().unwrap()).0, 404);
    let unknown_kind = json!({"foreign": {"kind": "shoe_size", "id": "42"}, "account_id": "a1"});
    assert_eq!(refusal(api(Method::POST, "/api/v1/links").json(&unknown_kind).send().unwrap()).0, 400);
    for bad in [json!({"advance_s": -1}), json!({"advance_s": 1.5}), json!({"advance_s": "1"}), json!({})] {
        assert_eq!(refusal(api(Method::POST, "/api/v1/clock").json(&bad).send().unwrap()).0, 400, "{bad}");
    }

    // After all that one good event is taken, and is the only one that counts.
    assert_eq!(server.post("/v1/track", &track("good")).status(), StatusCode::OK);
    server.advance(0).unwrap();
    assert_eq!(server.view("a1")["usage"]["events"]["1d"], json!(1));
}

#[test]
fn a_bad_event_never_takes_its_batch_down() {
    let server = server();
    let mut far = track("far");
    far["timestamp"] = json!("9999-12-31T23:59:59Z");
    let mut unknown = track("unknown");
    unknown["type"] = json!("dance");
    let nobody = json!({"type": "track", "event": "Report Viewed", "messageId": "nobody"});
    let mut never = track("never");
    never["timestamp"] = json!("the day before yesterday");
    let batch = json!({"batch": [track("one"), unknown, nobody, never, far, track("two"), 42]});

    let strict = server.client.post(server.url("/v1/batch")).basic_auth(WRITE_KEY, Some("")).header("x-strict-mode", "1").json(&batch);
    assert_eq!(refusal(strict.send().unwrap()).0, 400);
    server.advance(0).unwrap();
    assert_eq!(server.get("/api/v1/customers/a1").0, StatusCode::NOT_FOUND, "strict mode takes nothing");

    let answer = server.post("/v1/batch", &batch);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().unwrap()["success"], json!(true));
    server.advance(0).unwrap();
    let view = server.view("a1");
    // The one of the year 9999 became now.
    assert_eq!(view["usage"]["events"]["1d"], json!(3), "{view:#}");
    let metrics = server.client.get(server.admin_url("/metrics")).send().unwrap().text().unwrap();
    let dead: f64 = metrics
        .lines()
        .filter(|l| l.starts_with("c360_dead_letters_total{"))
        .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!((dead - 4.0).abs() < f64::EPSILON, "{metrics}");
}
