//! Quotas of write keys: what is over them is told when to come back.
use crate::support::{Bench, KEY, sources};
use c360_ingest::{IngestConfig, Quota, QuotaLimits, WriteKey, WriteKeys};
use c360_log::LogError;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A key that may send `burst` events now, and so few a second that no test waits for more.
fn key(text: &str, burst: u32) -> WriteKey {
    let limits = QuotaLimits { events_per_s: NonZeroU32::MIN, burst: NonZeroU32::new(burst).unwrap() };
    WriteKey { quota: Some(Arc::new(Quota::new(limits))), ..WriteKey::of("t1", text, text) }
}

fn keys(burst: u32) -> WriteKeys {
    WriteKeys::new([key("small", burst), WriteKey::of("t1", "api", KEY)]).unwrap()
}

fn call() -> Value {
    json!({"type": "track", "userId": "u", "event": "E"})
}

fn batch(events: usize) -> String {
    json!({"batch": vec![call(); events]}).to_string()
}

const SMALL: [(&str, &str); 1] = [("x-write-key", "small")];

#[tokio::test]
async fn what_is_over_the_quota_is_429_with_a_time_to_come_back_and_other_keys_go_on() {
    let bench = Bench::with_keys(IngestConfig::default(), keys(3));
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(2)).await.status, 200);
    assert_eq!(bench.post("/v1/track", &SMALL, call().to_string()).await.status, 200);
    for path in ["/v1/track", "/v1/batch"] {
        let answer = bench.post(path, &SMALL, if path == "/v1/batch" { batch(1) } else { call().to_string() }).await;
        assert_eq!((answer.status, answer.code()), (429, "quota_exceeded"), "{path}");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    // So too where the key comes in the body.
    let mut in_body = call();
    in_body["writeKey"] = json!("small");
    assert_eq!(bench.post("/v1/track", &[], in_body.to_string()).await.code(), "quota_exceeded");
    assert_eq!(bench.call("/v1/track", &call()).await.status, 200, "a key without a quota");
    assert_eq!(bench.kept().len(), 4);
    let refused = prometheus::gather();
    let refused = refused.iter().find(|family| family.name() == "c360_ingest_quota_exceeded_total").unwrap();
    assert!(refused.get_metric().iter().any(|metric| metric.get_label().iter().any(|label| label.value() == "small")));
}

#[tokio::test]
async fn cloud_events_are_paid_for_too() {
    let bench = Bench::with_keys(IngestConfig::default(), keys(3));
    let event = |id: u32| json!({"specversion": "1.0", "id": id.to_string(), "source": "/app", "type": "E", "accountid": "a"});
    let post = |events: Value, kind: &'static str| {
        let headers = [("x-write-key", "small"), ("content-type", kind)];
        let bench = &bench;
        async move { bench.post("/v1/cloudevents/app", &headers, events.to_string()).await }
    };
    let (structured, batched) = ("application/cloudevents+json", "application/cloudevents-batch+json");
    assert_eq!(post(json!([event(1), event(2)]), batched).await.status, 200);
    assert_eq!(post(event(3), structured).await.status, 200);
    assert_eq!(post(event(4), structured).await.code(), "quota_exceeded");
    assert_eq!(post(json!([event(4)]), batched).await.code(), "quota_exceeded");
    assert_eq!(bench.kept().len(), 3);
}

#[tokio::test]
async fn a_batch_above_the_burst_is_taken_once_and_paid_for() {
    let bench = Bench::with_keys(IngestConfig::default(), keys(3));
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(100)).await.status, 200);
    let answer = bench.post("/v1/batch", &SMALL, batch(1)).await;
    let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((90..=98).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn what_the_log_did_not_take_costs_nothing() {
    let bench = Bench::with_keys(IngestConfig::default(), keys(3));
    bench.break_log(LogError::Overloaded);
    for _ in 0..10 {
        assert_eq!(bench.post("/v1/batch", &SMALL, batch(3)).await.code(), "overloaded");
    }
    bench.mend_log();
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(3)).await.status, 200);
}

#[tokio::test]
async fn a_reload_is_no_way_to_a_new_burst_but_to_a_new_quota() {
    let bench = Bench::with_keys(IngestConfig::default(), keys(3));
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(3)).await.status, 200);
    bench.ingest.reload(keys(3), sources());
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(1)).await.code(), "quota_exceeded");
    bench.ingest.reload(keys(9), sources());
    assert_eq!(bench.post("/v1/batch", &SMALL, batch(9)).await.status, 200);
}
