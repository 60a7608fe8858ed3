//! `/api/v1/rules`: what health, alerts and next actions go by. POST applies a file to the log, from where every partition takes it; GET says what is in force and what was before.
use super::ApiError;
use crate::app::App;
use crate::auth::Caller;
use crate::read::rules::{self, Applied};
use crate::time::rfc3339;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use c360_health::Mistake;
use c360_log::Batch;
use c360_schemas::{Key, RULES_ACCOUNT, Rules, Topic, Wire};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const WORDS_CHARS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    text: String,
    by: Option<String>,
    note: Option<String>,
}

pub(super) async fn get(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Result<Json<Value>, ApiError> {
    let tenant = caller.tenant.clone();
    let items = app.pool.read(move |connection| rules::list(connection, &tenant)).await?;
    let in_force = items.first().map_or_else(built_in, |applied| {
        let mut shown = shown(applied);
        shown["text"] = applied.text.as_str().into();
        shown
    });
    Ok(Json(json!({"in_force": in_force, "items": items.iter().map(shown).collect::<Vec<_>>()})))
}

fn shown(applied: &Applied) -> Value {
    json!({"version": applied.version, "name": applied.name, "at": rfc3339(applied.at), "by": applied.by, "note": applied.note})
}

fn built_in() -> Value {
    let name = &c360_health::Rules::built_in().name;
    json!({"version": 0, "name": name, "at": null, "by": null, "note": null, "text": c360_health::Rules::BUILT_IN_TEXT})
}

pub(super) async fn apply(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let Body { text, by, note } = serde_json::from_slice(&body?)
        .map_err(|e| ApiError::bad_request(format!("the body is {{\"text\",\"by\",\"note\"}}, the text a whole health.toml: {e}")))?;
    let checked = match c360_health::check(&text) {
        Ok(rules) => rules,
        Err(mistakes) => return Ok(refused(&mistakes)),
    };
    let by = by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| caller.person.to_string());
    let note = note.filter(|note| !note.trim().is_empty());
    if [Some(&by), note.as_ref()].into_iter().flatten().any(|words| words.chars().count() > WORDS_CHARS_MAX) {
        return Err(ApiError::bad_request(format!("by and note have at most {WORDS_CHARS_MAX} characters")));
    }
    // One after the other, so that each gets a version of its own; across processes the later time decides.
    let _turn = app.rules_turn.lock().await;
    let tenant = caller.tenant.to_string();
    let of = tenant.clone();
    let newest = app.pool.read(move |connection| rules::list(connection, &of)).await?.into_iter().next();
    if let Some(same) = newest.as_ref().filter(|newest| newest.text == text) {
        return Ok(Json(shown(same)).into_response());
    }
    let version = newest.map_or(0, |newest| newest.version) + 1;
    let applied = Rules { tenant: tenant.clone(), version: version as i32, at: app.now(), by, note, text };
    let key = Key { tenant: &tenant, id: RULES_ACCOUNT };
    let mut batch = Batch::default();
    for partition in 0..app.log.partitions() {
        batch.push_with(Topic::Events, Some(partition), |out| key.write(out), |_| (), |out| applied.encode(out));
    }
    app.log.append(batch).await?;
    wait_until_shown(&app, &tenant, version).await?;
    let Rules { at, by, note, .. } = applied;
    Ok(Json(json!({"version": version, "name": checked.name, "at": rfc3339(at), "by": by, "note": note})).into_response())
}

/// Mistakes as a program reads them; the message is for people.
fn refused(mistakes: &[Mistake]) -> Response {
    let items: Vec<Value> =
        mistakes.iter().map(|m| json!({"line": m.line, "column": m.column, "message": m.message, "help": m.help})).collect();
    let message =
        format!("the file has {} mistakes: {}", mistakes.len(), mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    (StatusCode::BAD_REQUEST, Json(json!({"code": "mistakes", "message": message, "mistakes": items}))).into_response()
}

/// The read model shows the version, or it takes too long: it is in the log and will be.
async fn wait_until_shown(app: &App, tenant: &str, version: i64) -> Result<(), ApiError> {
    let deadline = Instant::now() + Duration::from_millis(app.limits.command_wait_ms_max);
    let mut moved = app.progress.subscribe();
    loop {
        moved.mark_unchanged();
        let tenant = tenant.to_owned();
        let shown = app.pool.read(move |connection| rules::version(connection, &tenant)).await?;
        if shown >= version || !matches!(tokio::time::timeout_at(deadline, moved.changed()).await, Ok(Ok(()))) {
            return Ok(());
        }
    }
}
