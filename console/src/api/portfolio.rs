//! `GET /api/v1/portfolio`.
use super::ApiError;
use crate::app::App;
use crate::auth::Caller;
use crate::read::portfolio::{self, Portfolio};
use crate::time::rfc3339;
use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct Answer {
    as_of: String,
    #[serde(flatten)]
    portfolio: Portfolio,
}

pub(super) async fn get(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Result<Json<Answer>, ApiError> {
    let now = app.now();
    let as_of = rfc3339(now);
    let portfolio = app.pool.read(move |connection| portfolio::get(connection, &caller.tenant, now)).await?;
    Ok(Json(Answer { as_of, portfolio }))
}
