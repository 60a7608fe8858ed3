//! `GET /api/v1/customers/{account_id}/timeline`.
use super::customers::no_customer;
use super::params::PageQuery;
use super::{ApiError, cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::read::timeline::{self, About};
use crate::time::rfc3339;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the entries are about; all where it is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AboutQuery {
    about: String,
}

impl AboutQuery {
    fn about(&self) -> Result<Option<About>, ApiError> {
        if self.about.is_empty() {
            return Ok(None);
        }
        let unknown = || ApiError::bad_request(format!("about is one of {}", About::names()));
        About::parse(&self.about).map(Some).ok_or_else(unknown)
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
    about: Result<Query<AboutQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (Path(account_id), Query(query)) = (path?, query?);
    let (limit, after, about) = (query.limit()?, query.after::<timeline::After>()?, about?.0.about()?);
    let url = app.console_url.clone();
    let page =
        app.pool.read(move |connection| timeline::list(connection, &caller.tenant, &account_id, (about, after.as_ref()), limit, &url));
    let page = page.await?.ok_or_else(no_customer)?;
    let items: Vec<_> =
        page.items.into_iter().map(|e| json!({"at": rfc3339(e.at), "kind": e.kind, "title": e.title, "detail": e.detail})).collect();
    Ok(Json(json!({"items": items, "next_cursor": page.after.as_ref().map(cursor::encode)})))
}
