//! `/api/v1/snapshots` on the private port, of every role: POST takes a snapshot of each partition that this process has, GET lists those in the store.
use crate::access::Tokens;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use c360_engine::{Engine, SnapshotStore};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// How long a request waits unless it says otherwise, and at most.
const WAIT_S: u64 = 300;
const WAIT_S_MAX: u64 = 3_600;

#[derive(Clone)]
struct Api {
    engine: Engine,
    store: SnapshotStore,
}

/// The routes, behind an API token.
pub(crate) fn routes(engine: Engine, store: SnapshotStore, tokens: Tokens) -> Router {
    Router::new()
        .route("/api/v1/snapshots", get(list).post(create))
        .route_layer(from_fn_with_state(tokens, guard))
        .with_state(Api { engine, store })
}

async fn guard(State(tokens): State<Tokens>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if tokens.allow(given) {
        next.run(request).await
    } else {
        error(StatusCode::UNAUTHORIZED, "unauthorized", "send an API token: Authorization: Bearer <token>")
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"code": code, "message": message}))).into_response()
}

#[derive(Deserialize)]
struct Wait {
    wait_s: Option<u64>,
}

async fn create(State(api): State<Api>, Query(wait): Query<Wait>) -> Response {
    let wait_s = wait.wait_s.unwrap_or(WAIT_S).clamp(1, WAIT_S_MAX);
    let items = api.engine.snapshot(Duration::from_secs(wait_s)).await;
    if items.is_empty() {
        let message = "this process has no partitions whose state could be taken: it has just started, or another has them";
        return error(StatusCode::CONFLICT, "no_partitions", message);
    }
    Json(json!({ "items": items })).into_response()
}

async fn list(State(api): State<Api>) -> Response {
    match api.store.list_now().await {
        Ok(items) => Json(json!({ "items": items })).into_response(),
        Err(e) => error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", &e.to_string()),
    }
}
