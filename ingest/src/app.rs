//! The public port's routes.
use crate::error::Refusal;
use crate::hooks;
use crate::ingest::Ingest;
use crate::metrics::{EventOutcome, METRICS};
use crate::reply;
use crate::segment::{self, CallKind};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::{Duration, Instant};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// Browsers may keep the answer to a preflight for a day.
const PREFLIGHT_AGE: Duration = Duration::from_secs(86_400);

/// Paths and what calls they take; none: a batch, whose calls say it themselves. One letter each: the browser SDK.
const CALLS: [(&str, Option<CallKind>); 15] = [
    ("/v1/track", Some(CallKind::Track)),
    ("/v1/identify", Some(CallKind::Identify)),
    ("/v1/group", Some(CallKind::Group)),
    ("/v1/page", Some(CallKind::Page)),
    ("/v1/screen", Some(CallKind::Screen)),
    ("/v1/alias", Some(CallKind::Alias)),
    ("/v1/batch", None),
    ("/v1/import", None),
    ("/v1/t", Some(CallKind::Track)),
    ("/v1/i", Some(CallKind::Identify)),
    ("/v1/g", Some(CallKind::Group)),
    ("/v1/p", Some(CallKind::Page)),
    ("/v1/s", Some(CallKind::Screen)),
    ("/v1/a", Some(CallKind::Alias)),
    ("/v1/b", None),
];

/// The public port. Listening, TLS and the timeouts of heads are up to whoever serves it.
pub fn app(ingest: Ingest) -> Router {
    let mut calls = Router::new();
    for (path, kind) in CALLS {
        let handler = move |ingest, headers, body| call(ingest, kind, headers, body);
        calls = calls.route(path, post(handler)).route(&format!("{path}/"), post(handler));
    }
    let hooks = Router::new().route("/hooks/{provider}/{source}", post(hook)).route("/hooks/{provider}/{source}/", post(hook));
    let not_allowed = async || answer(Instant::now(), Err(Refusal::MethodNotAllowed));
    calls
        // Inside of CORS: a preflight is no method that is not allowed.
        .method_not_allowed_fallback(not_allowed)
        .layer(cors())
        .merge(hooks.method_not_allowed_fallback(not_allowed))
        .fallback(async || answer(Instant::now(), Err(Refusal::NotFound)))
        .layer(CatchPanicLayer::custom(|_| answer(Instant::now(), Err(Refusal::Internal))))
        .with_state(ingest)
}

/// A page of any site may send events: a browser's write key is public, and gives nothing but the right to send.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST, Method::GET])
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(PREFLIGHT_AGE)
}

async fn call(State(ingest): State<Ingest>, kind: Option<CallKind>, headers: HeaderMap, body: axum::body::Body) -> Response {
    let started = Instant::now();
    let result = take_call(&ingest, kind, headers, body).await;
    if let Err(Refusal::BadEvent(_) | Refusal::BadEventInBatch { .. }) = &result {
        METRICS.events(EventOutcome::Rejected, 1);
    }
    answer(started, result)
}

async fn take_call(ingest: &Ingest, kind: Option<CallKind>, headers: HeaderMap, body: axum::body::Body) -> Result<(), Refusal> {
    let shared = &ingest.shared;
    let access = shared.access();
    // A wrong key is refused before the body is read.
    let key = access.keys.of_headers(&headers)?.cloned();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let strict = headers.get("x-strict-mode").is_some_and(is_on);
    let prepared = shared
        .read_and(body, &headers, move |shared, mut incoming| {
            let body = incoming.unpacked(&shared.config)?;
            let request = segment::Request {
                kind,
                key: key.as_ref(),
                keys: &access.keys,
                config: &shared.config,
                strict,
                received_at: shared.clock.now_ms(),
                content_type: content_type.as_deref(),
            };
            segment::prepare(&request, crate::ingest::text(&body, &shared.config)?)
        })
        .await?;
    shared.append(prepared).await
}

async fn hook(
    State(ingest): State<Ingest>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    let started = Instant::now();
    let Ok(Path((provider, source))) = path else { return answer(started, Err(Refusal::UnknownSource)) };
    answer(started, hooks::take(&ingest.shared, provider, source, headers, body).await)
}

fn is_on(value: &HeaderValue) -> bool {
    value.as_bytes() == b"1" || value.as_bytes().eq_ignore_ascii_case(b"true")
}

fn answer(started: Instant, result: Result<(), Refusal>) -> Response {
    let response = match result {
        Ok(()) => reply::success(),
        Err(refusal) => refusal.into_response(),
    };
    METRICS.request(response.status().as_str(), started.elapsed().as_secs_f64());
    response
}
