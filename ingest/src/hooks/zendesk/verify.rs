//! `X-Zendesk-Webhook-Signature`: base64 of HMAC-SHA256 over the timestamp header's text and the body.
//!
//! How old a timestamp may be, Zendesk does not say, and its retries may come late: an old request that is sent again has no effect, since a ticket's older state never
//! overwrites a newer one, and its event id counts once.
use crate::hooks::provider::Received;
use crate::hooks::signature::{NOT_SIGNED, is_hmac_sha256};
use crate::sources::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let signature = received.header("x-zendesk-webhook-signature", "there is no x-zendesk-webhook-signature header")?;
    let time = received.header("x-zendesk-webhook-signature-timestamp", "there is no x-zendesk-webhook-signature-timestamp header")?;
    let signature = STANDARD.decode(signature).map_err(|_| "the signature is not base64")?;
    if is_hmac_sha256(secrets, &[time.as_bytes(), received.body], &signature) { Ok(()) } else { Err(NOT_SIGNED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::provider::passes;
    use crate::hooks::zendesk::Zendesk;
    use crate::sources::Source;

    const BODY: &[u8] = br#"{"id":"1"}"#;
    const TIME: &str = "2026-11-22T10:00:00Z";
    // printf '2026-11-22T10:00:00Z{"id":"1"}' | openssl dgst -sha256 -hmac zd_secret -binary | base64
    const SIGNATURE: &str = "0V5ZV0n3baiCD3ZaQjYvbUa3xyeJyCghY5clDxiNK/w=";

    fn check(signature: Option<&str>, time: Option<&str>, body: &[u8], secrets: &[&str]) -> bool {
        let source = Source::new("s", "zendesk", "t1", secrets.iter().map(|s| Secret::new(*s)));
        let headers = [("x-zendesk-webhook-signature", signature), ("x-zendesk-webhook-signature-timestamp", time)];
        let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        passes(&Zendesk, &source, &headers, body, 0)
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
