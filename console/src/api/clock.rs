//! `POST /api/v1/clock`: moves a manual clock on, and answers when all of c360 has lived through the time.
use super::ApiError;
use crate::app::App;
use crate::barrier;
use crate::time::rfc3339;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The last second of the year 9999, UTC ms: no calendar of ours goes further.
const END_OF_TIME_MS: i64 = 253_402_300_799_000;

#[derive(Debug, Deserialize)]
struct Body {
    advance_s: u64,
}

pub(super) async fn advance(State(app): State<Arc<App>>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, ApiError> {
    if !app.clock.is_manual() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "real_clock",
            "the clock is the machine's and cannot be moved; start with --clock to have one that can",
        ));
    }
    let body = body?;
    let body: Body = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_request(format!("the body is {{\"advance_s\":N}}, N whole seconds, 0 or more: {e}")))?;
    let advance_ms = i64::try_from(body.advance_s).ok().and_then(|s| s.checked_mul(1000));
    let _turn = app.barrier_turn.lock().await;
    let fits = advance_ms.filter(|ms| app.now().checked_add(*ms).is_some_and(|then| then <= END_OF_TIME_MS));
    let advance_ms = fits.ok_or_else(|| ApiError::bad_request("advance_s goes past the year 9999"))?;
    let now = app.clock.advance(advance_ms).unwrap_or_else(|| app.now());
    let deadline = Instant::now() + Duration::from_millis(app.limits.barrier_wait_ms_max);
    barrier::wait(&app.log, &app.barrier, &app.progress, now, deadline).await?;
    Ok(Json(json!({"now": rfc3339(now)})))
}
