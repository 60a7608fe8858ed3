use crate::fake_log::FakeLog;
use crate::world::{NOW, OTHER_TOKEN, TOKEN, World, alert, limits, profile, push_alert, push_profile};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use c360_console::ConsoleLimits;
use c360_log::{Clock, ClockSpec};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// A world whose streams put together what comes within a second, so that a test knows what one message has.
fn calm_world() -> World {
    let clock = Clock::manual(ClockSpec { start: NOW, rate: 0.0 });
    let limits = ConsoleLimits { stream_pause_ms: 1_000, ..limits() };
    World::open(FakeLog::new(4, clock.clone()), clock, Arc::new(tempfile::tempdir().unwrap()), limits)
}

async fn stream(world: &World, token: &str) -> Body {
    let request = Request::builder().uri("/events").header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!((answer.status(), answer.headers()[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "text/event-stream"));
    answer.into_body()
}

/// The next message; `None` at the end.
async fn next(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("a message in time")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_the_fold_is_told_to_those_who_may_know() {
    let world = calm_world();
    let (mut mine, mut others) = (stream(&world, TOKEN).await, stream(&world, OTHER_TOKEN).await);
    assert_eq!(next(&mut mine).await.unwrap(), "event: ready\ndata: {}\n\n");
    assert_eq!(next(&mut others).await.unwrap(), "event: ready\ndata: {}\n\n");
    world.put(|b| {
        push_profile(b, &profile("a1", |_, _| ()));
        push_profile(b, &profile("a2", |_, _| ()));
        push_alert(b, &alert("al_1", "a1", |_| ()));
    });
    assert_eq!(next(&mut mine).await.unwrap(), "data: {\"customers\":[\"a1\",\"a2\"],\"alerts\":[\"al_1\"]}\n\n");
    world.put(|b| push_profile(b, &profile("b1", |p, _| p.tenant = "t2".into())));
    assert_eq!(next(&mut others).await.unwrap(), "data: {\"customers\":[\"b1\"],\"alerts\":[]}\n\n");
    world.console.stop();
    assert_eq!(next(&mut mine).await, None, "a stop ends the streams");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_listed_is_said_as_all() {
    let world = calm_world();
    let mut mine = stream(&world, TOKEN).await;
    next(&mut mine).await.unwrap();
    world.put(|b| (0..900).for_each(|n| push_profile(b, &profile(&format!("a{n}"), |_, _| ()))));
    assert_eq!(next(&mut mine).await.unwrap(), "data: {\"customers\":[],\"alerts\":[],\"all\":true}\n\n");
}
