//! `X-Hub-Signature: sha1=<hex>`, HMAC-SHA1 over the body, the key being the app's client secret. No time is signed: an old notification that is sent again has no effect, since
//! its id counts once and an older state never overwrites a newer one.
use crate::hooks::provider::Received;
use crate::hooks::signature::{NOT_SIGNED, is_hmac_sha1};
use crate::sources::Secret;

pub(super) fn verify(received: &Received<'_>, secrets: &[Secret]) -> Result<(), &'static str> {
    let header = received.header("x-hub-signature", "there is no x-hub-signature header")?;
    let digest = header.strip_prefix("sha1=").ok_or("the signature does not begin with sha1=")?;
    let digest = hex::decode(digest).map_err(|_| "the signature is not hex")?;
    if is_hmac_sha1(secrets, received.body, &digest) { Ok(()) } else { Err(NOT_SIGNED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::intercom::Intercom;
    use crate::hooks::provider::passes;
    use crate::sources::Source;

    const BODY: &[u8] = br#"{"topic":"ping"}"#;
    // printf '{"topic":"ping"}' | openssl dgst -sha1 -hmac ic_secret
    const SIGNATURE: &str = "sha1=7e8d2875fbca2f6d6c5d18dc4e30f9790af94544";

    #[test]
    fn a_good_signature_is_taken_and_no_other() {
        for (what, header, body, secrets, good) in [
            ("good", Some(SIGNATURE), BODY, &["ic_secret"][..], true),
            ("rotated", Some(SIGNATURE), BODY, &["other", "ic_secret"], true),
            ("another body", Some(SIGNATURE), br#"{"topic":"pong"}"#, &["ic_secret"], false),
            ("another secret", Some(SIGNATURE), BODY, &["other"], false),
            ("without its scheme", SIGNATURE.strip_prefix("sha1="), BODY, &["ic_secret"], false),
            ("not hex", Some("sha1=zz"), BODY, &["ic_secret"], false),
            ("empty", Some("sha1="), BODY, &["ic_secret"], false),
            ("none", None, BODY, &["ic_secret"], false),
        ] {
            let source = Source::new("s", "intercom", "t1", secrets.iter().map(|s| Secret::new(*s)));
            let headers: Vec<_> = header.iter().map(|header| ("x-hub-signature", *header)).collect();
            assert_eq!(passes(&Intercom, &source, &headers, body, 0), good, "{what}");
        }
    }
}
