//! Webhooks: sources, signatures, and what is not taken.
use crate::support::{Bench, NOW, SOURCES};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use c360_log::LogError;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

pub(crate) fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The path of the one source of a provider.
pub(crate) fn path(provider: &str) -> String {
    let (name, ..) = SOURCES.iter().find(|(_, of, _)| *of == provider).unwrap();
    format!("/hooks/{provider}/{name}")
}

/// Headers as each provider would send them now.
pub(crate) fn sign(provider: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let (_, _, secret) = SOURCES.iter().find(|(_, of, _)| *of == provider).unwrap();
    match provider {
        "stripe" => {
            let time = (NOW / 1000).to_string();
            let signature = hex::encode(mac(secret, &[time.as_bytes(), b".", body]));
            vec![("stripe-signature", format!("t={time},v1={signature}"))]
        }
        "zendesk" => {
            let time = "2026-11-22T10:00:00Z";
            let signature = STANDARD.encode(mac(secret, &[time.as_bytes(), body]));
            vec![("x-zendesk-webhook-signature", signature), ("x-zendesk-webhook-signature-timestamp", time.into())]
        }
        "intercom" => {
            let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(body);
            vec![("x-hub-signature", format!("sha1={}", hex::encode(mac.finalize().into_bytes())))]
        }
        "delighted" => vec![("x-delighted-webhook-signature", format!("sha256={}", hex::encode(mac(secret, &[body]))))],
        "chargebee" | "freshdesk" => vec![("authorization", format!("Basic {}", STANDARD.encode(secret)))],
        "hubspot" => {
            let (time, uri) = (NOW.to_string(), format!("https://c360.example.com{}", path(provider)));
            let signature = STANDARD.encode(mac(secret, &[b"POST", uri.as_bytes(), body, time.as_bytes()]));
            vec![("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", time), ("host", "c360.example.com".into())]
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
    for (_, provider, _) in SOURCES {
        let others = if provider == "stripe" { "zendesk" } else { "stripe" };
        for headers in [sign(others, body), sign(provider, b"another body"), Vec::new()] {
            // A password is not of a body.
            if headers.iter().any(|(name, _)| *name == "authorization") {
                continue;
            }
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = bench.post(&path(provider), &headers, body.to_vec()).await;
            assert_eq!((answer.status, answer.code()), (401, "bad_signature"), "{provider} {headers:?}");
        }
        let wrong = [("authorization", "Basic dXNlcjpwYXNzd29yZA==")];
        assert_eq!(bench.post(&path(provider), &wrong, body.to_vec()).await.code(), "bad_signature", "{provider}");
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
    for (_, provider, _) in SOURCES {
        let path = path(provider);
        for (body, code) in [(&b"{\"id\""[..], "malformed_json"), (b"", "malformed_json"), (b"\xff", "invalid_utf8")] {
            let answer = post(&bench, &path, provider, body).await;
            assert_eq!((answer.status, answer.code()), (400, code), "{provider}");
        }
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(post(&bench, &path, provider, deep.as_bytes()).await.code(), "json_too_deep");
        assert_eq!(bench.appends(), 0);
        let answer = post(&bench, &path, provider, b"{\"id\": 7}").await;
        assert_eq!(answer.status, 200);
        let kept = bench.kept();
        let letter = kept[0].dead_letter();
        assert_eq!(
            (letter.reason.as_str(), letter.original.as_slice(), letter.path.as_deref()),
            ("bad_payload", &b"{\"id\": 7}"[..], Some(path.as_str())),
            "{provider}"
        );
    }
}

/// Both were found by the fuzzers' mutations.
#[tokio::test]
async fn an_event_without_an_id_is_a_dead_letter_and_one_of_the_far_future_is_of_now() {
    let bench = Bench::new();
    let example = |name: &str, change: &dyn Fn(&mut Value)| {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples").join(name);
        let mut payload: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        change(&mut payload);
        payload.to_string()
    };
    let nameless = example("stripe/invoice_payment_failed_before_2026_10.json", &|payload| payload["id"] = json!(""));
    assert_eq!(post(&bench, "/hooks/stripe/stripe-eu", "stripe", nameless.as_bytes()).await.status, 200);
    let early = example("zendesk/ticket_created.json", &|payload| payload["time"] = json!("9999-12-31T23:59:59Z"));
    assert_eq!(post(&bench, "/hooks/zendesk/zd", "zendesk", early.as_bytes()).await.status, 200);
    let kept = bench.kept();
    assert_eq!(kept[0].dead_letter().reason, "bad_message_id");
    assert_eq!((kept[1].event().name, kept[1].event().occurred_at), ("ticket.created", NOW));
}

#[tokio::test]
async fn a_provider_that_asks_whether_the_path_is_there_is_told() {
    let bench = Bench::new();
    for (path, status) in [("/hooks/intercom/ic", 200), ("/hooks/intercom/other", 404), ("/hooks/nobody/ic", 404)] {
        let request = http::Request::head(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(bench.send(request).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_good_event_beside_a_bad_one_is_taken_and_the_bad_one_can_be_posted_again() {
    let bench = Bench::new();
    let good = json!({"eventId": 1, "subscriptionId": 2, "portalId": 3, "objectId": 4, "occurredAt": NOW, "subscriptionType": "company.propertyChange", "propertyName": "name", "propertyValue": "Acme"});
    let mut bad = good.clone();
    bad["occurredAt"] = json!("soon");
    assert_eq!(post(&bench, &path("hubspot"), "hubspot", json!([good, bad]).to_string().as_bytes()).await.status, 200);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[0].event().message_id), (2, "1:3:2:4:1795341600000"));
    let letter = kept[1].dead_letter();
    assert_eq!((letter.reason.as_str(), letter.original), ("bad_timestamp", json!([bad]).to_string().into_bytes()));
}

#[tokio::test]
async fn a_webhook_is_not_taken_before_the_log_has_it() {
    let bench = Bench::new();
    bench.break_log(LogError::Unavailable("gone".into()));
    let body = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/stripe/subscription_deleted.json")).unwrap();
    assert_eq!(post(&bench, "/hooks/stripe/stripe-eu", "stripe", &body).await.status, 503);
}
