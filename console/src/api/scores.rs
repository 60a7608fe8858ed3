//! `GET /api/v1/customers/{account_id}/scores`.
use super::customers::no_customer;
use super::params::PageQuery;
use super::{ApiError, cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::read::{customers, scores};
use crate::time::rfc3339;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (Path(account_id), Query(query)) = (path?, query?);
    let (limit, after) = (query.limit()?, query.after::<scores::After>()?);
    let page = app.pool.read(move |connection| {
        if !customers::exists(connection, &caller.tenant, &account_id)? {
            return Ok(None);
        }
        scores::list(connection, &caller.tenant, &account_id, after.as_ref(), limit).map(Some)
    });
    let page = page.await?.ok_or_else(no_customer)?;
    let next = page.after.as_ref().map(cursor::encode);
    let items: Vec<_> = page.items.into_iter().map(item).collect();
    Ok(Json(json!({"items": items, "next_cursor": next})))
}

fn item(score: scores::Score) -> Value {
    let mut item = score.detail;
    item.insert("at".into(), rfc3339(score.at).into());
    for always in ["score", "band", "card"] {
        item.entry(always).or_insert(Value::Null);
    }
    item.entry("receipt").or_insert_with(|| json!([]));
    Value::Object(item)
}
