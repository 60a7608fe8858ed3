//! Webhooks: `POST /hooks/{provider}/{source}`.
//!
//! A provider is one folder: how it signs, and what its payloads mean; `json` is for those that have none. To add one: write its [`Provider`], name it in [`PROVIDERS`], put examples of its payloads under
//! `tests/examples/<name>/`, and describe it in `docs/sources.md`.
mod amount;
mod chargebee;
mod delighted;
mod freshdesk;
mod hubspot;
mod intercom;
mod json;
mod provider;
mod signature;
mod stripe;
mod zendesk;

use crate::bad::Bad;
use crate::dead_letter::Origin;
use crate::error::Refusal;
use crate::ingest::{Access, Incoming, Prepared, Shared};
use crate::outlet::Outlet;
use crate::sources::Source;
use axum::body::Body;
use http::{HeaderMap, header};
pub(crate) use json::NAME as JSON;
pub use json::{AuthName, HmacConfig, JsonHook, MapConfig};
use provider::{Each, Provider, Received};
pub(crate) use provider::{HookScene, Trouble, Use};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// All providers that have a normaliser of their own.
static PROVIDERS: [&dyn Provider; 7] = [
    &stripe::Stripe,
    &zendesk::Zendesk,
    &intercom::Intercom,
    &chargebee::Chargebee,
    &hubspot::HubSpot,
    &freshdesk::Freshdesk,
    &delighted::Delighted,
];

/// The names of all providers that need nothing but a secret.
pub fn providers() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name())
}

/// The names of all that a source may have as its provider.
pub(crate) fn all_providers() -> impl Iterator<Item = &'static str> {
    providers().chain([JSON])
}

pub(crate) fn provider(name: &str) -> Option<&'static dyn Provider> {
    let known: Option<&'static dyn Provider> = PROVIDERS.iter().copied().find(|provider| provider.name() == name);
    known.or_else(|| (name == JSON).then_some(&json::Json as &dyn Provider))
}

/// The source that a path names.
pub(crate) fn find<'a>(access: &'a Access, provider_name: &str, source_name: &str) -> Result<(&'static dyn Provider, &'a Source), Refusal> {
    let source = access.sources.find(provider_name, source_name).ok_or(Refusal::UnknownSource)?;
    Ok((provider(provider_name).ok_or(Refusal::UnknownSource)?, source))
}

/// Whether there is such a source: some providers ask before they send.
pub(crate) fn exists(shared: &Shared, provider_name: &str, source_name: &str) -> Result<(), Refusal> {
    find(&shared.access(), provider_name, source_name).map(|_| ())
}

/// Takes one webhook that was posted to `path`.
pub(crate) async fn take(
    shared: &Arc<Shared>,
    (provider_name, source_name): (String, String),
    path: String,
    headers: HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    let access = shared.access();
    let (provider, source) = find(&access, &provider_name, &source_name)?;
    let (source, own) = (source.clone(), headers.clone());
    let work = move |shared: &Shared, incoming: Incoming| prepare(shared, provider, &source, &path, &own, incoming);
    let prepared = shared.read_and(body, &headers, work).await?;
    shared.append(prepared).await
}

fn prepare(
    shared: &Shared,
    provider: &dyn Provider,
    source: &Source,
    path: &str,
    headers: &HeaderMap,
    mut incoming: Incoming,
) -> Result<Prepared, Refusal> {
    let config = &shared.config;
    let received_at = shared.clock.now_ms();
    // The signature holds for the bytes as they were sent.
    let received = Received { headers, path, body: &incoming.sent };
    provider.verify(&received, source, received_at).map_err(Refusal::BadSignature)?;
    let body = incoming.unpacked(config)?;
    normalised(provider, &HookScene { source, received_at, config }, headers, crate::ingest::text(&body, config)?)
}

/// The records of a payload whose signature is good.
pub(crate) fn normalised(provider: &dyn Provider, scene: &HookScene<'_>, headers: &HeaderMap, text: &str) -> Result<Prepared, Refusal> {
    let config = scene.config;
    let mut outlet = Outlet::new(config.limits.event_bytes_max);
    let done = match outlet.all_or_nothing(|outlet| provider.normalise(text, scene, outlet)) {
        Ok(Use::Used) => Each { used: 1, ..Each::default() },
        Ok(Use::Unused) => Each { unused: 1, ..Each::default() },
        Ok(Use::Each(each)) => each,
        Err(Trouble::Json(error)) => return Err(Refusal::Malformed(error.to_string())),
        Err(Trouble::TooMany(max)) => return Err(Refusal::TooManyEvents(max)),
        // Of what is not JSON the shape may be found wrong before the end is reached.
        Err(Trouble::Bad(bad)) => {
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| Refusal::Malformed(error.to_string()))?;
            // The provider would send it again for days, and it would be no better: kept, it can be taken after a fix.
            Each { bad: vec![(text.to_owned(), bad)], ..Each::default() }
        }
    };
    let mut prepared = Prepared::new(outlet, done.used);
    prepared.ignored = done.unused;
    bury_all(scene, headers, &done.bad, &mut prepared);
    Ok(prepared)
}

fn bury_all(scene: &HookScene<'_>, headers: &HeaderMap, bad: &[(String, Bad)], prepared: &mut Prepared) {
    let source = scene.source;
    let origin = Origin {
        tenant: &source.tenant,
        source: &source.name,
        received_at: scene.received_at,
        content_type: headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
        original_bytes_max: scene.config.dead_letters.original_bytes_max,
    };
    let path = format!("/hooks/{}/{}", source.provider, source.name);
    for (original, bad) in bad {
        prepared.bury(&origin, &path, original.as_bytes(), bad);
    }
}
