//! What ingest does with a body once it is read (check, parse, normalise, encode into the log's batch), beside a typed, borrowed serde parse of the same bytes.
//! Elements are events; on one core, so events a second are events a CPU-second.
use c360_ingest::bench::bench_batch;
use c360_ingest::{IngestConfig, WriteKey, WriteKeys};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::hint::black_box;

const NOW: i64 = 1_795_341_600_000;

/// The baseline: what a handler needs at least to see.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is parsed, not used")]
struct Plain<'a> {
    #[serde(borrow)]
    batch: Vec<PlainCall<'a>>,
    #[serde(borrow)]
    write_key: Cow<'a, str>,
    #[serde(borrow)]
    sent_at: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is parsed, not used")]
struct PlainCall<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    properties: &'a RawValue,
    #[serde(borrow)]
    context: &'a RawValue,
}

/// A batch of track calls of about 440 bytes each, as the Node SDK writes them.
fn body(events: usize) -> String {
    let call = |i: usize| {
        json!({
            "type": "track", "event": "Report Exported", "userId": format!("user-{:05}", i * 37 % 5000), "messageId": format!("node-next-1795341600000-8c7e1d3a-{i:012}"),
            "timestamp": "2026-11-22T09:59:59.123Z", "_metadata": {"nodeVersion": "22.11.0", "jsRuntime": "node"}, "integrations": {},
            "properties": {"report": "weekly revenue", "format": "pdf", "rows": 1204, "plan": "pro", "tags": ["a", "b"]},
            "context": {"groupId": format!("acc-{:04}", i * 13 % 800), "library": {"name": "@segment/analytics-node", "version": "3.1.0"}}
        })
    };
    json!({"batch": (0..events).map(call).collect::<Vec<_>>(), "sentAt": "2026-11-22T10:00:00.000Z", "writeKey": "wk_bench"}).to_string()
}

fn parse(c: &mut Criterion) {
    let keys = WriteKeys::new([WriteKey::of("default", "api", "wk_bench")]).expect("a good name");
    let config = IngestConfig::default();
    let mut group = c.benchmark_group("parse");
    for events in [1, 20, 100] {
        let body = body(events);
        group.throughput(Throughput::Elements(events as u64));
        group.bench_with_input(BenchmarkId::new("plain typed serde", events), &body, |b, body| {
            b.iter(|| serde_json::from_str::<Plain<'_>>(black_box(body)).expect("json").batch.len());
        });
        group.bench_with_input(BenchmarkId::new("ingest", events), &body, |b, body| {
            b.iter(|| {
                let records = bench_batch(black_box(body.as_bytes()), &keys, &config, NOW);
                assert_eq!(records, events);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
