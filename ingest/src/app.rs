//! The public port's routes.
use crate::auth::WriteKey;
use crate::cloudevents;
use crate::error::Refusal;
use crate::hooks;
use crate::ids::is_name;
use crate::ingest::{Incoming, Ingest, Shared};
use crate::metrics::{EventOutcome, METRICS};
use crate::reply;
use crate::rows;
use crate::sdk_settings;
use crate::segment::{self, CallKind};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::time::{Duration, Instant};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, AllowPrivateNetwork, CorsLayer};

/// Browsers may keep the answer to a preflight for a day.
const PREFLIGHT_AGE: Duration = Duration::from_secs(86_400);

/// Paths and what calls they take; none: a batch, whose calls say it themselves. One letter each: the browser SDK. `/api/s`: Jitsu's clients, from servers and from browsers.
const CALLS: [(&str, Option<CallKind>); 29] = [
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
    ("/api/s/s2s/track", Some(CallKind::Track)),
    ("/api/s/s2s/identify", Some(CallKind::Identify)),
    ("/api/s/s2s/group", Some(CallKind::Group)),
    ("/api/s/s2s/page", Some(CallKind::Page)),
    ("/api/s/s2s/screen", Some(CallKind::Screen)),
    ("/api/s/s2s/alias", Some(CallKind::Alias)),
    ("/api/s/s2s/batch", None),
    ("/api/s/track", Some(CallKind::Track)),
    ("/api/s/identify", Some(CallKind::Identify)),
    ("/api/s/group", Some(CallKind::Group)),
    ("/api/s/page", Some(CallKind::Page)),
    ("/api/s/screen", Some(CallKind::Screen)),
    ("/api/s/alias", Some(CallKind::Alias)),
    ("/api/s/batch", None),
];

/// Where the browser SDK asks what it has to send to whom.
const SETTINGS: &str = "/v1/projects/{write_key}/settings";

/// The public port. Listening, TLS and the timeouts of heads are up to whoever serves it.
pub fn app(ingest: Ingest) -> Router {
    let mut calls = Router::new();
    for (path, kind) in CALLS {
        let handler = move |ingest, headers, body| call(ingest, kind, headers, body);
        calls = calls.route(path, post(handler)).route(&format!("{path}/"), post(handler));
    }
    let calls = calls.route(SETTINGS, get(sdk_settings::answer));
    // Intercom asks with HEAD whether the path is there before it sends to it.
    let webhook = || post(hook).head(hook_exists);
    let hooks = Router::new().route("/hooks/{provider}/{source}", webhook()).route("/hooks/{provider}/{source}/", webhook());
    let hooks = hooks.route("/v1/cloudevents/{source}", post(cloud_events)).route("/v1/cloudevents/{source}/", post(cloud_events));
    let not_allowed = async || answer(Instant::now(), Err(Refusal::MethodNotAllowed));
    calls
        // Inside of CORS: a preflight is no method that is not allowed.
        .method_not_allowed_fallback(not_allowed)
        .layer(cors())
        .merge(hooks.method_not_allowed_fallback(not_allowed))
        .merge(rows::routes().method_not_allowed_fallback(not_allowed))
        .fallback(async || answer(Instant::now(), Err(Refusal::NotFound)))
        .layer(CatchPanicLayer::custom(|_| answer(Instant::now(), Err(Refusal::Internal))))
        .with_state(ingest)
}

/// A page of any site may send events: a browser's write key is public, and gives nothing but the right to send. Credentials are allowed because some clients ask for them
/// (`sendBeacon` always does); there are none here to be had. So is the way into a private network, where c360 may well stand. A page must see `Retry-After`, or its SDK cannot heed it.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_private_network(AllowPrivateNetwork::yes())
        .allow_methods([Method::POST, Method::GET])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

async fn call(State(ingest): State<Ingest>, kind: Option<CallKind>, headers: HeaderMap, body: axum::body::Body) -> Response {
    let started = Instant::now();
    let result = take_call(&ingest, kind, headers, body).await;
    answer(started, result)
}

async fn take_call(ingest: &Ingest, kind: Option<CallKind>, headers: HeaderMap, body: axum::body::Body) -> Result<(), Refusal> {
    let shared = &ingest.shared;
    let access = shared.access();
    // A wrong key is refused before the body is read.
    let key = access.keys.of_headers(&headers)?.cloned();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let strict = is_strict(&headers);
    let prepared = shared
        .read_and(body, &headers, move |shared, mut incoming| {
            key.as_ref().map_or(Ok(()), WriteKey::check_quota)?;
            let body = incoming.unpacked(&shared.config)?;
            let request = segment::Request {
                kind,
                key: key.as_ref(),
                keys: &access.keys,
                config: &shared.config,
                strict,
                received_at: shared.clock.now_ms(),
                content_type: content_type.as_deref(),
                made_id: None,
            };
            segment::prepare(&request, crate::ingest::text(&body, &shared.config)?)
        })
        .await?;
    shared.append(prepared).await
}

async fn hook(
    State(ingest): State<Ingest>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    let started = Instant::now();
    let Ok(Path(names)) = path else { return answer(started, Err(Refusal::UnknownSource)) };
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    answer(started, hooks::take(&ingest.shared, names, path, headers, body).await)
}

async fn hook_exists(State(ingest): State<Ingest>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    let started = Instant::now();
    let Ok(Path((provider, source))) = path else { return answer(started, Err(Refusal::UnknownSource)) };
    answer(started, hooks::exists(&ingest.shared, &provider, &source))
}

async fn cloud_events(
    State(ingest): State<Ingest>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    let started = Instant::now();
    let Some(Path(source)) = path.ok().filter(|Path(source)| is_name(source)) else { return answer(started, Err(Refusal::UnknownSource)) };
    answer(started, take_cloud_events(&ingest, source, headers, body).await)
}

async fn take_cloud_events(ingest: &Ingest, source: String, headers: HeaderMap, body: axum::body::Body) -> Result<(), Refusal> {
    let shared = &ingest.shared;
    let access = shared.access();
    let key = access.keys.of_headers(&headers)?.cloned().ok_or(Refusal::MissingWriteKey)?;
    let own = headers.clone();
    let work = move |shared: &Shared, mut incoming: Incoming| {
        key.check_quota()?;
        let body = incoming.unpacked(&shared.config)?;
        let request = cloudevents::Request {
            headers: &own,
            source: &source,
            key: &key,
            config: &shared.config,
            strict: is_strict(&own),
            received_at: shared.clock.now_ms(),
        };
        cloudevents::prepare(&request, &body)
    };
    let prepared = shared.read_and(body, &headers, work).await?;
    shared.append(prepared).await
}

fn is_strict(headers: &HeaderMap) -> bool {
    let on = |value: &HeaderValue| value.as_bytes() == b"1" || value.as_bytes().eq_ignore_ascii_case(b"true");
    headers.get("x-strict-mode").is_some_and(on)
}

pub(crate) fn answer(started: Instant, result: Result<(), Refusal>) -> Response {
    if let Err(Refusal::BadEvent(_) | Refusal::BadEventInBatch { .. }) = &result {
        METRICS.events(EventOutcome::Rejected, 1);
    }
    let response = match result {
        Ok(()) => reply::success(),
        Err(refusal) => refusal.into_response(),
    };
    METRICS.request(response.status().as_str(), started.elapsed().as_secs_f64());
    response
}
