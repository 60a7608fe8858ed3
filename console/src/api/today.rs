//! `GET /api/v1/today`: who needs somebody, in the order of what can be saved.
use super::{ApiError, TodayQuery, alert_json};
use crate::app::App;
use crate::auth::Caller;
use crate::read::today::{self, Needy};
use crate::time::rfc3339;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;

const LIMIT: usize = 100;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<TodayQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(query) = query?;
    let (owner, limit, now) = (query.owner(), query.limit(LIMIT)?, app.now());
    let shared = Arc::clone(&app);
    let read = app.pool.read(move |connection| today::get(connection, &shared.lookback, &caller.tenant, owner.as_deref(), now, limit));
    let today = read.await?;
    let items: Vec<Value> = today.needy.iter().map(|needy| item(needy, &app.console_url)).collect();
    let good: Vec<Value> = today.good.iter().map(|alert| alert_json(alert, &app.console_url)).collect();
    Ok(Json(json!({"as_of": rfc3339(now), "total": today.total, "chances": *today.chances, "items": items, "good_news": good})))
}

fn item(needy: &Needy, console_url: &str) -> Value {
    json!({
        "account_id": needy.account_id,
        "name": needy.name,
        "owner": needy.owner,
        "health": {"score": needy.score, "band": needy.band},
        "mrr": needy.mrr.as_ref().map(|(amount, currency)| json!({"amount": amount, "currency": currency})),
        "p_loss": thousandths(needy.p_loss),
        "p_helps": thousandths(needy.p_helps),
        "priority": thousandths(needy.priority),
        "alerts": needy.alerts.iter().map(|alert| alert_json(alert, console_url)).collect::<Vec<_>>(),
        "next_actions": needy.actions,
    })
}

fn thousandths(share: f64) -> f64 {
    (share * 1_000.0).round() / 1_000.0
}
