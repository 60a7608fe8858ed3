//! `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>...]`, HMAC-SHA256 over `{t}.{body}`.
use crate::hooks::provider::Received;
use crate::hooks::signature::{is_fresh, is_hmac_sha256};
use crate::sources::Secret;

/// Signatures that are looked at: Stripe sends one for each secret that is in force.
const SIGNATURES_MAX: usize = 16;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<(), &'static str> {
    let header = received.header("stripe-signature", "there is no stripe-signature header")?;
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or("there is no t in the stripe-signature header")?;
    let signed_at: i64 = time.parse().map_err(|_| "t is not a time in seconds")?;
    let mut signatures = fields().filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX).filter_map(|(_, value)| hex::decode(value).ok());
    if !signatures.any(|signature| is_hmac_sha256(secrets, &[time.as_bytes(), b".", received.body], &signature)) {
        return Err("no v1 signature is of this body and one of the source's secrets");
    }
    if !is_fresh(signed_at.saturating_mul(1000), now) {
        return Err("it was signed more than 300 s before or after now");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::provider::passes;
    use crate::hooks::stripe::Stripe;
    use crate::sources::Source;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_795_341_600;
    // printf '1795341600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_new   (and whsec_old)
    const NEW: &str = "d6a66ef77b06ef24291ee95d4e3141d8e7c88839231c8cbd4ac82ba2bae70616";
    const OLD: &str = "d8610506072be160151810b42bbb95ac7bf80cc6bda7488437770594239b889a";

    fn check(header: Option<&str>, body: &[u8], secrets: &[&str], now_s: i64) -> bool {
        let source = Source::new("s", "stripe", "t1", secrets.iter().map(|s| Secret::new(*s)));
        let headers: Vec<_> = header.iter().map(|header| ("stripe-signature", *header)).collect();
        passes(&Stripe, &source, &headers, body, now_s * 1000)
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
