//! `X-HubSpot-Signature-v3`: base64 of HMAC-SHA256 over method, URI, body and `X-HubSpot-Request-Timestamp`, the key being the app's client secret.
//!
//! The URI is the one that HubSpot was told: `public_url` in the settings and the path. Without the setting it is looked for at the host that the request names; whoever
//! forges that header has no signature for it.
use crate::hooks::provider::Received;
use crate::hooks::signature::{NOT_SIGNED, is_fresh, is_hmac_sha256};
use crate::sources::Source;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;

pub(super) fn verify(received: &Received<'_>, source: &Source, now: i64) -> Result<(), &'static str> {
    let signature = received.header("x-hubspot-signature-v3", "there is no x-hubspot-signature-v3 header")?;
    let time = received.header("x-hubspot-request-timestamp", "there is no x-hubspot-request-timestamp header")?;
    let signature = STANDARD.decode(signature).map_err(|_| "the signature is not base64")?;
    let signed_at: i64 = time.parse().map_err(|_| "x-hubspot-request-timestamp is not a time in milliseconds")?;
    let is_of = |uri: &String| is_hmac_sha256(&source.secrets, &[b"POST", uri.as_bytes(), received.body, time.as_bytes()], &signature);
    if !uris(received, source.public_url.as_deref()).iter().any(is_of) {
        return Err(if source.public_url.is_some() {
            "it is not of this body, one of the source's secrets and the uri that public_url and the path make"
        } else {
            NOT_SIGNED
        });
    }
    if is_fresh(signed_at, now) { Ok(()) } else { Err("it was signed more than 300 s before or after now") }
}

/// What may have been signed as the URI.
fn uris(received: &Received<'_>, public_url: Option<&str>) -> Vec<String> {
    let path = received.path;
    if let Some(url) = public_url {
        return vec![format!("{}{path}", url.trim_end_matches('/'))];
    }
    let host = received.header(header::HOST.as_str(), "").unwrap_or_default();
    ["https", "http"].map(|scheme| format!("{scheme}://{host}{path}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::hubspot::HubSpot;
    use crate::hooks::provider::passes;
    use crate::sources::Secret;

    const BODY: &[u8] = br#"[{"eventId":1}]"#;
    const AT: i64 = 1_795_341_600_000;
    const TIME: &str = "1795341600000";
    // printf 'POSThttps://c360.example.com/hooks/hubspot/s[{"eventId":1}]1795341600000' | openssl dgst -sha256 -hmac hs_secret -binary | base64
    const SIGNATURE: &str = "TsfiLNSMNB/yKbcopzrcIcjSd2TXKLUC0/YpJ8lK2N0=";
    // The same for https://eu.example.com/c360/hooks/hubspot/s
    const ELSEWHERE: &str = "8pLrWj22UhPWJI/i63bRWKzbGvv25BRP8W1X0UINCNg=";
    const OURS: Option<&str> = Some("https://c360.example.com");
    const HOST: &str = "c360.example.com";

    #[test]
    fn a_good_signature_is_taken_within_5_minutes_and_no_other() {
        for (what, signature, time, body, secret, public_url, host, now, good) in [
            ("good", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", OURS, "10.0.0.1:8360", AT, true),
            ("with a slash too many", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", Some("https://c360.example.com/"), "x", AT, true),
            ("below a path", Some(ELSEWHERE), Some(TIME), BODY, "hs_secret", Some("https://eu.example.com/c360"), "x", AT, true),
            ("by the host", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", None, HOST, AT, true),
            ("by another host", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", None, "c360.example.org", AT, false),
            ("at another url", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", Some("https://c360.example.org"), HOST, AT, false),
            ("5 minutes old", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", OURS, HOST, AT + 300_000, true),
            ("older", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", OURS, HOST, AT + 300_001, false),
            ("5 minutes ahead", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", OURS, HOST, AT - 300_000, true),
            ("further ahead", Some(SIGNATURE), Some(TIME), BODY, "hs_secret", OURS, HOST, AT - 300_001, false),
            ("another time", Some(SIGNATURE), Some("1795341600001"), BODY, "hs_secret", OURS, HOST, AT, false),
            ("another body", Some(SIGNATURE), Some(TIME), b"[]", "hs_secret", OURS, HOST, AT, false),
            ("another secret", Some(SIGNATURE), Some(TIME), BODY, "other", OURS, HOST, AT, false),
            ("no time", Some(SIGNATURE), None, BODY, "hs_secret", OURS, HOST, AT, false),
            ("not a time", Some(SIGNATURE), Some("now"), BODY, "hs_secret", OURS, HOST, AT, false),
            ("not base64", Some("!"), Some(TIME), BODY, "hs_secret", OURS, HOST, AT, false),
            ("none", None, Some(TIME), BODY, "hs_secret", OURS, HOST, AT, false),
        ] {
            let mut source = Source::new("s", "hubspot", "t1", [Secret::new("rotated"), Secret::new(secret)]);
            source.public_url = public_url.map(str::to_owned);
            let headers = [("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", time), ("host", Some(host))];
            let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            assert_eq!(passes(&HubSpot, &source, &headers, body, now), good, "{what}");
        }
    }
}
