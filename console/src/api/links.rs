//! `POST` and `DELETE /api/v1/links`: a person tells who is who. What is told beats all other links, and of two things told the newer holds.
use super::ApiError;
use crate::app::App;
use crate::auth::Caller;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::{Extension, Json};
use c360_log::Batch;
use c360_schemas::{Event, ForeignId, Key, Kind, Link, Payload, Rank, Topic, split_provisional};
use serde::Deserialize;
use serde_json::{Value, json};
use smallvec::smallvec;
use std::sync::Arc;

const ID_BYTES_MAX: usize = 512;

#[derive(Debug, Deserialize)]
struct Body {
    foreign: Foreign,
    account_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Foreign {
    kind: String,
    id: String,
}

pub(super) async fn link(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let (foreign, account_id) = read(&body?)?;
    let account_id =
        account_id.ok_or_else(|| ApiError::bad_request("account_id is missing: say which account the foreign id belongs to"))?;
    if split_provisional(&account_id).is_some() {
        return Err(ApiError::bad_request("account_id is a provisional customer's; link to the account itself"));
    }
    append(&app, &caller.tenant, &foreign, Some(&account_id)).await?;
    Ok(Json(json!({"foreign": {"kind": foreign.kind, "id": foreign.id}, "account_id": account_id})))
}

pub(super) async fn unlink(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let (foreign, _) = read(&body?)?;
    append(&app, &caller.tenant, &foreign, None).await?;
    Ok(Json(json!({"foreign": {"kind": foreign.kind, "id": foreign.id}, "account_id": null})))
}

fn read(body: &[u8]) -> Result<(Foreign, Option<String>), ApiError> {
    let Body { mut foreign, account_id } = serde_json::from_slice(body)
        .map_err(|e| ApiError::bad_request(format!("the body is {{\"foreign\":{{\"kind\",\"id\"}},\"account_id\"}}: {e}")))?;
    if !ForeignId::KINDS.contains(&&*foreign.kind) {
        return Err(ApiError::new(
            axum::http::StatusCode::BAD_REQUEST,
            "unknown_kind",
            format!("foreign.kind is one of {}", ForeignId::KINDS.join(", ")),
        ));
    }
    if foreign.kind == "email_domain" {
        foreign.id = foreign.id.trim().to_lowercase();
    }
    for (name, id) in [("foreign.id", Some(&foreign.id)), ("account_id", account_id.as_ref())] {
        if id.is_some_and(|id| id.trim().is_empty() || id.len() > ID_BYTES_MAX) {
            return Err(ApiError::bad_request(format!("{name} is not empty and has at most {ID_BYTES_MAX} bytes")));
        }
    }
    Ok((foreign, account_id))
}

async fn append(app: &App, tenant: &str, foreign: &Foreign, account_id: Option<&str>) -> Result<(), ApiError> {
    let at = app.now();
    let message_id = format!("link-{}", uuid::Uuid::new_v4());
    let link = Link { kind: &foreign.kind, id: &foreign.id, account_id, rank: Rank::Told, at };
    let event = Event {
        message_id: &message_id,
        tenant,
        account_id: None,
        foreign_ids: smallvec![ForeignId { kind: &foreign.kind, id: &foreign.id }],
        user_id: None,
        anonymous_id: None,
        kind: Kind::Identity,
        name: "link",
        occurred_at: at,
        received_at: at,
        source: "api",
        payload: Payload::Link(link),
        properties: "",
    };
    let id = format!("{}:{}", foreign.kind, foreign.id);
    let mut batch = Batch::default();
    batch.push(Topic::Unresolved, |out| Key { tenant, id: &id }.write(out), |out| event.encode(out));
    app.log.append(batch).await?;
    Ok(())
}
