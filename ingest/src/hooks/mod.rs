//! Webhooks: `POST /hooks/{provider}/{source}`.
//!
//! A provider is one folder: how it signs, and what its payloads mean. To add one: write its [`Provider`], name it in [`PROVIDERS`], put examples of its payloads under
//! `tests/examples/<name>/`, and describe it in `docs/sources.md`.
mod provider;
mod signature;
mod stripe;
mod zendesk;

pub(crate) use provider::{HookScene, Provider, Received, Trouble, Use};

use crate::bad::Bad;
use crate::dead_letter::{Origin, bury};
use crate::error::Refusal;
use crate::ingest::{Incoming, Prepared, Shared};
use crate::metrics::{EventOutcome, METRICS};
use crate::outlet::Outlet;
use crate::sources::Source;
use axum::body::Body;
use http::{HeaderMap, header};
use std::sync::Arc;

/// All providers.
static PROVIDERS: [&dyn Provider; 2] = [&stripe::Stripe, &zendesk::Zendesk];

/// The names of all providers.
pub fn providers() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name())
}

pub(crate) fn provider(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// Takes one webhook.
pub(crate) async fn take(
    shared: &Arc<Shared>,
    provider_name: String,
    source_name: String,
    headers: HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    let access = shared.access();
    let source = access.sources.find(&provider_name, &source_name).cloned().ok_or(Refusal::UnknownSource)?;
    let provider = provider(&provider_name).ok_or(Refusal::UnknownSource)?;
    let own = headers.clone();
    let work = move |shared: &Shared, incoming: Incoming| prepare(shared, provider, &source, &own, incoming);
    let prepared = shared.read_and(body, &headers, work).await?;
    if prepared.batch.is_empty() {
        METRICS.events(EventOutcome::Ignored, 1);
        return Ok(());
    }
    shared.append(prepared).await
}

fn prepare(
    shared: &Shared,
    provider: &dyn Provider,
    source: &Source,
    headers: &HeaderMap,
    mut incoming: Incoming,
) -> Result<Prepared, Refusal> {
    let config = &shared.config;
    let received_at = shared.clock.now_ms();
    // The signature holds for the bytes as they were sent.
    let received = Received { headers, body: &incoming.sent };
    provider.verify(&received, &source.secrets, received_at).map_err(Refusal::BadSignature)?;
    let body = incoming.unpacked(config)?;
    let text = crate::ingest::text(&body, config)?;
    let scene = HookScene { tenant: &source.tenant, source: &source.name, received_at, limits: &config.limits };
    let mut outlet = Outlet::new(config.limits.event_bytes_max);
    match outlet.all_or_nothing(|outlet| provider.normalise(text, &scene, outlet)) {
        Ok(Use::Used) => Ok(Prepared::new(outlet, 1)),
        Ok(Use::Unused) => Ok(Prepared::new(outlet, 0)),
        Err(Trouble::Json(error)) => Err(Refusal::Malformed(error.to_string())),
        // The provider would send it again for days, and it would be no better: kept, it can be taken after a fix.
        Err(Trouble::Bad(bad)) => Ok(dead(shared, source, headers, &body, received_at, outlet, &bad)),
    }
}

fn dead(shared: &Shared, source: &Source, headers: &HeaderMap, original: &[u8], received_at: i64, outlet: Outlet, bad: &Bad) -> Prepared {
    let origin = Origin {
        tenant: &source.tenant,
        source: &source.name,
        received_at,
        content_type: headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
        original_bytes_max: shared.config.dead_letters.original_bytes_max,
    };
    let path = format!("/hooks/{}/{}", source.provider, source.name);
    let mut prepared = Prepared::new(outlet, 0);
    bury(&mut prepared.batch, &origin, &path, original, bad);
    prepared.dead.push(bad.reason);
    prepared
}
