//! CloudEvents 1.0 over HTTP: structured, binary and batched.
//!
//! An event becomes a usage event: its name is the CloudEvent's `type`, its properties are the `data`. The message id is made of `source` and `id`, which together are unique by
//! the specification.
mod attributes;
mod binary;
mod normalise;

use crate::auth::WriteKey;
use crate::bad::Bad;
use crate::config::IngestConfig;
use crate::dead_letter::Origin;
use crate::error::Refusal;
use crate::ingest::{Prepared, text};
use crate::lenient::Lenient;
use crate::outlet::Outlet;
use attributes::CloudEvent;
use http::{HeaderMap, header};
use normalise::put;
use serde_json::value::RawValue;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";

/// What is known of a request besides its body.
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// As in the path; also the source of the events.
    pub(crate) source: &'a str,
    pub(crate) key: &'a WriteKey,
    pub(crate) config: &'a IngestConfig,
    /// A bad event refuses its whole batch.
    pub(crate) strict: bool,
    /// UTC ms.
    pub(crate) received_at: i64,
}

/// Turns a body into records for the log.
pub(crate) fn prepare(request: &Request<'_>, body: &[u8]) -> Result<Prepared, Refusal> {
    let media_type = media_type(request.headers);
    match media_type.as_str() {
        STRUCTURED => {
            let Lenient(event) = serde_json::from_str(text(body, request.config)?).map_err(malformed)?;
            single(request, &event)
        }
        BATCHED => batch(request, text(body, request.config)?),
        other if other.starts_with("application/cloudevents") => Err(Refusal::UnknownFormat(other.chars().take(80).collect())),
        other => single(request, &binary::event(request.headers, other, body, request.config)?),
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn malformed(error: serde_json::Error) -> Refusal {
    Refusal::Malformed(error.to_string())
}

fn single(request: &Request<'_>, event: &CloudEvent<'_>) -> Result<Prepared, Refusal> {
    let charge = request.key.charge(1)?;
    let mut outlet = Outlet::new(request.config.limits.event_bytes_max);
    put(event, request, &mut outlet).map_err(Refusal::BadEvent)?;
    Ok(Prepared { charge, ..Prepared::new(outlet, 1) })
}

fn batch(request: &Request<'_>, body: &str) -> Result<Prepared, Refusal> {
    let max = request.config.limits.batch_events_max;
    let events: Vec<&RawValue> = serde_json::from_str(body).map_err(malformed)?;
    if events.len() > max {
        return Err(Refusal::TooManyEvents(max));
    }
    let charge = request.key.charge(events.len())?;
    let mut outlet = Outlet::new(request.config.limits.event_bytes_max);
    let mut bad: Vec<(&str, Bad)> = Vec::new();
    for (index, raw) in events.iter().enumerate() {
        match take(raw, request, &mut outlet) {
            Ok(()) => {}
            Err(bad) if request.strict => return Err(Refusal::BadEventInBatch { index, bad }),
            Err(error) => bad.push((raw.get(), error)),
        }
    }
    let mut prepared = Prepared { charge, ..Prepared::new(outlet, (events.len() - bad.len()) as u64) };
    bury_all(request, &bad, &mut prepared);
    Ok(prepared)
}

fn take(raw: &RawValue, request: &Request<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let Lenient(event) = serde_json::from_str::<Lenient<CloudEvent<'_>>>(raw.get()).map_err(|error| attributes::bad(error.to_string()))?;
    outlet.all_or_nothing(|outlet| put(&event, request, outlet))
}

/// Each by itself, so that it can be posted again as a structured one.
fn bury_all(request: &Request<'_>, bad: &[(&str, Bad)], prepared: &mut Prepared) {
    let origin = Origin {
        tenant: &request.key.tenant,
        source: request.source,
        received_at: request.received_at,
        content_type: Some(STRUCTURED),
        original_bytes_max: request.config.dead_letters.original_bytes_max,
    };
    let path = format!("/v1/cloudevents/{}", request.source);
    for (original, bad) in bad {
        prepared.bury(&origin, &path, original.as_bytes(), bad);
    }
}
