//! Bodies: encodings, sizes, depth, and everything else that is wrong before an event is looked at.
use crate::support::{Bench, KEY};
use axum::body::{Body, Bytes};
use c360_ingest::IngestConfig;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use futures::stream;
use http::{Method, Request};
use serde_json::json;
use std::convert::Infallible;
use std::io::Write;

const TRACK: &str = r#"{"userId":"u","event":"E"}"#;

fn pack(encoding: &str, data: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut w = GzEncoder::new(Vec::new(), Compression::default());
            w.write_all(data).unwrap();
            w.finish().unwrap()
        }
        "deflate" => {
            let mut w = ZlibEncoder::new(Vec::new(), Compression::default());
            w.write_all(data).unwrap();
            w.finish().unwrap()
        }
        "raw-deflate" => {
            let mut w = DeflateEncoder::new(Vec::new(), Compression::default());
            w.write_all(data).unwrap();
            w.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::BrotliCompress(&mut &*data, &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
            out
        }
        "zstd" => zstd::encode_all(data, 1).unwrap(),
        _ => panic!("{encoding}"),
    }
}

#[tokio::test]
async fn bodies_are_taken_in_each_encoding_and_whatever_their_type_says() {
    let bench = Bench::new();
    for (encoding, header) in [("gzip", "gzip"), ("deflate", "deflate"), ("raw-deflate", "deflate"), ("br", "br"), ("zstd", "zstd")] {
        let headers = [("x-write-key", KEY), ("content-encoding", header), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(bench.post("/v1/track", &headers, pack(encoding, TRACK.as_bytes())).await.status, 200, "{encoding}");
        assert_eq!(bench.kept().len(), 1);
    }
    for content_type in ["text/plain", "application/json; charset=utf-8", "multipart/form-data", "\u{7f}"] {
        let request = Request::post("/v1/track").header("x-write-key", KEY);
        let Ok(request) = request.header("content-type", content_type).body(Body::from(TRACK)) else { continue };
        assert_eq!(bench.send(request).await.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_400_with_its_code() {
    let bench = Bench::new();
    let deep = format!(r#"{{"userId":"u","event":"E","properties":{}{}}}"#, r#"{"a":"#.repeat(64), "1".to_owned() + &"}".repeat(64));
    for (what, headers, body, code) in [
        ("unknown encoding", vec![("content-encoding", "compress")], TRACK.as_bytes().to_vec(), "unknown_encoding"),
        ("not gzip", vec![("content-encoding", "gzip")], TRACK.as_bytes().to_vec(), "broken_encoding"),
        ("gzip cut short", vec![("content-encoding", "gzip")], pack("gzip", TRACK.as_bytes())[..20].to_vec(), "broken_encoding"),
        ("not utf-8", vec![], b"{\"userId\":\"\xff\"}".to_vec(), "invalid_utf8"),
        ("not json", vec![], b"userId=u".to_vec(), "malformed_json"),
        ("cut short", vec![], TRACK.as_bytes()[..20].to_vec(), "malformed_json"),
        ("more after it", vec![], format!("{TRACK} x").into_bytes(), "malformed_json"),
        ("empty", vec![], vec![], "malformed_json"),
        ("too deep", vec![], deep.into_bytes(), "json_too_deep"),
        ("far too deep", vec![], "[".repeat(100_000).into_bytes(), "json_too_deep"),
    ] {
        let headers: Vec<_> = headers.into_iter().chain([("x-write-key", KEY)]).collect();
        for path in ["/v1/track", "/v1/batch"] {
            let answer = bench.post(path, &headers, body.clone()).await;
            assert_eq!((answer.status, answer.code()), (400, code), "{what} {path}");
        }
    }
    assert_eq!(bench.appends(), 0);
}

#[tokio::test]
async fn properties_may_be_nested_up_to_the_bound() {
    let bench = Bench::new();
    let body = format!(r#"{{"userId":"u","event":"E","properties":{}1{}}}"#, r#"{"a":"#.repeat(63), "}".repeat(63));
    assert_eq!(bench.post("/v1/track", &[("x-write-key", KEY)], body).await.status, 200);
}

#[tokio::test]
async fn four_megabytes_are_taken_and_one_byte_more_is_413() {
    let bench = Bench::new();
    let pad = |len: usize| {
        let head = r#"{"batch":[],"pad":""#;
        format!("{head}{}\"}}", "x".repeat(len - head.len() - 2))
    };
    assert_eq!(bench.post("/v1/batch", &[("x-write-key", KEY)], pad(4 << 20)).await.status, 200);
    let answer = bench.post("/v1/batch", &[("x-write-key", KEY)], pad((4 << 20) + 1)).await;
    assert_eq!((answer.status, answer.code()), (413, "body_too_large"));
    // As clients do that do not say the length beforehand.
    let text = pad((4 << 20) + 1);
    let chunks: Vec<_> = text.as_bytes().chunks(100_000).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    let answer = bench.post("/v1/batch", &[("x-write-key", KEY)], Body::from_stream(stream::iter(chunks))).await;
    assert_eq!((answer.status, answer.code()), (413, "body_too_large"));
    // 33 MB of one letter are a few kB packed.
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let packed = pack(encoding, pad(33 << 20).as_bytes());
        let answer = bench.post("/v1/batch", &[("x-write-key", KEY), ("content-encoding", encoding)], packed).await;
        assert_eq!((answer.status, answer.code()), (413, "unpacked_too_large"), "{encoding}");
    }
}

#[tokio::test]
async fn a_large_batch_in_chunks_is_taken_whole() {
    let bench = Bench::new();
    let calls: Vec<_> = (0..3_000)
        .map(|i| json!({"type": "track", "userId": format!("u{i}"), "event": "E", "properties": {"pad": "x".repeat(200)}}))
        .collect();
    let text = json!({ "batch": calls }).to_string();
    assert!(text.len() > 800_000);
    let chunks: Vec<_> = text.as_bytes().chunks(16_000).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    assert_eq!(bench.post("/v1/batch", &[("x-write-key", KEY)], Body::from_stream(stream::iter(chunks))).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[2_999].event().user_id), (3_000, Some("u2999")));
}

#[tokio::test]
async fn too_many_events_and_too_large_an_event_are_refused() {
    let mut config = IngestConfig::default();
    config.limits.batch_events_max = 2;
    config.limits.event_bytes_max = 1_000;
    let bench = Bench::with(config);
    let call = json!({"type": "track", "userId": "u", "event": "E"});
    let answer = bench.call("/v1/batch", &json!({"batch": [call, call, call]})).await;
    assert_eq!((answer.status, answer.code()), (413, "too_many_events"));
    let mut large = call.clone();
    large["properties"] = json!({"pad": "x".repeat(1_000)});
    assert_eq!(bench.call("/v1/track", &large).await.code(), "event_too_large");
    assert_eq!(bench.call("/v1/batch", &json!({"batch": [call, large]})).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[1].dead_letter().reason.as_str()), (2, "event_too_large"));
}

#[tokio::test]
async fn what_all_requests_hold_at_a_time_is_bounded() {
    let mut config = IngestConfig::default();
    config.limits.in_flight_bytes_max = 8_192;
    let bench = Bench::with(config);
    let answer = bench.post("/v1/track", &[("x-write-key", KEY)], "x".repeat(8_193)).await;
    assert_eq!((answer.status, answer.code()), (429, "overloaded"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(bench.post("/v1/track", &[("x-write-key", KEY)], TRACK).await.status, 200);
}

#[tokio::test]
async fn who_announces_much_and_sends_nothing_takes_no_room_from_others() {
    let mut config = IngestConfig::default();
    config.limits.in_flight_bytes_max = 8_192;
    let bench = Bench::with(config);
    let slow =
        Request::post("/v1/track").header("content-length", "8192").body(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()));
    let slow = bench.send(slow.unwrap());
    futures::pin_mut!(slow);
    assert!(futures::poll!(&mut slow).is_pending());
    assert_eq!(bench.post("/v1/track", &[("x-write-key", KEY)], TRACK).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let mut config = IngestConfig::default();
    config.limits.body_read_s_max = 1;
    let bench = Bench::with(config);
    let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let answer = bench.post("/v1/track", &[("x-write-key", KEY)], body).await;
    assert_eq!((answer.status, answer.code()), (408, "body_timeout"));
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_in_json_too() {
    let bench = Bench::new();
    for path in ["/", "/v1", "/v1/dance", "/v2/track", "/hooks/stripe"] {
        assert_eq!(bench.post(path, &[], "").await.code(), "not_found", "{path}");
    }
    let request = Request::builder().method(Method::PUT).uri("/v1/track").body(Body::empty()).unwrap();
    let answer = bench.send(request).await;
    assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn every_series_exists_from_the_start() {
    let _bench = Bench::new();
    let families = prometheus::gather();
    let series = |name: &str| families.iter().find(|family| family.name() == name).map_or(0, |family| family.get_metric().len());
    assert_eq!(series("c360_ingest_events_total"), 5);
    assert_eq!(series("c360_ingest_requests_total"), 11);
    assert_eq!(series("c360_ingest_request_duration_seconds"), 1);
    assert!(series("c360_dead_letters_total") >= 16);
}
