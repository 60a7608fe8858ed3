//! What browsers need besides the calls: preflights, the settings that the SDK asks for, `sendBeacon`.
use crate::support::{Answer, Bench, KEY};
use axum::body::Body;
use c360_ingest::OverTls;
use http::Request;
use serde_json::json;

const ORIGIN: &str = "https://app.example";

async fn preflight(bench: &Bench, path: &str, extra: &[(&str, &str)]) -> Answer {
    let mut request = Request::options(path)
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    bench.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_page_of_any_site_may_send_with_or_without_credentials() {
    let bench = Bench::new();
    for path in ["/v1/track", "/v1/t", "/v1/b", "/v1/batch/", "/api/s/track", "/v1/projects/k/settings"] {
        let answer = preflight(&bench, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            // With credentials a browser takes no `*`.
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "authorization,content-type"),
            ("access-control-allow-methods", "POST,GET"),
            ("access-control-max-age", "86400"),
        ] {
            assert_eq!(answer.headers[name], value, "{path} {name}");
        }
        assert!(!answer.headers.contains_key("access-control-allow-private-network"), "nobody asked");
    }
}

#[tokio::test]
async fn a_public_page_may_reach_a_c360_inside_of_the_company() {
    let answer = preflight(&Bench::new(), "/v1/track", &[("access-control-request-private-network", "true")]).await;
    assert_eq!(answer.headers["access-control-allow-private-network"], "true");
}

#[tokio::test]
async fn a_page_can_read_when_to_come_back() {
    let bench = Bench::new();
    bench.break_log(c360_log::LogError::Overloaded);
    let headers = [("x-write-key", KEY), ("origin", ORIGIN)];
    let answer = bench.post("/v1/track", &headers, r#"{"userId":"u","event":"E"}"#).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(answer.headers["access-control-expose-headers"], "retry-after");
    assert_eq!(answer.headers["access-control-allow-origin"], ORIGIN);
}

#[tokio::test]
async fn a_beacon_has_its_key_in_the_body_and_no_headers_of_its_own() {
    let bench = Bench::new();
    let call = json!({"type": "track", "userId": "u", "event": "E"});
    for (path, body) in [
        ("/v1/t", json!({"writeKey": KEY, "type": "track", "userId": "u", "event": "E", "sentAt": null})),
        ("/v1/b", json!({"writeKey": KEY, "batch": [call], "sentAt": "2026-11-22T10:00:00.000Z"})),
    ] {
        let headers = [("content-type", "text/plain;charset=UTF-8"), ("origin", ORIGIN), ("cookie", "a=b")];
        assert_eq!(bench.post(path, &headers, body.to_string()).await.status, 200, "{path}");
        assert_eq!(bench.kept().len(), 1, "{path}");
    }
}

async fn settings(bench: &Bench, key: &str, headers: &[(&str, &str)], tls: bool) -> Answer {
    let mut request = Request::get(format!("/v1/projects/{key}/settings"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if tls {
        request.extensions_mut().insert(OverTls);
    }
    bench.send(request).await
}

#[tokio::test]
async fn the_sdk_is_told_to_send_to_where_it_asked_and_nowhere_else() {
    let bench = Bench::new();
    for (headers, tls, api_host, protocol) in [
        (&[("host", "c360.example:8360")][..], false, "c360.example:8360/v1", "http"),
        (&[("host", "c360.example")], true, "c360.example/v1", "https"),
        (
            &[("host", "10.0.0.1:8360"), ("x-forwarded-host", "events.example"), ("x-forwarded-proto", "https")],
            false,
            "events.example/v1",
            "https",
        ),
    ] {
        let answer = settings(&bench, KEY, headers, tls).await;
        assert_eq!(answer.status, 200);
        let integrations = answer.body["integrations"].as_object().unwrap();
        assert_eq!(integrations.len(), 1, "one destination: ourselves");
        let segment = &integrations["Segment.io"];
        assert_eq!((&segment["apiKey"], &segment["apiHost"], &segment["protocol"]), (&json!(KEY), &json!(api_host), &json!(protocol)));
        assert_eq!(answer.body["metrics"]["sampleRate"], 0, "nothing to the SDK's makers");
        assert!(answer.headers["cache-control"].to_str().unwrap().starts_with("private"));
    }
}

#[tokio::test]
async fn settings_are_there_for_known_keys_only_and_never_break() {
    let bench = Bench::new();
    for key in ["other", "%ff", "%00", "a%2Fb"] {
        let answer = settings(&bench, key, &[("host", "c360.example")], false).await;
        assert_eq!((answer.status, answer.code()), (401, "unknown_write_key"), "{key}");
    }
    let answer = settings(&bench, KEY, &[("host", "x\"y")], false).await;
    assert_eq!((answer.status, answer.code()), (400, "missing_host"));
    assert_eq!(bench.post(&format!("/v1/projects/{KEY}/settings"), &[], "").await.status, 405);
}
