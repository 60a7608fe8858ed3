//! Keyed hashes and passwords, compared in constant time.
use super::provider::Received;
use crate::auth::basic;
use crate::sources::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::header;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(crate) const NOT_SIGNED: &str = "it is not of this body and one of the source's secrets";
/// How far a signature's time may be from ours, in both directions.
pub(crate) const TOLERANCE_MS: i64 = 300_000;

/// Whether `tag` is the HMAC-SHA256 of `parts`, one after another, under one of `secrets`.
pub(crate) fn is_hmac_sha256(secrets: &[Secret], parts: &[&[u8]], tag: &[u8]) -> bool {
    secrets.iter().any(|secret| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
        parts.iter().for_each(|part| mac.update(part));
        mac.verify_slice(tag).is_ok()
    })
}

/// Whether `tag` is the HMAC-SHA1 of `body` under one of `secrets`. For those who sign no better.
pub(crate) fn is_hmac_sha1(secrets: &[Secret], body: &[u8], tag: &[u8]) -> bool {
    secrets.iter().any(|secret| {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()) else { return false };
        mac.update(body);
        mac.verify_slice(tag).is_ok()
    })
}

/// Whether `presented` is one of `secrets`. Hashed first, so that the time taken tells nothing of their length.
pub(crate) fn is_secret(secrets: &[Secret], presented: &str) -> bool {
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    let presented = hash(presented);
    secrets.iter().any(|secret| bool::from(hash(secret.expose()).ct_eq(&presented)))
}

/// Basic auth with one of `secrets`, each `user:password`.
pub(crate) fn verify_basic(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let pair = credentials(received, "basic").and_then(basic).ok_or("there is no basic auth header")?;
    if is_secret(secrets, &pair) { Ok(()) } else { Err("user and password are not those of the source") }
}

/// Whether a secret can be one of basic auth.
pub(crate) fn check_pair(secret: &str) -> Result<(), &'static str> {
    if secret.contains(':') { Ok(()) } else { Err("the secret must be user:password, as the provider sends them by basic auth") }
}

/// A bearer token that is one of `secrets`.
pub(crate) fn verify_bearer(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let token = credentials(received, "bearer").ok_or("there is no bearer token in the authorization header")?;
    if is_secret(secrets, token) { Ok(()) } else { Err("the bearer token is not that of the source") }
}

fn credentials<'a>(received: &Received<'a>, scheme: &str) -> Option<&'a str> {
    let value = received.header(header::AUTHORIZATION.as_str(), "").ok()?;
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// Whether a signature's time is near enough to ours; both in UTC ms.
pub(crate) fn is_fresh(signed_at: i64, now: i64) -> bool {
    signed_at.saturating_sub(now).saturating_abs() <= TOLERANCE_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    fn secret(text: &str) -> [Secret; 1] {
        [Secret::new(text)]
    }

    #[test]
    fn the_hashes_are_those_of_rfc_4231_and_rfc_2202() {
        let tag = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert!(is_hmac_sha256(&secret("Jefe"), &[b"what do ya want ", b"for nothing?"], &tag));
        assert!(!is_hmac_sha256(&secret("Jeff"), &[b"what do ya want for nothing?"], &tag));
        assert!(!is_hmac_sha256(&secret("Jefe"), &[b"what do ya want for nothing?"], &tag[..31]));
        assert!(!is_hmac_sha256(&secret("Jefe"), &[b"what do ya want for nothing?"], b""));
        assert!(!is_hmac_sha256(&[], &[b"what do ya want for nothing?"], &tag));
        let tag = hex::decode("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").unwrap();
        assert!(is_hmac_sha1(&secret("Jefe"), b"what do ya want for nothing?", &tag));
        assert!(!is_hmac_sha1(&secret("Jefe"), b"what do ya want for nothing?", &tag[..19]));
    }

    #[test]
    fn basic_and_bearer_are_taken_for_any_of_the_secrets() {
        let secrets = [Secret::new("user:old"), Secret::new("user:new")];
        for (value, good_basic, good_bearer) in [
            // printf 'user:new' | base64
            (Some("Basic dXNlcjpuZXc="), true, false),
            (Some("basic dXNlcjpvbGQ="), true, false),
            // printf 'user:other' | base64
            (Some("Basic dXNlcjpvdGhlcg=="), false, false),
            (Some("Basic !"), false, false),
            (Some("Bearer user:new"), false, true),
            (Some("Bearer user:ne"), false, false),
            (Some("Bearer"), false, false),
            (Some(""), false, false),
            (None, false, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            let received = Received { headers: &headers, path: "/", body: b"" };
            assert_eq!(verify_basic(&received, &secrets).is_ok(), good_basic, "{value:?}");
            assert_eq!(verify_bearer(&received, &secrets).is_ok(), good_bearer, "{value:?}");
        }
    }
}
