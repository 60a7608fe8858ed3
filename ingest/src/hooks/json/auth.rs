//! How a `json` source knows its sender: a bearer token, or an HMAC over the body.
use crate::hooks::provider::Received;
use crate::hooks::signature::{NOT_SIGNED, is_hmac_sha256, verify_bearer};
use crate::sources::Secret;
use crate::time::parse_ms;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use serde::Deserialize;

const TIMESTAMP: &str = "{timestamp}";
const BODY: &str = "{body}";

/// `auth` of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthName {
    /// `Authorization: Bearer <secret>`.
    #[default]
    Bearer,
    /// As `[sources.hmac]` says.
    Hmac,
}

/// `[sources.hmac]`: where the signature stands, and of what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HmacConfig {
    /// The header with the signature.
    pub header: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands before the signature in its header, as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// The header with the time of signing: in seconds or milliseconds, or in ISO 8601.
    pub timestamp_header: Option<String>,
    /// How far that time may be from ours, before or after.
    #[serde(default = "tolerance_s")]
    pub tolerance_s: u64,
    /// What is signed; by default `{body}`, or `{timestamp}.{body}` where there is a time.
    pub signed: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    #[default]
    Sha256,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

fn tolerance_s() -> u64 {
    300
}

/// Checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    Bearer,
    Hmac(Box<Signature>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    header: HeaderName,
    encoding: Encoding,
    prefix: String,
    time: Option<Time>,
    signed: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Time {
    header: HeaderName,
    tolerance_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Timestamp,
    Body,
}

impl Auth {
    pub(super) fn new(name: AuthName, hmac: Option<HmacConfig>) -> Result<Self, String> {
        match (name, hmac) {
            (AuthName::Bearer, None) => Ok(Auth::Bearer),
            (AuthName::Bearer, Some(_)) => Err("it has a table hmac, but auth is not \"hmac\"".into()),
            (AuthName::Hmac, None) => Err("auth is \"hmac\", and there is no table [sources.hmac] with at least header".into()),
            (AuthName::Hmac, Some(config)) => Signature::new(config).map(|signature| Auth::Hmac(Box::new(signature))),
        }
    }

    pub(super) fn verify(&self, received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<(), &'static str> {
        match self {
            Auth::Bearer => verify_bearer(received, secrets),
            Auth::Hmac(signature) => signature.verify(received, secrets, now),
        }
    }
}

impl Signature {
    fn new(config: HmacConfig) -> Result<Self, String> {
        let header = |field: &str, name: &str| {
            HeaderName::try_from(name).map_err(|_| format!("hmac.{field} = {name:?} is not the name of a header"))
        };
        let timestamp_header = config.timestamp_header.as_deref().map(|name| header("timestamp_header", name)).transpose()?;
        let by_default = if timestamp_header.is_some() { "{timestamp}.{body}" } else { BODY };
        let signed = parts(config.signed.as_deref().unwrap_or(by_default));
        if !signed.contains(&Part::Body) {
            return Err("hmac.signed must have {body} in it".into());
        }
        if signed.contains(&Part::Timestamp) != timestamp_header.is_some() {
            return Err("hmac.timestamp_header and {timestamp} in hmac.signed go together: a time that is not signed proves nothing".into());
        }
        let tolerance_ms = i64::try_from(config.tolerance_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        Ok(Self {
            header: header("header", &config.header)?,
            encoding: config.encoding,
            prefix: config.prefix,
            time: timestamp_header.map(|header| Time { header, tolerance_ms }),
            signed,
        })
    }

    fn verify(&self, received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<(), &'static str> {
        let text = received.header(self.header.as_str(), "there is no header with a signature")?;
        let digits = text.strip_prefix(&self.prefix).ok_or("the signature does not begin as the settings say")?;
        let tag = match self.encoding {
            Encoding::Hex => hex::decode(digits).map_err(|_| "the signature is not hex")?,
            Encoding::Base64 => STANDARD.decode(digits).map_err(|_| "the signature is not base64")?,
        };
        let time = self.time.as_ref().map(|time| received.header(time.header.as_str(), "there is no header with the time")).transpose()?;
        let part = |part: &'_ Part| match part {
            Part::Text(text) => text.as_bytes().to_vec(),
            Part::Timestamp => time.unwrap_or_default().as_bytes().to_vec(),
            Part::Body => received.body.to_vec(),
        };
        let parts: Vec<Vec<u8>> = self.signed.iter().map(part).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        if !is_hmac_sha256(secrets, &parts, &tag) {
            return Err(NOT_SIGNED);
        }
        match (&self.time, time) {
            (Some(rule), Some(text)) => rule.check(text, now),
            _ => Ok(()),
        }
    }
}

impl Time {
    fn check(&self, text: &str, now: i64) -> Result<(), &'static str> {
        let signed_at = parse_ms(text).ok_or("the time of signing is not a time")?;
        let off = signed_at.saturating_sub(now).saturating_abs();
        if off <= self.tolerance_ms { Ok(()) } else { Err("it was signed too long before or after now") }
    }
}

/// A template in its parts.
fn parts(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let next =
            [(TIMESTAMP, Part::Timestamp), (BODY, Part::Body)].into_iter().filter_map(|(name, part)| Some((rest.find(name)?, name, part)));
        let Some((at, name, part)) = next.min_by_key(|(at, ..)| *at) else {
            parts.push(Part::Text(rest.into()));
            break;
        };
        if at > 0 {
            parts.push(Part::Text(rest[..at].into()));
        }
        parts.push(part);
        rest = &rest[at + name.len()..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    const NOW: i64 = 1_795_341_600_000;

    fn hmac(json: &str) -> Result<Auth, String> {
        Auth::new(AuthName::Hmac, Some(serde_json::from_str(json).unwrap()))
    }

    fn passes(auth: &Auth, headers: &[(&'static str, &str)], body: &[u8], now: i64) -> bool {
        let headers = HeaderMap::from_iter(headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())));
        let secrets = [Secret::new("old"), Secret::new("js_secret")];
        auth.verify(&Received { headers: &headers, path: "/", body }, &secrets, now).is_ok()
    }

    #[test]
    fn a_signature_is_checked_as_the_settings_say() {
        // printf '{"a":1}' | openssl dgst -sha256 -hmac js_secret
        let plain = "90125e4531f977818da70a73ccc24d5a35e50b7c8539e7575637260cd929b925";
        let auth = hmac(r#"{"header":"X-Signature","prefix":"sha256="}"#).unwrap();
        assert!(passes(&auth, &[("x-signature", &format!("sha256={plain}"))], br#"{"a":1}"#, NOW));
        assert!(!passes(&auth, &[("x-signature", plain)], br#"{"a":1}"#, NOW), "without its prefix");
        assert!(!passes(&auth, &[("x-signature", &format!("sha256={plain}"))], br#"{"a":2}"#, NOW), "another body");
        assert!(!passes(&auth, &[], br#"{"a":1}"#, NOW), "none");
        // printf 'v0:1795341600:{"a":1}' | openssl dgst -sha256 -hmac js_secret -binary | base64
        let timed = "XhRK3cZtS4EdbjjAJLOKZkjwzJq8A3khloA3fJbq0iw=";
        let auth =
            hmac(r#"{"header":"x-sig","encoding":"base64","timestamp_header":"x-time","signed":"v0:{timestamp}:{body}","tolerance_s":60}"#);
        let auth = auth.unwrap();
        let headers = [("x-sig", timed), ("x-time", "1795341600")];
        for (now, good) in [(NOW, true), (NOW + 60_000, true), (NOW + 60_001, false), (NOW - 60_000, true), (NOW - 60_001, false)] {
            assert_eq!(passes(&auth, &headers, br#"{"a":1}"#, now), good, "{now}");
        }
        assert!(!passes(&auth, &[("x-sig", timed), ("x-time", "1795341601")], br#"{"a":1}"#, NOW), "another time");
        assert!(!passes(&auth, &[("x-sig", timed)], br#"{"a":1}"#, NOW), "no time");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_what_would() {
        for (json, part) in [
            (r#"{"header":"x sig"}"#, "hmac.header = \"x sig\" is not the name of a header"),
            (r#"{"header":"x","signed":"{timestamp}"}"#, "must have {body}"),
            (r#"{"header":"x","signed":"{timestamp}{body}"}"#, "go together"),
            (r#"{"header":"x","timestamp_header":"t","signed":"{body}"}"#, "go together"),
        ] {
            let error = hmac(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
        assert!(Auth::new(AuthName::Hmac, None).is_err());
        assert_eq!(parts("a{body}b{timestamp}"), [Part::Text("a".into()), Part::Body, Part::Text("b".into()), Part::Timestamp]);
    }
}
