//! Alerts: the list, one of them, and what people say of it.
//!
//! What people say is a command in the events topic, which the machine that decides folds into a new revision. The answer waits for that revision to show, for a bounded time; after it the
//! answer is the alert as it will be.
use super::params::AlertQuery;
use super::{ApiError, cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::read::alerts;
use crate::time;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use c360_log::Batch;
use c360_schemas::{Alert, AlertAction, AlertBody, AlertCommand, AlertStatus, FEED_PREFIX, Key, Topic, Wire};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const BY_CHARS_MAX: usize = 200;
const REASON_CHARS_MAX: usize = 2_000;
const VERDICTS: [&str; 3] = ["useful", "known", "wrong"];

/// An alert as the API shows it: the webhook's `data`, with `type` and `timestamp` beside its fields.
pub(crate) fn alert_json(alert: &Alert, console_url: &str) -> Value {
    let body = AlertBody::new(alert, console_url);
    let mut json = serde_json::to_value(&body.data).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.insert("type".into(), body.alert_type.into());
        fields.insert("timestamp".into(), body.timestamp.into());
    }
    json
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<AlertQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    let (status, page) = (query.status()?, query.page());
    let (limit, after) = (page.limit()?, page.after::<alerts::After>()?);
    let (page, total) = app.pool.read(move |connection| alerts::list(connection, &caller.tenant, status, after.as_ref(), limit)).await?;
    let items: Vec<_> = page.items.iter().map(|alert| alert_json(alert, &app.console_url)).collect();
    Ok(Json(json!({"items": items, "next_cursor": page.after.as_ref().map(cursor::encode), "total": total})))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(alert_id) = path?;
    let found = app.pool.read(move |connection| {
        let Some(alert) = alerts::get(connection, &caller.tenant, &alert_id)? else { return Ok(None) };
        let revisions = alerts::revisions(connection, &caller.tenant, &alert_id)?;
        Ok(Some((alert, revisions, alerts::deliveries(connection, &caller.tenant, &alert_id)?)))
    });
    let (alert, revisions, deliveries) = found.await?.ok_or_else(no_alert)?;
    let mut json = alert_json(&alert, &app.console_url);
    let revisions: Vec<_> = revisions.iter().map(|revision| alert_json(revision, &app.console_url)).collect();
    json["revisions"] = revisions.into();
    json["deliveries"] = json!(deliveries);
    Ok(Json(json))
}

fn no_alert() -> ApiError {
    ApiError::not_found("there is no such alert")
}

type Said = Result<Json<Value>, ApiError>;

pub(super) async fn acknowledge(
    app: State<Arc<App>>,
    caller: Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Said {
    say(app, caller, path, body, AlertAction::Acknowledge).await
}

pub(super) async fn snooze(
    app: State<Arc<App>>,
    caller: Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Said {
    say(app, caller, path, body, AlertAction::Snooze).await
}

pub(super) async fn verdict(
    app: State<Arc<App>>,
    caller: Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Said {
    say(app, caller, path, body, AlertAction::Verdict).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    by: Option<String>,
    reason: Option<String>,
    until: Option<String>,
    verdict: Option<String>,
}

async fn say(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
    action: AlertAction,
) -> Said {
    let (Path(alert_id), body) = (path?, body?);
    let alert = find(&app, &caller, &alert_id).await?.ok_or_else(no_alert)?;
    if alert.account_id.starts_with(FEED_PREFIX) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "not_of_a_customer",
            "the alert is about a source: it ends when the source is heard again",
        ));
    }
    let command = command(&alert, &caller, &body, action, app.now())?;
    if action != AlertAction::Verdict && !is_open(&alert) {
        return Err(ApiError::new(StatusCode::CONFLICT, "not_open", "the alert is not open any more"));
    }
    let mut batch = Batch::default();
    batch.push(Topic::Events, |out| Key { tenant: &alert.tenant, id: &alert.account_id }.write(out), |out| command.encode(out));
    app.log.append(batch).await?;
    let shown = shown(&app, &caller, &alert, &command).await?;
    Ok(Json(alert_json(&shown, &app.console_url)))
}

async fn find(app: &App, caller: &Caller, alert_id: &str) -> Result<Option<Alert>, ApiError> {
    let (tenant, alert_id) = (caller.tenant.clone(), alert_id.to_owned());
    Ok(app.pool.read(move |connection| alerts::get(connection, &tenant, &alert_id)).await?)
}

fn is_open(alert: &Alert) -> bool {
    matches!(alert.status, AlertStatus::Open | AlertStatus::Updated)
}

fn command(alert: &Alert, caller: &Caller, body: &[u8], action: AlertAction, now: i64) -> Result<AlertCommand, ApiError> {
    // Nothing need be said to acknowledge, so no body is an empty one.
    let body = if body.is_empty() { b"{}" } else { body };
    let Body { by, reason, until, verdict } = serde_json::from_slice(body)
        .map_err(|e| ApiError::bad_request(format!("the body is {{\"by\",\"reason\",\"until\",\"verdict\"}} as it fits: {e}")))?;
    for (name, text, max) in [("by", &by, BY_CHARS_MAX), ("reason", &reason, REASON_CHARS_MAX)] {
        if text.as_ref().is_some_and(|text| text.chars().count() > max) {
            return Err(ApiError::bad_request(format!("{name} has at most {max} characters")));
        }
    }
    let until = match action {
        AlertAction::Snooze => Some(snoozed_until(until.as_deref(), now)?),
        _ => None,
    };
    let verdict = match action {
        AlertAction::Verdict => {
            Some(verdict.filter(|v| VERDICTS.contains(&&**v)).ok_or_else(|| ApiError::bad_request("verdict is useful, known or wrong"))?)
        }
        _ => None,
    };
    let by = by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| caller.person.to_string());
    Ok(AlertCommand {
        tenant: alert.tenant.clone(),
        account_id: alert.account_id.clone(),
        alert_id: alert.alert_id.clone(),
        action,
        at: now,
        by: Some(by),
        reason,
        until,
        verdict,
    })
}

fn snoozed_until(until: Option<&str>, now: i64) -> Result<i64, ApiError> {
    let until = until.and_then(time::parse).filter(|until| *until > now);
    until.ok_or_else(|| ApiError::bad_request("until is a time to come, like 2026-12-24T08:00:00Z"))
}

/// Waits until the read model shows what was said; the alert as it will be where that takes too long.
async fn shown(app: &App, caller: &Caller, before: &Alert, command: &AlertCommand) -> Result<Alert, ApiError> {
    let deadline = Instant::now() + Duration::from_millis(app.limits.command_wait_ms_max);
    let mut moved = app.progress.subscribe();
    loop {
        moved.mark_unchanged();
        let newest = find(app, caller, &before.alert_id).await?.unwrap_or_else(|| before.clone());
        if shows(&newest, command) {
            return Ok(newest);
        }
        if !matches!(tokio::time::timeout_at(deadline, moved.changed()).await, Ok(Ok(()))) {
            return Ok(as_it_will_be(newest, command));
        }
    }
}

/// Whether the command is in force: said now or said before, it is the same.
fn shows(alert: &Alert, command: &AlertCommand) -> bool {
    match command.action {
        // One acknowledgement is enough, whoever gave it.
        AlertAction::Acknowledge => alert.acknowledged_by.is_some(),
        AlertAction::Snooze => alert.snoozed_until == command.until,
        AlertAction::Verdict => alert.verdict == command.verdict,
    }
}

fn as_it_will_be(mut alert: Alert, command: &AlertCommand) -> Alert {
    match command.action {
        AlertAction::Acknowledge => alert.acknowledged_by.clone_from(&command.by),
        AlertAction::Snooze => alert.snoozed_until = command.until,
        AlertAction::Verdict => alert.verdict.clone_from(&command.verdict),
    }
    alert
}
