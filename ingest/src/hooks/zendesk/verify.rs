//! `X-Zendesk-Webhook-Signature`: base64 of HMAC-SHA256 over the timestamp header's text and the body.
//!
//! How old a timestamp may be, Zendesk does not say, and its retries may come late: an old request that is sent again has no effect, since a ticket's older state never
//! overwrites a newer one, and its event id counts once.
use crate::hooks::provider::Received;
use crate::hooks::signature::hmac_sha256_is;
use crate::sources::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let header = |name| received.headers.get(name).map(http::HeaderValue::as_bytes);
    let signature = header("x-zendesk-webhook-signature").ok_or("there is no x-zendesk-webhook-signature header")?;
    let time = header("x-zendesk-webhook-signature-timestamp").ok_or("there is no x-zendesk-webhook-signature-timestamp header")?;
    let signature = STANDARD.decode(signature.trim_ascii()).map_err(|_| "the signature is not base64")?;
    let parts = [time, received.body];
    if secrets.iter().any(|secret| hmac_sha256_is(secret.expose().as_bytes(), &parts, &signature)) {
        return Ok(());
    }
    Err("it is not of this body and one of the source's secrets")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    const BODY: &[u8] = br#"{"id":"1"}"#;
    const TIME: &str = "2026-11-22T10:00:00Z";
    // printf '2026-11-22T10:00:00Z{"id":"1"}' | openssl dgst -sha256 -hmac zd_secret -binary | base64
    const SIGNATURE: &str = "0V5ZV0n3baiCD3ZaQjYvbUa3xyeJyCghY5clDxiNK/w=";

    fn check(signature: Option<&str>, time: Option<&str>, body: &[u8], secrets: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-zendesk-webhook-signature", signature), ("x-zendesk-webhook-signature-timestamp", time)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let secrets: Vec<Secret> = secrets.iter().map(|s| Secret::new(*s)).collect();
        verify(&Received { headers: &headers, body }, &secrets).is_ok()
    }

    #[test]
    fn a_good_signature_is_taken_and_no_other() {
        for (what, signature, time, body, secrets, good) in [
            ("good", Some(SIGNATURE), Some(TIME), BODY, &["zd_secret"][..], true),
            ("rotated", Some(SIGNATURE), Some(TIME), BODY, &["other", "zd_secret"], true),
            ("another body", Some(SIGNATURE), Some(TIME), br#"{"id":"2"}"#, &["zd_secret"], false),
            ("another time", Some(SIGNATURE), Some("2026-11-22T10:00:01Z"), BODY, &["zd_secret"], false),
            ("another secret", Some(SIGNATURE), Some(TIME), BODY, &["other"], false),
            ("no time", Some(SIGNATURE), None, BODY, &["zd_secret"], false),
            ("no signature", None, Some(TIME), BODY, &["zd_secret"], false),
            ("not base64", Some("!"), Some(TIME), BODY, &["zd_secret"], false),
            ("empty", Some(""), Some(TIME), BODY, &["zd_secret"], false),
        ] {
            assert_eq!(check(signature, time, body, secrets), good, "{what}");
        }
    }
}
