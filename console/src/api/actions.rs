//! `POST /api/v1/customers/{account_id}/actions`: what became of a next action. It stands in the customer's history, and the playbook is not proposed again for a while.
use super::ApiError;
use super::customers::no_customer;
use super::told;
use crate::app::App;
use crate::auth::Caller;
use crate::read::customers;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use c360_schemas::split_provisional;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const TEXT_CHARS_MAX: usize = 500;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Body {
    playbook: String,
    outcome: Outcome,
    by: Option<String>,
    note: Option<String>,
    /// The alert that proposed it.
    alert_id: Option<String>,
    /// For whoever sends again: the same one counts once.
    message_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Skipped,
    /// It was done before, and we know now that it helped.
    Worked,
    /// It was done before, and did not help.
    Failed,
}

pub(super) async fn tell(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(account_id) = path?;
    let mut body: Body = serde_json::from_slice(&body?).map_err(|e| {
        ApiError::bad_request(format!(
            "the body is {{\"playbook\",\"outcome\":\"done|skipped|worked|failed\",\"by\",\"note\",\"alert_id\"}}: {e}"
        ))
    })?;
    let texts = [Some(&body.playbook), body.by.as_ref(), body.note.as_ref(), body.alert_id.as_ref(), body.message_id.as_ref()];
    if texts.into_iter().flatten().any(|text| text.trim().is_empty() || text.chars().count() > TEXT_CHARS_MAX) {
        return Err(ApiError::bad_request(format!("texts are not empty and have at most {TEXT_CHARS_MAX} characters")));
    }
    if split_provisional(&account_id).is_some() {
        return Err(ApiError::bad_request("a provisional customer has no actions yet; link it to an account first"));
    }
    let (tenant, id) = (caller.tenant.clone(), account_id.clone());
    app.pool.read(move |connection| customers::get(connection, &tenant, &id)).await?.ok_or_else(no_customer)?;
    body.by.get_or_insert_with(|| caller.person.to_string());
    // Texts and names can always be written.
    let properties = serde_json::to_string(&body).unwrap_or_default();
    told::append(&app, (&caller.tenant, &account_id), "action", body.message_id.as_deref(), &properties).await?;
    Ok(Json(json!({"account_id": account_id, "playbook": body.playbook, "outcome": body.outcome, "by": body.by})))
}
