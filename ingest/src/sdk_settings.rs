//! What the browser SDK and the mobile ones ask for before they send: `GET /v1/projects/{write_key}/settings`.
//!
//! The answer tells them one destination, ourselves, at the address that they asked at, and no metrics for their makers. With it `cdnURL` is all that a page has to set.
use crate::app;
use crate::error::Refusal;
use crate::ingest::Ingest;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};
use serde_json::json;
use std::time::Instant;

/// A browser may keep the answer for so long. Nobody else: it holds the address that was asked.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");

/// On a request that came over TLS; put there by whoever listens.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

pub(crate) async fn answer(
    State(ingest): State<Ingest>,
    key: Result<Path<String>, PathRejection>,
    tls: Option<Extension<OverTls>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let key = key.map(|Path(key)| key).unwrap_or_default();
    if ingest.shared.access().keys.find_either(&key).is_none() {
        return app::answer(started, Err(Refusal::UnknownWriteKey));
    }
    let Some(host) = host(&uri, &headers) else { return app::answer(started, Err(Refusal::MissingHost)) };
    let mut response = app::answer(started, Ok(()));
    *response.body_mut() = settings(&key, scheme(tls.is_some(), &headers), host.as_str()).into();
    response.headers_mut().insert(header::CACHE_CONTROL, CACHE);
    response
}

/// In the shape that `@segment/analytics-next` and the mobile SDKs read; what they take for granted is there, and empty.
fn settings(key: &str, scheme: &str, host: &str) -> String {
    json!({
        "integrations": {"Segment.io": {
            "apiKey": key, "apiHost": format!("{host}/v1"), "protocol": scheme, "unbundledIntegrations": [], "addBundledMetadata": false,
            "bundlingStatus": "bundled", "type": "server", "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
        }},
        "plan": {"track": {"__default": {"enabled": true, "integrations": {}}}},
        "edgeFunction": {}, "middlewareSettings": {}, "enabledMiddleware": {}, "remotePlugins": [],
        "analyticsNextEnabled": true, "legacyVideoPluginsEnabled": false, "metrics": {"sampleRate": 0},
    })
    .to_string()
}

/// A proxy that ends TLS in front of us says so.
fn scheme(tls: bool, headers: &HeaderMap) -> &'static str {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()).and_then(|value| value.split(',').next());
    match forwarded.map(str::trim) {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        Some(proto) if proto.eq_ignore_ascii_case("http") => "http",
        _ if tls => "https",
        _ => "http",
    }
}

/// The address that the client knows us by.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let named = |name: &str| headers.get(name)?.to_str().ok()?.split(',').next()?.trim().parse::<Authority>().ok();
    let host = named("x-forwarded-host").or_else(|| uri.authority().cloned()).or_else(|| named("host"))?;
    // `user@host` is no address to send to.
    (!host.as_str().contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_address_is_the_one_that_was_asked_and_a_proxy_s_word_comes_first() {
        let uri = Uri::from_static("/v1/projects/k/settings");
        for (pairs, address) in [
            (&[("host", "c360.example")][..], Some("c360.example")),
            (&[("host", "127.0.0.1:8360")], Some("127.0.0.1:8360")),
            (&[("host", "[::1]:8360")], Some("[::1]:8360")),
            (&[("host", "inner:1"), ("x-forwarded-host", "events.example, inner")], Some("events.example")),
            (&[("host", "me@c360.example")], None),
            (&[("host", "a b")], None),
            (&[], None),
        ] {
            assert_eq!(host(&uri, &headers(pairs)).as_ref().map(Authority::as_str), address, "{pairs:?}");
        }
    }

    #[test]
    fn the_scheme_is_that_of_the_connection_or_what_the_proxy_says() {
        for (tls, pairs, expected) in [
            (false, &[][..], "http"),
            (true, &[], "https"),
            (false, &[("x-forwarded-proto", "HTTPS")], "https"),
            (true, &[("x-forwarded-proto", "http,https")], "http"),
            (true, &[("x-forwarded-proto", "gopher")], "https"),
        ] {
            assert_eq!(scheme(tls, &headers(pairs)), expected, "{tls} {pairs:?}");
        }
    }
}
