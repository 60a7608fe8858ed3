//! `GET /api/v1/customers` and `GET /api/v1/customers/{account_id}`.
use super::params::ListQuery;
use super::{ApiError, cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::db::ReadError;
use crate::read::customers;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;

/// Fields of the view that stand in the view alone: each may be long.
const VIEW_ONLY: [(&str, &str); 12] = [
    ("/health", "groups"),
    ("/billing", "subscriptions"),
    ("/billing", "movements"),
    ("/usage", "features"),
    ("/usage", "daily"),
    ("/usage", "monthly"),
    ("/usage", "key_actions"),
    ("/surveys", "answers"),
    ("/surveys", "advocates"),
    ("/people", "contacts"),
    ("", "renewal"),
    ("", "identities"),
];

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    let (sort, filter, limit) = (query.sort()?, query.filter()?, query.limit()?);
    let after = query.after(sort)?;
    let answer = app.pool.read(move |connection| {
        let (page, total) = customers::list(connection, &caller.tenant, &filter, sort, after.as_ref(), limit, true)?;
        let items = page.items.iter().map(|customer| item(customer.view.as_deref())).collect::<Result<Vec<_>, ReadError>>()?;
        Ok(json!({"items": items, "next_cursor": page.after.as_ref().map(cursor::encode), "total": total}))
    });
    Ok(Json(answer.await?))
}

/// A view without what only the view has.
fn item(view: Option<&str>) -> Result<Value, ReadError> {
    let mut item: Value = serde_json::from_str(view.unwrap_or("{}"))?;
    for (parent, field) in VIEW_ONLY {
        if let Some(parent) = item.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(field);
        }
    }
    Ok(item)
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(account_id) = path?;
    let customer = app.pool.read(move |connection| customers::get(connection, &caller.tenant, &account_id)).await?;
    let view = customer.and_then(|customer| customer.view).ok_or_else(no_customer)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], view).into_response())
}

pub(super) fn no_customer() -> ApiError {
    ApiError::not_found("there is no such customer")
}
