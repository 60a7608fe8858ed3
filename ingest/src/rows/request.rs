//! A request with rows, from its body to the answer.
use super::SOURCE_PREFIX;
use super::kind::RowKind;
use super::scene::{Scene, take};
use crate::auth::{WriteKey, WriteKeys};
use crate::bad::{Bad, Reason};
use crate::config::IngestConfig;
use crate::error::Refusal;
use crate::ids::is_name;
use crate::ingest::{Ingest, Prepared};
use crate::metrics::{EventOutcome, METRICS};
use crate::outlet::Outlet;
use crate::reply;
use crate::time::parse_ms;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::time::Instant;

const PATH: &str = "/v1/import/rows";

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    /// When the rows were so; now where it is not said.
    as_of: Option<Value>,
    #[serde(rename = "writeKey", borrow)]
    write_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    rows: Vec<&'a RawValue>,
}

/// The route; not for browsers of other sites.
pub(crate) fn routes() -> Router<Ingest> {
    Router::new().route(PATH, post(rows)).route(&format!("{PATH}/"), post(rows))
}

async fn rows(State(ingest): State<Ingest>, headers: HeaderMap, body: Body) -> Response {
    let started = Instant::now();
    let response = match take_rows(&ingest, headers, body).await {
        Ok(answer) => reply::json(Body::from(answer.to_string())),
        Err(refusal) => refusal.into_response(),
    };
    METRICS.request(response.status().as_str(), started.elapsed().as_secs_f64());
    response
}

async fn take_rows(ingest: &Ingest, headers: HeaderMap, body: Body) -> Result<Value, Refusal> {
    let shared = &ingest.shared;
    let access = shared.access();
    let key = access.keys.of_headers(&headers)?.cloned();
    let (prepared, refused) = shared
        .read_and(body, &headers, move |shared, mut incoming| {
            key.as_ref().map_or(Ok(()), WriteKey::check_quota)?;
            let body = incoming.unpacked(&shared.config)?;
            let text = crate::ingest::text(&body, &shared.config)?;
            prepare(text, key.as_ref(), &access.keys, shared.clock.now_ms(), &shared.config)
        })
        .await?;
    let taken = prepared.events;
    shared.append(prepared).await?;
    METRICS.events(EventOutcome::Rejected, refused.len() as u64);
    let refused: Vec<Value> =
        (refused.into_iter()).map(|(index, bad)| json!({"index": index, "reason": bad.reason.as_str(), "message": bad.message})).collect();
    Ok(json!({"success": true, "taken": taken, "refused": refused}))
}

/// Turns a body into records, and says which rows are bad.
pub(crate) fn prepare(
    body: &str,
    key: Option<&WriteKey>,
    keys: &WriteKeys,
    received_at: i64,
    config: &IngestConfig,
) -> Result<(Prepared, Vec<(usize, Bad)>), Refusal> {
    let request: Rows<'_> = serde_json::from_str(body).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let key = match (key, request.write_key.as_deref()) {
        (Some(key), _) => key,
        (None, Some(key)) => keys.find(key).ok_or(Refusal::UnknownWriteKey)?,
        (None, None) => return Err(Refusal::MissingWriteKey),
    };
    if request.rows.len() > config.limits.batch_events_max {
        return Err(Refusal::TooManyEvents(config.limits.batch_events_max));
    }
    let kind = kind_of(&request)?;
    let as_of = as_of(request.as_of.as_ref(), received_at)?;
    let source = format!("{SOURCE_PREFIX}{}", request.source);
    let scene = Scene { tenant: &key.tenant, source: &source, received_at, as_of, config };
    let charge = key.charge(request.rows.len())?;
    let mut outlet = Outlet::new(config.limits.event_bytes_max);
    let mut refused = Vec::new();
    for (index, row) in request.rows.iter().enumerate() {
        if let Err(bad) = take_one(kind, row, &scene, &mut outlet) {
            refused.push((index, bad));
        }
    }
    let prepared = Prepared::new(outlet, (request.rows.len() - refused.len()) as u64);
    Ok((Prepared { charge, ..prepared }, refused))
}

fn take_one(kind: RowKind, row: &RawValue, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let row: Map<String, Value> =
        serde_json::from_str(row.get()).map_err(|error| Bad::new(Reason::NotAnObject, format!("the row is not an object: {error}")))?;
    take(kind, &row, scene, outlet)
}

fn kind_of(request: &Rows<'_>) -> Result<RowKind, Refusal> {
    let bad = |reason, message| Err(Refusal::BadEvent(Bad::new(reason, message)));
    if !is_name(&request.source) {
        return bad(Reason::BadName, format!("source {:?} is not a name: use letters, digits, '-', '_' and '.'", request.source));
    }
    match RowKind::parse(&request.kind) {
        Some(kind) => Ok(kind),
        None => {
            let known = RowKind::ALL.map(RowKind::as_str).join(", ");
            bad(Reason::UnknownType, format!("kind {:?} is none of {known}", request.kind))
        }
    }
}

/// Not after now: nobody knows the future.
fn as_of(said: Option<&Value>, received_at: i64) -> Result<i64, Refusal> {
    let text = match said {
        None | Some(Value::Null) => return Ok(received_at),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match parse_ms(&text) {
        Some(ms) if ms >= 0 => Ok(ms.min(received_at)),
        _ => Err(Refusal::BadEvent(Bad::new(Reason::BadTimestamp, "as_of is not a time"))),
    }
}
