//! Webhooks: sources, signatures, and what is not taken.
use crate::support::{Bench, NOW, STRIPE_SECRET, ZENDESK_SECRET};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use c360_log::LogError;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Headers as Stripe or Zendesk would send them now.
pub(crate) fn sign(provider: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    match provider {
        "stripe" => {
            let time = (NOW / 1000).to_string();
            let signature = hex::encode(mac(STRIPE_SECRET, &[time.as_bytes(), b".", body]));
            vec![("stripe-signature", format!("t={time},v1={signature}"))]
        }
        "zendesk" => {
            let time = "2026-11-22T10:00:00Z";
            let signature = STANDARD.encode(mac(ZENDESK_SECRET, &[time.as_bytes(), body]));
            vec![("x-zendesk-webhook-signature", signature), ("x-zendesk-webhook-signature-timestamp", time.into())]
        }
        _ => panic!("no such provider: {provider}"),
    }
}

async fn post(bench: &Bench, path: &str, provider: &str, body: &[u8]) -> crate::support::Answer {
    let headers = sign(provider, body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bench.post(path, &headers, body.to_vec()).await
}

#[tokio::test]
async fn an_unknown_source_is_404_and_a_bad_signature_401() {
    let bench = Bench::new();
    let body = br#"{"id":"evt_1","type":"x","created":1,"data":{"object":{}}}"#;
    for path in ["/hooks/stripe/other", "/hooks/nobody/stripe-eu", "/hooks/zendesk/stripe-eu", "/hooks/stripe/%ff"] {
        let answer = post(&bench, path, "stripe", body).await;
        assert_eq!((answer.status, answer.code()), (404, "unknown_source"), "{path}");
    }
    for path in ["/hooks/stripe/stripe-eu", "/hooks/zendesk/zd"] {
        let answer = bench.post(path, &[("stripe-signature", "t=1,v1=00"), ("x-zendesk-webhook-signature", "AA==")], body.to_vec()).await;
        assert_eq!((answer.status, answer.code()), (401, "bad_signature"), "{path}");
    }
    assert_eq!(bench.appends(), 0);
}

#[tokio::test]
async fn a_type_that_we_do_not_use_is_200_without_effect() {
    let bench = Bench::new();
    let stripe = json!({"id": "evt_1", "type": "charge.succeeded", "created": 1, "data": {"object": {}}}).to_string();
    assert_eq!(post(&bench, "/hooks/stripe/stripe-eu", "stripe", stripe.as_bytes()).await.status, 200);
    let zendesk =
        json!({"id": "1", "type": "zen:event-type:user.created", "time": "2026-11-22T10:00:00Z", "detail": {"id": []}}).to_string();
    assert_eq!(post(&bench, "/hooks/zendesk/zd/", "zendesk", zendesk.as_bytes()).await.status, 200);
    assert_eq!(bench.appends(), 0);
}

#[tokio::test]
async fn what_is_not_json_is_400_and_json_of_another_shape_a_dead_letter() {
    let bench = Bench::new();
    for (body, code) in [(&b"{\"id\""[..], "malformed_json"), (b"", "malformed_json"), (b"\xff", "invalid_utf8")] {
        let answer = post(&bench, "/hooks/stripe/stripe-eu", "stripe", body).await;
        assert_eq!((answer.status, answer.code()), (400, code));
    }
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(post(&bench, "/hooks/zendesk/zd", "zendesk", deep.as_bytes()).await.code(), "json_too_deep");
    assert_eq!(bench.appends(), 0);
    for (path, provider) in [("/hooks/stripe/stripe-eu", "stripe"), ("/hooks/zendesk/zd", "zendesk")] {
        let answer = post(&bench, path, provider, b"{\"id\": 7}").await;
        assert_eq!(answer.status, 200);
        let kept = bench.kept();
        let letter = kept[0].dead_letter();
        assert_eq!(
            (letter.reason.as_str(), letter.original.as_slice(), letter.path.as_deref()),
            ("bad_payload", &b"{\"id\": 7}"[..], Some(path))
        );
    }
}

#[tokio::test]
async fn a_webhook_is_not_taken_before_the_log_has_it() {
    let bench = Bench::new();
    bench.break_log(LogError::Unavailable("gone".into()));
    let body = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/stripe/subscription_deleted.json")).unwrap();
    assert_eq!(post(&bench, "/hooks/stripe/stripe-eu", "stripe", &body).await.status, 503);
}
