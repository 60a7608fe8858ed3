//! `X-Delighted-Webhook-Signature: sha256=<hex>`, HMAC-SHA256 over the body. No time is signed: an old answer that is sent again never overwrites a newer one.
use crate::hooks::provider::Received;
use crate::hooks::signature::{NOT_SIGNED, is_hmac_sha256};
use crate::sources::Secret;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let header = received.header("x-delighted-webhook-signature", "there is no x-delighted-webhook-signature header")?;
    let digest = header.strip_prefix("sha256=").ok_or("the signature does not begin with sha256=")?;
    let digest = hex::decode(digest).map_err(|_| "the signature is not hex")?;
    if is_hmac_sha256(secrets, &[received.body], &digest) { Ok(()) } else { Err(NOT_SIGNED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::delighted::Delighted;
    use crate::hooks::provider::passes;
    use crate::sources::Source;

    const BODY: &[u8] = br#"{"event_id":"1"}"#;
    // printf '{"event_id":"1"}' | openssl dgst -sha256 -hmac del_secret
    const SIGNATURE: &str = "sha256=0f40897f7e026297d53768c75dd6d10630285fc61295264c8096ae8cae0db72a";

    #[test]
    fn a_good_signature_is_taken_and_no_other() {
        for (what, header, body, secrets, good) in [
            ("good", Some(SIGNATURE), BODY, &["del_secret"][..], true),
            ("rotated", Some(SIGNATURE), BODY, &["other", "del_secret"], true),
            ("another body", Some(SIGNATURE), br#"{"event_id":"2"}"#, &["del_secret"], false),
            ("another secret", Some(SIGNATURE), BODY, &["other"], false),
            ("without its scheme", SIGNATURE.strip_prefix("sha256="), BODY, &["del_secret"], false),
            ("cut short", Some(&SIGNATURE[..69]), BODY, &["del_secret"], false),
            ("not hex", Some("sha256=zz"), BODY, &["del_secret"], false),
            ("empty", Some("sha256="), BODY, &["del_secret"], false),
            ("none", None, BODY, &["del_secret"], false),
        ] {
            let source = Source::new("s", "delighted", "t1", secrets.iter().map(|s| Secret::new(*s)));
            let headers: Vec<_> = header.iter().map(|header| ("x-delighted-webhook-signature", *header)).collect();
            assert_eq!(passes(&Delighted, &source, &headers, body, 0), good, "{what}");
        }
    }
}
