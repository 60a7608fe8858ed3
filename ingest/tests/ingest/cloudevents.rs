//! CloudEvents, in the shapes that the SDKs of npm and PyPI put on the wire.
use crate::support::{Bench, KEY, NOW};
use c360_schemas::{Kind, Topic};
use serde_json::{Value, json};

const PATH: &str = "/v1/cloudevents/shop";
const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";
const BATCHED: &str = "application/cloudevents-batch+json";
const BEARER: &str = "Bearer wk_test";

fn event(id: &str) -> Value {
    json!({
        "id": id, "time": "2026-11-22T09:59:00.000Z", "type": "com.example.report.viewed", "source": "/shop/reports", "specversion": "1.0",
        "datacontenttype": "application/json", "subject": "report-7", "accountid": "acme", "userid": "u1", "data": {"report": 7}
    })
}

async fn post(bench: &Bench, content_type: &str, body: &Value) -> crate::support::Answer {
    bench.post(PATH, &[("authorization", BEARER), ("content-type", content_type)], body.to_string()).await
}

#[tokio::test]
async fn a_structured_event_becomes_a_usage_event() {
    let bench = Bench::new();
    assert_eq!(post(&bench, STRUCTURED, &event("1")).await.status, 200);
    let kept = bench.kept();
    let event = kept[0].event();
    assert_eq!((kept.len(), kept[0].topic, kept[0].key.as_str()), (1, Topic::Events, "t1/acme"));
    assert_eq!((event.message_id, event.kind, event.name), ("/shop/reports 1", Kind::Usage, "com.example.report.viewed"));
    assert_eq!((event.user_id, event.source, event.occurred_at), (Some("u1"), "shop", NOW - 60_000));
    assert_eq!(event.properties, r#"{"report":7}"#);
}

#[tokio::test]
async fn the_same_event_in_binary_mode_becomes_the_same() {
    let bench = Bench::new();
    post(&bench, STRUCTURED, &event("1")).await;
    // As `HTTP.binary()` of npm's cloudevents has it.
    let headers = [
        ("authorization", BEARER),
        ("content-type", "application/json; charset=utf-8"),
        ("ce-id", "1"),
        ("ce-time", "2026-11-22T09:59:00.000Z"),
        ("ce-type", "com.example.report.viewed"),
        ("ce-source", "/shop/reports"),
        ("ce-specversion", "1.0"),
        ("ce-subject", "report-7"),
        ("ce-accountid", "acme"),
        ("ce-userid", "u1"),
        ("ce-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    assert_eq!(bench.post(PATH, &headers, r#"{"report":7}"#).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[0].event()), (2, kept[1].event()));
}

#[tokio::test]
async fn binary_mode_takes_data_of_any_kind_and_decodes_headers() {
    let bench = Bench::new();
    for (content_type, body, properties) in [
        // PyPI's `to_binary` sends no content type.
        (None, &br#"{"a":1}"#[..], r#"{"a":1}"#),
        (None, b"plain", r#"{"data":"plain"}"#),
        (Some("application/vnd.example+json"), b"[1]", r#"{"data":[1]}"#),
        (Some("text/plain"), b"{\"a\":1}", r#"{"data":"{\"a\":1}"}"#),
        (Some("application/octet-stream"), b"\xff\x00", r#"{"data_base64":"/wA="}"#),
        (Some("application/json"), b"", ""),
    ] {
        let mut headers = vec![
            ("authorization", BEARER),
            ("ce-id", "Euro%20%E2%82%AC"),
            ("ce-type", "t"),
            ("ce-source", "s"),
            ("ce-specversion", "1.0"),
            ("ce-subject", "users/u1"),
        ];
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        let answer = bench.post(PATH, &headers, body.to_vec()).await;
        assert_eq!(answer.status, 200, "{content_type:?} {answer:?}");
        let kept = bench.kept();
        let event = kept[0].event();
        assert_eq!((event.message_id, event.properties, event.occurred_at), ("s Euro €", properties, NOW), "{content_type:?}");
        assert_eq!((kept[0].topic, kept[0].key.as_str(), event.user_id), (Topic::Unresolved, "t1/user:u1", Some("u1")));
    }
}

fn without(attribute: &str) -> Value {
    let mut event = event("1");
    event.as_object_mut().unwrap().remove(attribute);
    event
}

fn with(attribute: &str, value: Value) -> Value {
    let mut event = event("1");
    event[attribute] = value;
    event
}

fn bad_events() -> Vec<(Value, &'static str)> {
    let mut nobodys = without("accountid");
    nobodys["userid"] = Value::Null;
    nobodys["subject"] = json!("");
    vec![
        (without("id"), "bad_payload"),
        (without("source"), "bad_payload"),
        (without("type"), "bad_payload"),
        (without("specversion"), "bad_payload"),
        (with("specversion", json!("0.3")), "bad_payload"),
        (with("id", json!("")), "bad_payload"),
        (with("type", json!({})), "bad_payload"),
        (with("time", json!("yesterday")), "bad_timestamp"),
        (with("time", json!([])), "bad_timestamp"),
        (with("accountid", json!("~user:x")), "bad_id"),
        (with("userid", json!(true)), "bad_id"),
        (with("id", json!("a\u{0}")), "bad_id"),
        (with("type", json!("n".repeat(513))), "bad_name"),
        (nobodys, "missing_id"),
        (json!("event"), "not_an_object"),
        (json!([]), "not_an_object"),
    ]
}

#[tokio::test]
async fn a_bad_event_by_itself_is_refused_with_its_reason() {
    let bench = Bench::new();
    for (event, code) in bad_events() {
        let answer = post(&bench, STRUCTURED, &event).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{event}");
    }
    let answer = bench.post(PATH, &[("authorization", BEARER), ("content-type", "application/json")], "{}").await;
    assert_eq!((answer.status, answer.code()), (400, "bad_payload"), "neither structured nor binary");
    for (content_type, body, code) in [
        (STRUCTURED, "{", "malformed_json"),
        (BATCHED, "{}", "malformed_json"),
        ("application/cloudevents+avro", "x", "unknown_format"),
        ("application/cloudevents-batch+protobuf", "x", "unknown_format"),
    ] {
        let answer = bench.post(PATH, &[("authorization", BEARER), ("content-type", content_type)], body).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{content_type}");
    }
    assert_eq!(bench.appends(), 0);
}

#[tokio::test]
async fn a_bad_event_in_a_batch_becomes_a_dead_letter_and_the_rest_is_taken() {
    let bench = Bench::new();
    for (bad, code) in bad_events() {
        assert_eq!(post(&bench, BATCHED, &json!([event("1"), bad, event("2")])).await.status, 200, "{bad}");
        let kept = bench.kept();
        assert_eq!((kept[0].event().message_id, kept[1].event().message_id, kept.len()), ("/shop/reports 1", "/shop/reports 2", 3));
        let letter = kept[2].dead_letter();
        assert_eq!((letter.reason.as_str(), letter.original), (code, bad.to_string().into_bytes()));
        assert_eq!((letter.path.as_deref(), letter.content_type.as_deref()), (Some(PATH), Some("application/cloudevents+json")));
        let headers = [("authorization", BEARER), ("content-type", BATCHED), ("x-strict-mode", "1")];
        let answer = bench.post(PATH, &headers, json!([event("1"), bad]).to_string()).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{bad}");
        assert!(answer.body["message"].as_str().unwrap().contains("event 1 of the batch"), "{answer:?}");
        assert_eq!(bench.appends(), 0);
    }
    assert_eq!(post(&bench, BATCHED, &json!([])).await.status, 200);
    assert_eq!(bench.appends(), 0);
}

#[tokio::test]
async fn a_batch_is_bounded_and_a_time_far_ahead_becomes_now() {
    let mut config = c360_ingest::IngestConfig::default();
    config.limits.batch_events_max = 2;
    let bench = Bench::with(config);
    assert_eq!(post(&bench, BATCHED, &json!([event("1"), event("2"), event("3")])).await.code(), "too_many_events");
    assert_eq!(post(&bench, STRUCTURED, &with("time", json!("2036-01-01T00:00:00Z"))).await.status, 200);
    let kept = bench.kept();
    assert_eq!(kept[0].event().occurred_at, NOW);
    assert!(kept[0].event().properties.starts_with(r#"{"c360_clamped_from":"2036-01-01"#));
}

#[tokio::test]
async fn without_a_key_it_is_401_and_a_source_that_is_no_name_404() {
    let bench = Bench::new();
    let body = event("1").to_string();
    for (authorization, code) in [(None, "missing_write_key"), (Some("Bearer other"), "unknown_write_key")] {
        let mut headers = vec![("content-type", STRUCTURED)];
        headers.extend(authorization.map(|authorization| ("authorization", authorization)));
        let answer = bench.post(PATH, &headers, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (401, code));
    }
    let answer = bench.post(PATH, &[("x-write-key", KEY), ("content-type", STRUCTURED)], body.clone()).await;
    assert_eq!(answer.status, 200);
    for path in ["/v1/cloudevents/a%20b", "/v1/cloudevents/%ff"] {
        let answer = bench.post(path, &[("authorization", BEARER), ("content-type", STRUCTURED)], body.clone()).await;
        assert_eq!((answer.status, answer.code()), (404, "unknown_source"), "{path}");
    }
    assert_eq!(bench.appends(), 1);
}
