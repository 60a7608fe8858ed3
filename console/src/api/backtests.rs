//! `/api/v1/rules/backtests`: what was found when rules were tried on history. POST keeps a report in the log; GET says which there are.
use super::ApiError;
use crate::app::App;
use crate::auth::Caller;
use crate::backtest::Backtest;
use crate::read::backtests::{self, Kept};
use crate::time::rfc3339;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::{Extension, Json};
use c360_log::Batch;
use c360_schemas::{BACKTESTS_ACCOUNT, History, HistoryKind, Key, Topic, Wire};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Result<Json<Value>, ApiError> {
    let kept = app.pool.read(move |connection| backtests::list(connection, &caller.tenant)).await?;
    let items: Vec<Value> = kept.iter().map(|Kept { at, by, report }| json!({"at": rfc3339(*at), "by": by, "report": report})).collect();
    Ok(Json(json!({ "items": items })))
}

pub(super) async fn keep(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let report: Backtest = serde_json::from_slice(&body?)
        .map_err(|e| ApiError::bad_request(format!("the body is a report as `c360 health backtest --publish` sends it: {e}")))?;
    if !report.is_small() {
        return Err(ApiError::bad_request("the report is too large: at most 100 figures and 200 customers, with texts of 200 characters"));
    }
    let (at, by) = (app.now(), caller.person.to_string());
    let entry = History {
        id: uuid::Uuid::new_v4().to_string(),
        tenant: caller.tenant.to_string(),
        account_id: BACKTESTS_ACCOUNT.into(),
        at,
        kind: HistoryKind::Note,
        title: format!("{} tried beside {}", report.tried, report.in_force),
        detail: json!({"by": by, "report": report}).to_string(),
    };
    let mut batch = Batch::default();
    let key = Key { tenant: &caller.tenant, id: BACKTESTS_ACCOUNT };
    batch.push(Topic::History, |out| key.write(out), |out| entry.encode(out));
    app.log.append(batch).await?;
    Ok(Json(json!({"at": rfc3339(at), "by": by})))
}
