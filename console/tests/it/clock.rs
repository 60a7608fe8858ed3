use crate::fake_log::FakeLog;
use crate::world::{NOW, World, limits, profile, push_profile, stages};
use axum::http::StatusCode;
use c360_log::{Batch, Clock};
use c360_schemas::{EventsValue, Topic, decode_events_value};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn ticks(world: &World, topic: Topic) -> usize {
    world
        .log
        .all(topic)
        .iter()
        .filter(|(key, value)| key.is_empty() && matches!(decode_events_value(value), Ok(EventsValue::Tick(_))))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_moved_on_and_every_partition_of_every_stage_is_told() {
    let world = World::new();
    let (status, answer) = world.post("/api/v1/clock", json!({"advance_s": 86_400})).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"now": "2026-11-23T10:00:00Z"})));
    assert_eq!(world.clock.now_ms(), NOW + 86_400_000);
    for topic in stages().iter().flat_map(|stage| stage.topics.clone()) {
        assert_eq!(ticks(&world, topic), 4, "{}", topic.suffix());
    }
    let ticked = world.log.all(Topic::Events);
    assert!(
        ticked.iter().all(|(_, value)| matches!(decode_events_value(value), Ok(EventsValue::Tick(tick)) if tick.at == NOW + 86_400_000))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_appended_before_shows_after_it() {
    let world = World::new();
    for n in 0..50 {
        world.put(|b| push_profile(b, &profile(&format!("a{n}"), |_, _| ())));
        // As transactions do on Kafka: the end is past the last record.
        world.log.mark(Topic::Profiles, n % 4);
        assert_eq!(world.post("/api/v1/clock", json!({"advance_s": 0})).await.0, StatusCode::OK);
        assert_eq!(world.ok("/api/v1/customers").await["total"], n + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stage_says_back_is_waited_for_in_another_round() {
    let world = World::new();
    let left = Arc::new(AtomicU32::new(3));
    let moves = left.clone();
    // Thrice a tick makes the stage append to its own topic, as a move from one account to another does.
    world.log.set_machine(move |topic, key, value| {
        let mut out = Batch::default();
        let tick = key.is_empty() && matches!(decode_events_value(value), Ok(EventsValue::Tick(_)));
        if topic == Topic::Events && tick && moves.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            out.push_with(Topic::Events, Some(0), |k| k.extend_from_slice(b"t1/a1"), |_| (), |v| v.push(1));
        }
        out
    });
    assert_eq!(world.post("/api/v1/clock", json!({"advance_s": 1})).await.0, StatusCode::OK);
    assert_eq!(left.load(Ordering::SeqCst), 0);
    assert!(ticks(&world, Topic::Events) > 4, "a round more, after what came");
    assert_eq!(ticks(&world, Topic::Unresolved), 4, "and none where nothing came");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stage_says_after_its_commit_is_waited_for() {
    let world = World::new();
    let mut owed = Batch::default();
    push_profile(&mut owed, &profile("a1", |_, _| ()));
    world.log.owe("aggregate", 5, owed);
    assert_eq!(world.post("/api/v1/clock", json!({"advance_s": 0})).await.0, StatusCode::OK);
    assert_eq!(world.ok("/api/v1/customers").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_never_comes_to_rest_does_not_hold_the_clock_forever() {
    let world = World::new();
    world.log.set_machine(|topic, key, _| {
        let mut out = Batch::default();
        if topic == Topic::Events && key.is_empty() {
            out.push_with(Topic::Events, Some(1), |k| k.extend_from_slice(b"t1/a1"), |_| (), |v| v.push(1));
        }
        out
    });
    assert_eq!(world.post("/api/v1/clock", json!({"advance_s": 1})).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_stands_is_a_504_that_names_it() {
    let clock = World::new().clock;
    let log = FakeLog::new(4, clock.clone());
    let limits = c360_console::ConsoleLimits { barrier_wait_ms_max: 100, ..limits() };
    let world = World::open(log, clock, Arc::new(tempfile::tempdir().unwrap()), limits);
    world.log.stick("aggregate");
    let (status, answer) = world.post("/api/v1/clock", json!({"advance_s": 1})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::GATEWAY_TIMEOUT, &json!("timeout")));
    assert!(answer["message"].as_str().unwrap().contains("aggregate"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whole_seconds_move_it_and_only_forward() {
    let world = World::new();
    for body in [
        "",
        "{}",
        "{\"advance_s\":-1}",
        "{\"advance_s\":1.5}",
        "{\"advance_s\":\"1\"}",
        "{\"advance_s\":null}",
        "{\"advance_s\":9223372036854775807}",
        "{\"advance_s\":300000000000}",
        "1",
    ] {
        let (status, answer) = world.call("POST", "/api/v1/clock", crate::world::TOKEN, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
    assert_eq!(world.clock.now_ms(), NOW);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_own_clock_is_not_moved() {
    let clock = Clock::real();
    let world = World::open(FakeLog::new(1, clock.clone()), clock, Arc::new(tempfile::tempdir().unwrap()), limits());
    let (status, answer) = world.post("/api/v1/clock", json!({"advance_s": 1})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("real_clock")));
}
