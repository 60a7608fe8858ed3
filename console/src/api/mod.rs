//! The JSON API under `/api/v1`: one file for each thing that it speaks of.
mod actions;
mod alerts;
mod backtests;
mod clock;
mod cursor;
mod customers;
mod error;
mod links;
mod params;
mod plan;
mod portfolio;
mod rules;
mod scores;
mod timeline;
mod today;
mod told;

pub(crate) use alerts::alert_json;
pub(crate) use cursor::{decode as decode_cursor, encode as encode_cursor};
pub(crate) use error::ApiError;
pub(crate) use params::{AlertQuery, ListQuery, TodayQuery};

use crate::app::App;
use crate::metrics::{METRICS, Outcome};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Instant;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/customers", get(customers::list))
        .route("/api/v1/customers/{account_id}", get(customers::get))
        .route("/api/v1/customers/{account_id}/timeline", get(timeline::list))
        .route("/api/v1/customers/{account_id}/scores", get(scores::list))
        .route("/api/v1/customers/{account_id}/plan", post(plan::tell))
        .route("/api/v1/customers/{account_id}/actions", post(actions::tell))
        .route("/api/v1/customers/{account_id}/renewal.md", get(plan::markdown))
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/alerts/{id}", get(alerts::get))
        .route("/api/v1/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/api/v1/alerts/{id}/snooze", post(alerts::snooze))
        .route("/api/v1/alerts/{id}/verdict", post(alerts::verdict))
        .route("/api/v1/links", post(links::link).delete(links::unlink))
        .route("/api/v1/portfolio", get(portfolio::get))
        .route("/api/v1/today", get(today::get))
        .route("/api/v1/rules", get(rules::get).post(rules::apply))
        .route("/api/v1/rules/backtests", get(backtests::list).post(backtests::keep))
        .route("/api/v1/clock", post(clock::advance))
}

/// For paths that there are not.
pub(crate) async fn not_found(request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return ApiError::not_found("no such endpoint").into_response();
    }
    crate::pages::missing("There is no such page.")
}

/// For methods that a path does not take.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}

/// Scripts, styles, images and connections from here only; nothing inline, nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What holds for every answer: headers that keep browsers careful, and the metrics.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would take the origin from forms, which the log-in looks at.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let outcome = Outcome::of(response.status().as_u16()).as_str();
    METRICS.requests.with_label_values(&[outcome]).inc();
    METRICS.request_seconds.with_label_values(&[outcome]).observe(started.elapsed().as_secs_f64());
    response
}
