//! `POST /api/v1/customers/{account_id}/plan`: people tell what the customer bought the product for, what it was promised, what came of it, and who its people are. And the renewal plan as Markdown.
use super::ApiError;
use super::customers::no_customer;
use super::told;
use crate::app::App;
use crate::auth::Caller;
use crate::read::{customers, renewal};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use c360_schemas::split_provisional;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const ITEMS_MAX: usize = 100;
const TEXT_CHARS_MAX: usize = 200;

/// What is told; what is left out says nothing.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    goals: Vec<Goal>,
    promises: Vec<Promise>,
    results: Vec<Shown>,
    people: Vec<Person>,
    by: Option<String>,
    /// For whoever sends again: the same one counts once.
    message_id: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Goal {
    id: String,
    title: String,
    measure: Option<String>,
    target: Option<f64>,
    met: Option<bool>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    id: String,
    title: String,
    due_at: Option<jiff::Timestamp>,
    status: Option<Status>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Open,
    Kept,
    Broken,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    id: String,
    title: String,
    kind: Option<ShownKind>,
    at: Option<jiff::Timestamp>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ShownKind {
    Training,
    Improvement,
    Other,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: String,
    name: Option<String>,
    email: Option<String>,
    role: Option<String>,
    left_at: Option<jiff::Timestamp>,
}

impl Body {
    /// Its texts, by name; those of ids and titles may not be empty.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str, bool)> {
        let goals = self.goals.iter().flat_map(|g| [("goals.id", &*g.id, true), ("goals.title", &*g.title, true)]);
        let measures = self.goals.iter().filter_map(|g| Some(("goals.measure", g.measure.as_deref()?, true)));
        let promises = self.promises.iter().flat_map(|p| [("promises.id", &*p.id, true), ("promises.title", &*p.title, true)]);
        let results = self.results.iter().flat_map(|r| [("results.id", &*r.id, true), ("results.title", &*r.title, true)]);
        let people = self.people.iter().flat_map(|p| {
            let told = [("people.name", &p.name), ("people.email", &p.email), ("people.role", &p.role)];
            std::iter::once(("people.id", &*p.id, true))
                .chain(told.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?, false))))
        });
        let own = [("by", self.by.as_deref()), ("message_id", self.message_id.as_deref())];
        let own = own.into_iter().filter_map(|(name, text)| Some((name, text?, true)));
        goals.chain(measures).chain(promises).chain(results).chain(people).chain(own)
    }

    fn check(&self) -> Result<(), ApiError> {
        let lists = [
            ("goals", self.goals.len()),
            ("promises", self.promises.len()),
            ("results", self.results.len()),
            ("people", self.people.len()),
        ];
        if lists.iter().all(|(_, items)| *items == 0) {
            return Err(ApiError::bad_request("nothing is told: give goals, promises, results or people"));
        }
        for (name, items) in lists {
            if items > ITEMS_MAX {
                return Err(ApiError::bad_request(format!("{name} has at most {ITEMS_MAX} items in one request")));
            }
        }
        for (name, text, needed) in self.texts() {
            if (needed && text.trim().is_empty()) || text.chars().count() > TEXT_CHARS_MAX {
                return Err(ApiError::bad_request(format!("{name} is not empty and has at most {TEXT_CHARS_MAX} characters")));
            }
        }
        Ok(())
    }
}

pub(super) async fn tell(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(account_id) = path?;
    let body: Body = serde_json::from_slice(&body?).map_err(|e| ApiError::bad_request(format!("the body is not a plan: {e}")))?;
    body.check()?;
    if split_provisional(&account_id).is_some() {
        return Err(ApiError::bad_request("a provisional customer has no plan yet; link it to an account first"));
    }
    let (tenant, id) = (caller.tenant.clone(), account_id.clone());
    app.pool.read(move |connection| customers::get(connection, &tenant, &id)).await?.ok_or_else(no_customer)?;
    // Texts, numbers that are no NaN and times can always be written.
    let properties = serde_json::to_string(&body).unwrap_or_default();
    told::append(&app, (&caller.tenant, &account_id), "plan", body.message_id.as_deref(), &properties).await?;
    Ok(Json(json!({"account_id": account_id})))
}

pub(super) async fn markdown(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(account_id) = path?;
    let now = app.now();
    let text = app.pool.read(move |connection| {
        let Some(customer) = customers::get(connection, &caller.tenant, &account_id)? else { return Ok(None) };
        let view: Value = serde_json::from_str(customer.view.as_deref().unwrap_or("{}"))?;
        Ok(Some(renewal::markdown(&view, customer.name.as_deref().unwrap_or(&account_id), now)))
    });
    let text = text.await?.ok_or_else(no_customer)?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}
