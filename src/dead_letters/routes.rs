//! Dead letters on the private port: `GET /api/v1/dead-letters`, `GET /api/v1/dead-letters/{position}`, `POST /api/v1/dead-letters/replay`. An operator's token decides the tenant.
use super::filter::Filter;
use super::replay::{Order, Replayer};
use super::scan;
use crate::access::Tokens;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use c360_log::LogError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Walks through the topic at a time; more wait.
const WALKS_MAX: usize = 2;

/// What the handlers share.
#[derive(Clone)]
struct Desk {
    replayer: Replayer,
    walks: Arc<Semaphore>,
}

/// The tenant of whoever asks.
#[derive(Clone)]
struct Tenant(String);

/// The routes.
pub(crate) fn routes(replayer: Replayer, tokens: Tokens) -> Router {
    let desk = Desk { replayer, walks: Arc::new(Semaphore::new(WALKS_MAX)) };
    Router::new()
        .route("/api/v1/dead-letters", get(list))
        .route("/api/v1/dead-letters/{position}", get(show))
        .route("/api/v1/dead-letters/replay", post(replay))
        .route_layer(axum::middleware::from_fn_with_state(tokens, guard))
        .with_state(desk)
}

async fn guard(State(tokens): State<Tokens>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match tokens.tenant(given) {
        Some(tenant) => {
            request.extensions_mut().insert(Tenant(tenant));
            next.run(request).await
        }
        None => Problem(StatusCode::UNAUTHORIZED, "unauthorized", "send an API token: Authorization: Bearer ...".into()).into_response(),
    }
}

async fn list(
    State(desk): State<Desk>,
    Extension(Tenant(tenant)): Extension<Tenant>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(filter) = filter.map_err(|error| Problem::bad(error.body_text()))?;
    let listing = walk(&desk, move |log| scan::list(log, &filter, &tenant)).await?;
    let items: Vec<Value> = listing.letters.iter().map(|(letter, taken_at)| letter.line(*taken_at)).collect();
    Ok(Json(json!({"items": items, "total": listing.total})))
}

async fn show(
    State(desk): State<Desk>,
    Extension(Tenant(tenant)): Extension<Tenant>,
    Path(position): Path<String>,
) -> Result<Json<Value>, Problem> {
    let place: super::letter::Place = position.parse().map_err(Problem::bad)?;
    let filter = Filter { position: Some(place.to_string()), ..Filter::default() };
    let listing = walk(&desk, move |log| scan::list(log, &filter, &tenant)).await?;
    let found = listing
        .letters
        .first()
        .ok_or_else(|| Problem(StatusCode::NOT_FOUND, "not_found", format!("there is no dead letter at {place}")))?;
    Ok(Json(found.0.whole(found.1)))
}

/// The body of a replay.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReplayBody {
    filter: Filter,
    again: bool,
    dry_run: bool,
}

async fn replay(
    State(desk): State<Desk>,
    Extension(Tenant(tenant)): Extension<Tenant>,
    body: Result<Json<ReplayBody>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(body) = body.map_err(|error| Problem::bad(error.body_text()))?;
    let _walk = desk.walks.acquire().await.map_err(|_| Problem::unavailable("draining"))?;
    let order = Order { filter: body.filter, tenant, again: body.again, dry_run: body.dry_run };
    tracing::info!(tenant = order.tenant, again = order.again, dry_run = order.dry_run, "dead letters are taken again");
    Ok(Json(desk.replayer.run(order).await?))
}

async fn walk<T: Send + 'static>(
    desk: &Desk,
    work: impl FnOnce(&dyn c360_log::Log) -> Result<T, LogError> + Send + 'static,
) -> Result<T, Problem> {
    let _walk = desk.walks.acquire().await.map_err(|_| Problem::unavailable("draining"))?;
    let log = Arc::clone(&desk.replayer.log);
    let done = tokio::task::spawn_blocking(move || work(&*log)).await;
    Ok(done.map_err(|_| Problem::unavailable("reading the dead letters broke down"))??)
}

/// An answer that is none.
#[derive(Debug)]
struct Problem(StatusCode, &'static str, String);

impl Problem {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", message.into())
    }

    fn unavailable(message: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "log_unavailable", message.into())
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        Self::unavailable(format!("{error}; what was taken is marked, so the same request goes on with the rest"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let mut response = (status, Json(json!({"code": code, "message": message}))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}
