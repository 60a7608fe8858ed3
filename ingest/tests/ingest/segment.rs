//! Segment-style calls: each rule, and what the clients that are out there really send.
use crate::support::{Bench, KEY, NOW, keys, sources};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use c360_ingest::{IngestConfig, WriteKey, WriteKeys};
use c360_log::LogError;
use c360_schemas::{AccountTraits, Answer, ForeignId, Kind, Link, Payload, Rank, Survey, Topic, UserTraits};
use serde_json::{Value, json};

fn track(user: &str) -> Value {
    json!({"type": "track", "userId": user, "event": "Report Viewed", "messageId": format!("m-{user}"), "properties": {"a": 1}})
}

#[tokio::test]
async fn a_track_call_becomes_one_event_with_all_that_it_says() {
    let bench = Bench::new();
    let body = json!({"userId": "u1", "anonymousId": "a1", "event": "Report Viewed", "messageId": "m1", "timestamp": "2026-11-22T09:59:00.5Z",
        "properties": {"report": "weekly"}, "context": {"groupId": "acme", "library": {"name": "x"}}});
    let kept = bench.one("/v1/track", &body).await;
    let event = kept.event();
    assert_eq!((kept.topic, kept.key.as_str()), (Topic::Events, "t1/acme"));
    assert_eq!((event.message_id, event.tenant, event.account_id, event.source), ("m1", "t1", Some("acme"), "api"));
    assert_eq!((event.user_id, event.anonymous_id, event.kind, event.name), (Some("u1"), Some("a1"), Kind::Usage, "Report Viewed"));
    assert_eq!((event.occurred_at, event.received_at), (NOW - 59_500, NOW));
    assert_eq!((event.properties, event.payload.clone(), event.foreign_ids.len()), (r#"{"report":"weekly"}"#, Payload::None, 0));
}

#[tokio::test]
async fn every_path_takes_its_call_with_and_without_a_slash() {
    let bench = Bench::new();
    let call = json!({"userId": "u1", "groupId": "acme", "event": "E", "previousId": "a0"});
    for (long, short, name) in [
        ("track", "t", "E"),
        ("identify", "i", "identify"),
        ("group", "g", "group"),
        ("page", "p", "page"),
        ("screen", "s", "screen"),
        ("alias", "a", "alias"),
    ] {
        for path in [format!("/v1/{long}"), format!("/v1/{long}/"), format!("/v1/{short}"), format!("/v1/{short}/")] {
            let answer = bench.call(&path, &call).await;
            assert_eq!((answer.status, &answer.body), (200, &json!({"success": true})), "{path}");
            assert_eq!(bench.kept()[0].event().name, name, "{path}");
        }
    }
    for path in ["/v1/batch", "/v1/batch/", "/v1/import", "/v1/import/", "/v1/b", "/v1/b/"] {
        assert_eq!(bench.call(path, &json!({"batch": [track("u1"), track("u2")]})).await.status, 200, "{path}");
        assert_eq!(bench.kept().len(), 2, "{path}");
    }
}

#[tokio::test]
async fn an_event_finds_its_account_or_else_its_person() {
    let bench = Bench::new();
    for (what, extra, topic, key) in [
        ("context", json!({"userId": "u", "context": {"groupId": "g1"}}), Topic::Events, "t1/g1"),
        ("top level", json!({"userId": "u", "groupId": "g2"}), Topic::Events, "t1/g2"),
        ("top level before context", json!({"userId": "u", "groupId": "g2", "context": {"groupId": "g1"}}), Topic::Events, "t1/g2"),
        ("an account alone", json!({"groupId": "g2"}), Topic::Events, "t1/g2"),
        ("a number", json!({"userId": "u", "groupId": 42}), Topic::Events, "t1/42"),
        ("a user", json!({"userId": "u", "anonymousId": "a"}), Topic::Unresolved, "t1/user:u"),
        ("a user's number", json!({"userId": 123, "anonymousId": null}), Topic::Unresolved, "t1/user:123"),
        ("empty is none", json!({"userId": "", "groupId": "", "anonymousId": "a"}), Topic::Unresolved, "t1/user:a"),
        ("a context that is none", json!({"userId": "u", "context": "x"}), Topic::Unresolved, "t1/user:u"),
    ] {
        let mut body = json!({"event": "E"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let kept = bench.one("/v1/track", &body).await;
        assert_eq!((kept.topic, kept.key.as_str()), (topic, key), "{what}");
        let event = kept.event();
        let foreign: Vec<_> = event.foreign_ids.iter().map(|f| format!("t1/{}:{}", f.kind, f.id)).collect();
        assert_eq!(foreign, if topic == Topic::Unresolved { vec![key.to_owned()] } else { vec![] }, "{what}");
    }
}

#[tokio::test]
async fn the_context_of_a_batch_holds_for_calls_that_say_nothing_else() {
    let bench = Bench::new();
    let own = json!({"type": "track", "event": "E", "userId": "u", "context": {"groupId": "own"}});
    let body = json!({"batch": [track("u1"), own], "context": {"groupId": "shared"}});
    assert_eq!(bench.call("/v1/batch", &body).await.status, 200);
    assert_eq!(bench.kept().iter().map(|kept| kept.key.clone()).collect::<Vec<_>>(), ["t1/shared", "t1/own"]);
}

#[tokio::test]
async fn a_group_call_tells_of_the_account_and_links_its_user() {
    let bench = Bench::new();
    let traits = json!({"name": "Acme", "owner": {"name": "Ann", "email": "ann@us.example"}, "plan": "pro", "seats": 25,
        "createdAt": "2026-01-01T00:00:00Z", "delivered_at": "2026-02-01", "industry": "toys"});
    let body = json!({"userId": "u1", "groupId": "acme", "messageId": "m1", "timestamp": "2026-11-22T09:00:00Z", "traits": traits});
    assert_eq!(bench.call("/v1/group", &body).await.status, 200);
    let kept = bench.kept();
    assert_eq!(bench.appends(), 0);
    let (account, link) = (kept[0].event(), kept[1].event());
    assert_eq!((kept[0].topic, kept[0].key.as_str(), account.name, account.kind), (Topic::Events, "t1/acme", "group", Kind::Identity));
    let expected = AccountTraits {
        name: Some("Acme"),
        owner_name: Some("Ann"),
        owner_email: Some("ann@us.example"),
        created_at: Some(1_767_225_600_000),
        delivered_at: Some(1_769_904_000_000),
        plan: Some("pro"),
        seats: Some(25),
    };
    assert_eq!(account.payload, Payload::Account(expected));
    assert_eq!(serde_json::from_str::<Value>(account.properties).unwrap(), traits);
    assert_eq!((kept[1].topic, kept[1].key.as_str(), link.name, link.message_id), (Topic::Unresolved, "t1/user:u1", "link", "m1#link"));
    let expected = Link { kind: "user", id: "u1", account_id: Some("acme"), rank: Rank::Group, at: NOW - 3_600_000 };
    assert_eq!((link.payload.clone(), link.account_id), (Payload::Link(expected), None));
    assert_eq!(link.foreign_ids.as_slice(), [ForeignId { kind: "user", id: "u1" }]);
    assert_eq!(kept.len(), 2);
}

#[tokio::test]
async fn a_group_call_without_a_user_tells_of_the_account_alone() {
    let bench = Bench::new();
    let kept = bench.one("/v1/group", &json!({"groupId": "acme", "traits": []})).await;
    assert_eq!(kept.event().payload, Payload::Account(AccountTraits::default()));
}

#[tokio::test]
async fn identify_reads_traits_from_the_call_and_from_its_context() {
    let bench = Bench::new();
    // The RudderStack Python SDK's has traits in the context only.
    let body = json!({"userId": "u1", "context": {"traits": {"email": "a@x.io", "firstName": "Ann", "lastName": "Lee"}}, "traits": null});
    let kept = bench.one("/v1/identify", &body).await;
    let event = kept.event();
    assert_eq!(event.payload, Payload::User(UserTraits { name: Some("Ann Lee"), email: Some("a@x.io"), role: None }));
    assert!(event.properties.contains("firstName"));
    let both = json!({"userId": "u1", "context": {"traits": {"email": "old@x.io", "role": "admin"}}, "traits": {"email": "new@x.io", "name": "Ann"}});
    let kept = bench.one("/v1/identify", &both).await;
    assert_eq!(kept.event().payload, Payload::User(UserTraits { name: Some("Ann"), email: Some("new@x.io"), role: Some("admin") }));
}

#[tokio::test]
async fn pages_and_screens_are_usage_under_their_names() {
    let bench = Bench::new();
    for (path, body, name) in [
        ("/v1/page", json!({"userId": "u", "name": "Pricing", "properties": null}), "Pricing"),
        ("/v1/page", json!({"userId": "u"}), "page"),
        ("/v1/screen", json!({"userId": "u", "name": ""}), "screen"),
    ] {
        let kept = bench.one(path, &body).await;
        assert_eq!((kept.event().kind, kept.event().name), (Kind::Usage, name));
    }
}

#[tokio::test]
async fn an_alias_keeps_the_previous_id() {
    let bench = Bench::new();
    let kept = bench.one("/v1/alias", &json!({"userId": "u", "previousId": "a\"0"})).await;
    assert_eq!((kept.key.as_str(), kept.event().properties), ("t1/user:u", r#"{"previousId":"a\"0"}"#));
}

#[tokio::test]
async fn a_survey_answer_finds_its_account_by_property_then_user_then_email() {
    let bench = Bench::new();
    for (extra, properties, key, respondent) in [
        (json!({"userId": "u"}), json!({"score": 9, "account_id": "acme", "email": "a@x.io"}), "t1/acme", "u"),
        (json!({"userId": "u", "context": {"groupId": "ctx"}}), json!({"score": 9}), "t1/ctx", "u"),
        (json!({"userId": "u"}), json!({"score": 9, "email": "a@x.io"}), "t1/user:u", "u"),
        (json!({"anonymousId": "anon"}), json!({"score": 9, "email": "a@x.io"}), "t1/user:a@x.io", "a@x.io"),
        (json!({"anonymousId": "anon"}), json!({"score": 9}), "t1/user:anon", "anon"),
    ] {
        let mut body = json!({"event": "NPS Answered", "messageId": "m1", "properties": properties});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let kept = bench.one("/v1/track", &body).await;
        let event = kept.event();
        assert_eq!((kept.key.as_str(), event.kind), (key, Kind::Survey), "{body}");
        let expected = Answer { id: "m1", survey: Survey::Nps, score: 9, respondent, comment: None, version: NOW };
        assert_eq!(event.payload, Payload::Answer(expected), "{body}");
    }
    let body = json!({"anonymousId": "anon", "event": "csat answered", "properties": {"score": "4", "comment": "ok", "email": "a@x.io", "answer_id": "an1"}});
    let kept = bench.one("/v1/track", &body).await;
    let event = kept.event();
    let expected = Answer { id: "an1", survey: Survey::Csat, score: 4, respondent: "a@x.io", comment: Some("ok"), version: NOW };
    assert_eq!(event.payload, Payload::Answer(expected));
    assert_eq!(event.foreign_ids[1], ForeignId { kind: "email_domain", id: "x.io" });
}

#[tokio::test]
async fn a_message_id_is_kept_or_made_up() {
    let bench = Bench::new();
    let long = "m".repeat(256);
    for id in ["m1", &"m".repeat(100), &long] {
        let kept = bench.one("/v1/track", &json!({"userId": "u", "event": "E", "messageId": id})).await;
        assert_eq!(kept.event().message_id, id);
    }
    let first = bench.one("/v1/track", &json!({"userId": "u", "event": "E"})).await;
    let second = bench.one("/v1/track", &json!({"userId": "u", "event": "E", "messageId": ""})).await;
    assert_eq!(first.event().message_id.len(), 36);
    assert_ne!(first.event().message_id, second.event().message_id);
}

#[tokio::test]
async fn skew_is_corrected_by_the_batch_s_time_of_sending_or_the_call_s_own() {
    let bench = Bench::new();
    // Segment: sentAt at the root. RudderStack Node: at the root and per event. Both clocks an hour behind.
    let event = |sent: Option<&str>| {
        let mut call = json!({"type": "track", "userId": "u", "event": "E", "timestamp": "2026-11-22T08:59:50.000000+00:00"});
        call["sentAt"] = json!(sent);
        call
    };
    let body = json!({"sentAt": "2026-11-22T09:00:00Z", "batch": [event(None), event(Some("2026-11-22T09:00:00Z")), event(Some("2026-11-22T10:00:00Z"))]});
    assert_eq!(bench.call("/v1/batch", &body).await.status, 200);
    let at: Vec<_> = bench.kept().iter().map(|kept| NOW - kept.event().occurred_at).collect();
    assert_eq!(at, [10_000, 10_000, 3_610_000]);
}

#[tokio::test]
async fn a_date_far_ahead_becomes_now_and_is_flagged_and_one_before_1970_is_bad() {
    let bench = Bench::new();
    let kept =
        bench.one("/v1/track", &json!({"userId": "u", "event": "E", "timestamp": "9999-12-31T23:59:59Z", "properties": {"a": 1}})).await;
    assert_eq!(kept.event().occurred_at, NOW);
    assert_eq!(kept.event().properties, r#"{"c360_clamped_from":"9999-12-31T23:59:59.000Z","a":1}"#);
    for bad in [json!("1600-01-01T00:00:00Z"), json!("yesterday"), json!(true), json!(-5)] {
        let answer = bench.call("/v1/track", &json!({"userId": "u", "event": "E", "timestamp": bad})).await;
        assert_eq!((answer.status, answer.code()), (400, "bad_timestamp"), "{bad}");
    }
    assert_eq!(bench.kept().len(), 0);
}

/// What is wrong with each of these is wrong in a single call and in a batch.
fn bad_calls() -> Vec<(Value, &'static str)> {
    let with = |key: &str, value: Value| {
        let mut call = track("u");
        call[key] = value;
        call
    };
    vec![
        (json!(7), "not_an_object"),
        (json!([track("u")]), "not_an_object"),
        (json!({"type": "track", "event": "E"}), "missing_id"),
        (json!({"type": "track", "userId": "u"}), "missing_name"),
        (with("userId", json!(true)), "bad_id"),
        (with("userId", json!({"id": 1})), "bad_id"),
        (with("userId", json!("a\u{0}b")), "bad_id"),
        (with("userId", json!("u".repeat(257))), "bad_id"),
        (with("anonymousId", json!(["a"])), "bad_id"),
        (with("context", json!({"groupId": "a\nb"})), "bad_id"),
        (with("context", json!({"groupId": "~user:u"})), "bad_id"),
        (with("messageId", json!("m".repeat(257))), "bad_message_id"),
        (with("messageId", json!({})), "bad_message_id"),
        (with("event", json!("n".repeat(513))), "bad_name"),
        (with("properties", json!("x")), "bad_properties"),
        (with("properties", json!([1])), "bad_properties"),
        (with("timestamp", json!("x")), "bad_timestamp"),
        (json!({"type": "track", "userId": "u", "event": "nps answered", "properties": {"score": 11}}), "bad_answer"),
    ]
}

#[tokio::test]
async fn a_bad_call_by_itself_is_refused_with_its_reason() {
    let bench = Bench::new();
    for (call, code) in bad_calls() {
        let answer = bench.call("/v1/track", &call).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{call}");
    }
    assert_eq!(bench.call("/v1/group", &json!({"userId": "u"})).await.code(), "missing_group_id");
    assert_eq!(bench.call("/v1/alias", &json!({"userId": "u"})).await.code(), "missing_id");
    assert_eq!(bench.call("/v1/identify", &json!({"userId": "u", "traits": "x"})).await.code(), "bad_traits");
    assert_eq!(bench.kept().len(), 0);
}

#[tokio::test]
async fn a_bad_call_in_a_batch_becomes_a_dead_letter_and_the_rest_is_taken() {
    let bench = Bench::new();
    let mut cases = bad_calls();
    cases.push((json!({"type": "dance", "userId": "u"}), "unknown_type"));
    cases.push((json!({"userId": "u", "event": "E"}), "unknown_type"));
    for (call, code) in cases {
        let body = json!({"batch": [track("u1"), call, track("u2")]});
        let headers = [("x-write-key", KEY), ("content-type", "text/plain")];
        let answer = bench.post("/v1/batch", &headers, body.to_string()).await;
        assert_eq!((answer.status, bench.appends()), (200, 1), "{call}");
        let kept = bench.kept();
        assert_eq!((kept[0].event().user_id, kept[1].event().user_id, kept.len()), (Some("u1"), Some("u2"), 3), "{call}");
        let letter = kept[2].dead_letter();
        assert_eq!((letter.reason.as_str(), letter.stage.as_str(), letter.source.as_str()), (code, "ingest", "api"), "{call}");
        assert_eq!(letter.original, call.to_string().into_bytes());
        assert_eq!((letter.tenant.as_deref(), letter.content_type.as_deref(), letter.at), (Some("t1"), Some("text/plain"), NOW));
        let path = if matches!(code, "unknown_type" | "not_an_object") { "/v1/batch" } else { "/v1/track" };
        assert_eq!(letter.path.as_deref(), Some(path), "{call}");
        assert!(kept[2].headers.contains(&("__connect.errors.exception.class.name".into(), code.into())), "{:?}", kept[2].headers);
    }
}

#[tokio::test]
async fn half_of_a_bad_group_call_does_not_stay() {
    // The account's record fits, the link's does not: it names the user three times.
    let mut config = IngestConfig::default();
    config.limits.event_bytes_max = 320;
    let bench = Bench::with(config);
    let user = "u".repeat(200);
    let call = json!({"userId": user, "event": "group", "groupId": "acme", "messageId": "m"});
    assert_eq!(bench.call("/v1/track", &call).await.status, 200);
    assert_eq!(bench.kept().len(), 1);
    let group = json!({"type": "group", "userId": user, "groupId": "acme", "messageId": "m"});
    assert_eq!(bench.call("/v1/batch", &json!({"batch": [group]})).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[0].dead_letter().reason.as_str()), (1, "event_too_large"));
}

#[tokio::test]
async fn odd_text_that_the_parser_refuses_spoils_its_own_event_only() {
    let bench = Bench::new();
    let body = r#"{"batch":[{"type":"track","event":"E","userId":"a"},{"type":"track","event":"\ud83d","userId":"b"},{"type":"track","event":"E","userId":"c"}]}"#;
    assert_eq!(bench.post("/v1/batch", &[("x-write-key", KEY)], body).await.status, 200);
    let kept = bench.kept();
    assert_eq!(kept.len(), 3);
    let letter = kept[2].dead_letter();
    assert_eq!(
        (letter.reason.as_str(), letter.original.as_slice()),
        ("malformed_event", &br#"{"type":"track","event":"\ud83d","userId":"b"}"#[..])
    );
}

#[tokio::test]
async fn in_strict_mode_one_bad_event_refuses_the_batch() {
    let bench = Bench::new();
    let body = json!({"batch": [track("u1"), {"type": "track", "userId": "u"}]}).to_string();
    let answer = bench.post("/v1/batch", &[("x-write-key", KEY), ("x-strict-mode", "1")], body.clone()).await;
    assert_eq!((answer.status, answer.code()), (400, "missing_name"));
    assert!(answer.body["message"].as_str().unwrap().contains("event 1 of the batch"), "{answer:?}");
    assert_eq!(bench.kept().len(), 0);
    assert_eq!(bench.post("/v1/batch", &[("x-write-key", KEY), ("x-strict-mode", "0")], body).await.status, 200);
}

#[tokio::test]
async fn the_write_key_is_taken_from_each_of_its_places() {
    let bench = Bench::new();
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY}:")));
    let with_key = |mut body: Value| {
        body["writeKey"] = json!(KEY);
        body.to_string()
    };
    let batch = json!({"batch": [track("u")]});
    for (path, headers, body, status) in [
        ("/v1/track", vec![("authorization", basic.as_str())], track("u").to_string(), 200),
        ("/v1/track", vec![("x-write-key", KEY)], track("u").to_string(), 200),
        ("/v1/track", vec![], with_key(track("u")), 200),
        ("/v1/batch", vec![], with_key(batch.clone()), 200),
        ("/v1/import", vec![], with_key(batch.clone()), 200),
        ("/v1/batch", vec![], json!({"writeKey": "other", "batch": []}).to_string(), 401),
        ("/v1/batch", vec![], batch.to_string(), 401),
        ("/v1/track", vec![], track("u").to_string(), 401),
        ("/v1/track", vec![("x-write-key", "other")], with_key(track("u")), 401),
    ] {
        assert_eq!(bench.post(path, &headers, body).await.status, status, "{path} {headers:?}");
    }
    assert_eq!(bench.kept().len(), 5);
}

#[tokio::test]
async fn jitsu_s_clients_are_taken_as_they_are() {
    let keys = WriteKeys::new([WriteKey::of("t1", "jitsu", "id:secret"), WriteKey::of("t2", "made here", "wk_1")]).unwrap();
    let bench = Bench::with_keys(IngestConfig::default(), keys);
    // As @jitsu/js sends a track: a top-level groupId, the write key masked in the body.
    let body = json!({"type": "track", "event": "E", "userId": "u", "anonymousId": null, "groupId": "acme", "properties": {"a": 1}, "messageId": "j1",
        "timestamp": "2026-11-22T10:00:00.000Z", "sentAt": "2026-11-22T10:00:00.000Z", "writeKey": "id:***", "context": {"traits": {"email": "a@x.io"}}});
    for (path, key, expected) in [
        ("/api/s/s2s/track", "id:secret", Ok("t1/acme")),
        ("/api/s/track", "id:secret", Ok("t1/acme")),
        // It takes only keys with a colon: whatever stands behind it does no harm to one of ours.
        ("/api/s/s2s/track", "wk_1:s2s", Ok("t2/acme")),
        ("/api/s/s2s/track", "id:wrong", Err(401)),
    ] {
        let answer = bench.post(path, &[("x-write-key", key), ("content-type", "application/json")], body.to_string()).await;
        let kept = bench.kept();
        assert_eq!(kept.first().map(|kept| kept.key.as_str()).ok_or(answer.status), expected, "{path} {key}");
    }
    for kind in ["identify", "group", "page", "screen", "alias"] {
        let mut call = body.clone();
        call["previousId"] = json!("a0");
        for path in [format!("/api/s/s2s/{kind}"), format!("/api/s/{kind}/")] {
            assert_eq!(bench.post(&path, &[("x-write-key", "id:secret")], call.to_string()).await.status, 200, "{path}");
        }
    }
    for path in ["/api/s/s2s/batch", "/api/s/batch"] {
        let batch = json!({"batch": [body, body]}).to_string();
        assert_eq!(bench.post(path, &[("x-write-key", "id:secret")], batch).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_reload_puts_other_keys_in_force() {
    let bench = Bench::new();
    bench.ingest.reload(WriteKeys::new([WriteKey::of("t2", "web", "wk_other")]).unwrap(), sources());
    assert_eq!(bench.call("/v1/track", &track("u")).await.code(), "unknown_write_key");
    assert_eq!(bench.post("/v1/track", &[("x-write-key", "wk_other")], track("u").to_string()).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept[0].key.as_str(), kept[0].event().source), ("t2/user:u", "web"));
    bench.ingest.reload(keys(), sources());
    assert_eq!(bench.call("/v1/track", &track("u")).await.status, 200);
}

#[tokio::test]
async fn there_is_no_200_before_the_log_has_acknowledged() {
    let bench = Bench::new();
    bench.acknowledge(false);
    let body = track("u");
    let waiting = bench.call("/v1/track", &body);
    futures::pin_mut!(waiting);
    for _ in 0..50 {
        assert!(futures::poll!(&mut waiting).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.appends(), 1);
    bench.acknowledge(true);
    assert_eq!(waiting.await.status, 200);
}

#[tokio::test]
async fn a_log_that_does_not_take_it_gives_429_or_503_with_a_time_to_come_back() {
    for (error, status, code, retry_after) in [
        (LogError::Overloaded, 429, "overloaded", Some("1")),
        (LogError::Unavailable("gone".into()), 503, "log_unavailable", Some("5")),
        (LogError::Fatal("gone".into()), 503, "log_unavailable", Some("5")),
        (LogError::TooLarge(9), 413, "event_too_large", None),
    ] {
        let bench = Bench::new();
        bench.break_log(error);
        let answer = bench.call("/v1/batch", &json!({"batch": [track("u")]})).await;
        assert_eq!((answer.status, answer.code()), (status, code));
        assert_eq!(answer.headers.get("retry-after").map(|v| v.to_str().unwrap()), retry_after);
    }
}

#[tokio::test]
async fn an_empty_batch_is_a_success_without_an_append() {
    let bench = Bench::new();
    assert_eq!(bench.call("/v1/batch", &json!({"batch": []})).await.status, 200);
    assert_eq!(bench.appends(), 0);
}
