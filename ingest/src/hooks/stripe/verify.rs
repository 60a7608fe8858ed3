//! `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>...]`, HMAC-SHA256 over `{t}.{body}`.
use crate::hooks::provider::Received;
use crate::hooks::signature::hmac_sha256_is;
use crate::sources::Secret;

/// How far the signature's time may be from ours, in both directions.
const TOLERANCE_MS: i64 = 300_000;
/// Signatures that are looked at: Stripe sends one for each secret that is in force.
const SIGNATURES_MAX: usize = 16;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<(), &'static str> {
    let header = received.headers.get("stripe-signature").ok_or("there is no stripe-signature header")?;
    let header = header.to_str().map_err(|_| "the stripe-signature header is not text")?;
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or("there is no t in the stripe-signature header")?;
    let signed_at: i64 = time.parse().map_err(|_| "t is not a time in seconds")?;
    let signatures = fields().filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX).filter_map(|(_, value)| hex::decode(value).ok());
    let matches = signatures.into_iter().any(|signature| {
        let parts = [time.as_bytes(), b".", received.body];
        secrets.iter().any(|secret| hmac_sha256_is(secret.expose().as_bytes(), &parts, &signature))
    });
    if !matches {
        return Err("no v1 signature is of this body and one of the source's secrets");
    }
    if signed_at.saturating_mul(1000).saturating_sub(now).saturating_abs() > TOLERANCE_MS {
        return Err("it was signed more than 300 s before or after now");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_795_341_600;
    // printf '1795341600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_new   (and whsec_old)
    const NEW: &str = "d6a66ef77b06ef24291ee95d4e3141d8e7c88839231c8cbd4ac82ba2bae70616";
    const OLD: &str = "d8610506072be160151810b42bbb95ac7bf80cc6bda7488437770594239b889a";

    fn check(header: Option<&str>, body: &[u8], secrets: &[&str], now_s: i64) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("stripe-signature", header.parse().unwrap());
        }
        let secrets: Vec<Secret> = secrets.iter().map(|s| Secret::new(*s)).collect();
        verify(&Received { headers: &headers, body }, &secrets, now_s * 1000).is_ok()
    }

    #[test]
    fn a_good_signature_is_taken_within_300_s_and_no_other() {
        let header = format!("t={AT},v1={NEW}");
        for (what, header, body, secrets, now, good) in [
            ("good", Some(header.clone()), BODY, &["whsec_new"][..], AT, true),
            ("300 s old", Some(header.clone()), BODY, &["whsec_new"], AT + 300, true),
            ("301 s old", Some(header.clone()), BODY, &["whsec_new"], AT + 301, false),
            ("300 s ahead", Some(header.clone()), BODY, &["whsec_new"], AT - 300, true),
            ("a day ahead", Some(header.clone()), BODY, &["whsec_new"], AT - 86_400, false),
            ("another body", Some(header.clone()), br#"{"id":"evt_2"}"#, &["whsec_new"], AT, false),
            ("another secret", Some(header.clone()), BODY, &["whsec_x"], AT, false),
            ("two secrets", Some(header.clone()), BODY, &["whsec_x", "whsec_new"], AT, true),
            ("no secret", Some(header), BODY, &[], AT, false),
            ("two signatures", Some(format!("t={AT},v1={OLD},v1={NEW},v0=00")), BODY, &["whsec_new"], AT, true),
            ("the wrong scheme", Some(format!("t={AT},v0={NEW}")), BODY, &["whsec_new"], AT, false),
            ("another time", Some(format!("t={},v1={NEW}", AT + 1)), BODY, &["whsec_new"], AT, false),
            ("no time", Some(format!("v1={NEW}")), BODY, &["whsec_new"], AT, false),
            ("a time beyond all bounds", Some(format!("t={},v1={NEW}", i64::MAX)), BODY, &["whsec_new"], AT, false),
            ("not hex", Some(format!("t={AT},v1=zz")), BODY, &["whsec_new"], AT, false),
            ("empty", Some(String::new()), BODY, &["whsec_new"], AT, false),
            ("none", None, BODY, &["whsec_new"], AT, false),
        ] {
            assert_eq!(check(header.as_deref(), body, secrets, now), good, "{what}");
        }
    }
}
