//! Webhooks from the environment's secrets to the view: in whatever order they come, and however often.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::LogKind;
use common::server::{Server, Setup, WRITE_KEY};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use std::path::Path;
use std::process::Command;

/// The examples are of 2026-11-22T10:00:00Z.
const START: &str = "2026-11-22T10:00:00Z@0";
const NOW_S: i64 = 1_795_341_600;
const PUBLIC_URL: &str = "https://c360.example.com";
const SECRETS: [(&str, &str); 5] = [
    ("intercom", "ic_secret"),
    ("chargebee", "cb:password"),
    ("hubspot", "hs_secret"),
    ("freshdesk", "fd:password"),
    ("delighted", "del_secret"),
];

fn server() -> Server {
    let setup = Setup::up(LogKind::Embedded).clock(START).env("C360_PUBLIC_URL", PUBLIC_URL);
    let named = |provider: &str| format!("C360_HOOK_{}_SECRET", provider.to_uppercase());
    Server::start(SECRETS.iter().fold(setup, |setup, (provider, secret)| setup.env(&named(provider), secret)))
}

fn sha256(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn sign(provider: &str, secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    match provider {
        "intercom" => {
            let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(body);
            vec![("x-hub-signature", format!("sha1={}", hex::encode(mac.finalize().into_bytes())))]
        }
        "delighted" => vec![("x-delighted-webhook-signature", format!("sha256={}", hex::encode(sha256(secret, &[body]))))],
        "hubspot" => {
            let (time, uri) = (format!("{NOW_S}000"), format!("{PUBLIC_URL}/hooks/hubspot/hubspot"));
            let signature = STANDARD.encode(sha256(secret, &[b"POST", uri.as_bytes(), body, time.as_bytes()]));
            vec![("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", time)]
        }
        _ => vec![("authorization", format!("Basic {}", STANDARD.encode(secret)))],
    }
}

fn post(server: &Server, provider: &str, body: &Value) {
    let (_, secret) = SECRETS.iter().find(|(name, _)| *name == provider).unwrap();
    let body = body.to_string();
    let request = server.client.post(server.url(&format!("/hooks/{provider}/{provider}")));
    let request = sign(provider, secret, body.as_bytes()).into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.body(body).send().unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{provider}: {}", answer.text().unwrap());
}

fn example(provider: &str, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ingest/tests/examples").join(provider).join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn tell(server: &Server, kind: &str, id: &str, account: &str) {
    let link = json!({"foreign": {"kind": kind, "id": id}, "account_id": account});
    assert_eq!(server.api(Method::POST, "/api/v1/links").json(&link).send().unwrap().status().as_u16(), 200);
}

/// The life of a subscription: created, upgraded, not paid for, paid again, to be cancelled.
fn life_of_a_subscription(customer: &str) -> Vec<Value> {
    let steps: [(&str, &str, Value); 5] = [
        ("subscription_created", "subscription_created", json!({})),
        ("subscription_changed", "subscription_created", json!({"quantity": 50})),
        ("payment_failed", "payment_failed_first_try", json!({"due_invoices_count": 1})),
        ("payment_succeeded", "payment_succeeded", json!({"due_invoices_count": 0})),
        ("subscription_cancellation_scheduled", "subscription_cancellation_scheduled", json!({})),
    ];
    let event = |(step, (event_type, name, change)): (usize, (&str, &str, Value))| {
        let mut event = example("chargebee", name);
        event["id"] = json!(format!("ev_{customer}_{step}"));
        event["event_type"] = json!(event_type);
        for object in ["subscription", "invoice"] {
            let Some(object) = event["content"].get_mut(object) else { continue };
            object["customer_id"] = json!(customer);
            object["resource_version"] = json!(NOW_S * 1000 + step as i64);
            if let Some(items) = object.get_mut("subscription_items") {
                items[0]["quantity"] = change.get("quantity").cloned().unwrap_or(json!(50));
                items[0]["amount"] = json!(items[0]["quantity"].as_i64().unwrap() * 4_900);
                object["due_invoices_count"] = change.get("due_invoices_count").cloned().unwrap_or(json!(0));
            }
        }
        event["content"]["customer"]["id"] = json!(customer);
        event
    };
    steps.into_iter().enumerate().map(event).collect()
}

#[test]
fn a_chargebee_subscription_is_the_same_in_whatever_order_its_events_come() {
    let server = server();
    let orders = [vec![0, 1, 2, 3, 4], vec![4, 3, 2, 1, 0], vec![2, 2, 0, 4, 1, 3, 0, 4]];
    let views = orders.iter().enumerate().map(|(n, order)| {
        let customer = format!("cb-{n}");
        tell(&server, "chargebee_customer", &customer, &format!("account-{n}"));
        let life = life_of_a_subscription(&customer);
        order.iter().for_each(|step| post(&server, "chargebee", &life[*step]));
        server.advance(0).unwrap();
        server.view(&format!("account-{n}"))["billing"].clone()
    });
    let views: Vec<Value> = views.collect();
    let mrr = 50 * 4_900 + 20_000;
    assert_eq!(views[0]["mrr"], json!({"amount": mrr, "currency": "USD"}), "{:#}", views[0]);
    assert_eq!((&views[0]["status"], &views[0]["past_due_days"]), (&json!("active"), &json!(0)));
    assert_eq!(views[0]["cancels_at"], json!("2026-12-02T10:00:00Z"));
    assert_eq!(views[0], views[1]);
    assert_eq!(views[0], views[2]);
}

#[test]
fn a_delighted_answer_counts_once_and_its_comment_follows() {
    let server = server();
    let (created, updated) = (example("delighted", "response_created"), example("delighted", "response_updated_with_comment"));
    let of = |event: &Value, account: &str| {
        let mut event = event.clone();
        event["event_id"] = json!(format!("{}-{account}", event["event_id"].as_str().unwrap()));
        event["event_data"]["person_properties"] = json!({"account_id": account});
        event
    };
    for (account, order) in [("a", [&created, &updated, &created]), ("b", [&updated, &created, &updated])] {
        order.iter().for_each(|event| post(&server, "delighted", &of(event, account)));
        server.advance(0).unwrap();
        let nps = &server.view(account)["surveys"]["nps"];
        assert_eq!((&nps["promoters"], &nps["passives"], &nps["detractors"]), (&json!(1), &json!(0), &json!(0)), "{account}");
        let (_, timeline) = server.get(&format!("/api/v1/customers/{account}/timeline"));
        assert!(timeline.to_string().contains("fast and flawless"), "{timeline:#}");
    }
}

#[test]
fn each_provider_s_events_find_their_account_by_its_link() {
    let server = server();
    tell(&server, "intercom_company", "6961d37afb9d13c23f871b6d", "acme");
    tell(&server, "freshdesk_company", "1300001", "acme");
    tell(&server, "user", "u-17", "acme");
    post(&server, "intercom", &example("intercom", "ping"));
    post(&server, "intercom", &example("intercom", "company_updated"));
    post(&server, "intercom", &example("intercom", "conversation_user_created"));
    post(&server, "intercom", &example("intercom", "conversation_rating_added"));
    post(&server, "freshdesk", &example("freshdesk", "ticket_created"));
    // It names the account itself, after the company's name.
    post(&server, "hubspot", &example("hubspot", "company_changes"));
    server.advance(0).unwrap();
    let view = server.view("acme");
    assert_eq!(view["name"], json!("Acme"), "{view:#}");
    // Intercom's conversation was closed before it was rated.
    assert_eq!((&view["support"]["open"], &view["support"]["opened_28d"]), (&json!(1), &json!(2)), "{view:#}");
    let identities = view["identities"].to_string();
    for kind in ["intercom_company", "freshdesk_company", "hubspot_company"] {
        assert!(identities.contains(kind), "{kind} in {identities}");
    }
}

#[test]
fn a_cloudevent_counts_once_whichever_mode_it_comes_in() {
    let server = server();
    let event = json!({"specversion": "1.0", "id": "1", "source": "/shop", "type": "Report Viewed", "accountid": "acme", "userid": "u1", "data": {"n": 1}});
    let request = || server.client.post(server.url("/v1/cloudevents/shop")).bearer_auth(WRITE_KEY);
    let sent = [
        request().header("content-type", "application/cloudevents+json").body(event.to_string()),
        request().header("content-type", "application/cloudevents-batch+json").body(json!([event, event]).to_string()),
        ["id", "source", "type", "specversion", "accountid", "userid"]
            .iter()
            .fold(request().header("content-type", "application/json"), |request, name| {
                request.header(format!("ce-{name}"), event[name].as_str().unwrap().replace(' ', "%20"))
            })
            .body(r#"{"n":1}"#),
    ];
    for request in sent {
        assert_eq!(request.send().unwrap().status().as_u16(), 200);
    }
    server.advance(0).unwrap();
    assert_eq!(server.view("acme")["usage"]["events"]["1d"], json!(1));
}

/// What `c360 config check` says of a file, and whether it is good.
fn checked(toml: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c360.toml");
    std::fs::write(&path, toml).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_c360")).args(["config", "check", "--config", path.to_str().unwrap()]).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn config_check_says_what_of_a_json_source_cannot_work() {
    let source = "[[sources]]\nname = \"tool\"\nprovider = \"json\"\nsecret = \"x\"\n";
    let map = "[sources.map]\nkind = \"usage\"\nname = \"/what\"\nuser = \"/who\"\n";
    let hmac = "auth = \"hmac\"\n[sources.hmac]\nheader = \"x-signature\"\nencoding = \"base64\"\ntimestamp_header = \"x-time\"\n";
    for good in [format!("{source}{map}"), format!("{source}{hmac}{map}")] {
        let (is_good, said) = checked(&good);
        assert!(is_good, "{good}{said}");
    }
    for (toml, part) in [
        (source.to_owned(), "a table [sources.map] and provider = \"json\" go together"),
        (format!("{source}{map}").replace("json", "stripe"), "go together"),
        (format!("{source}auth = \"hmac\"\n{map}"), "there is no table [sources.hmac]"),
        (format!("{source}auth = \"basic\"\n{map}"), "unknown variant `basic`, expected `bearer` or `hmac`"),
        (format!("{source}{hmac}{map}").replace("base64", "base65"), "unknown variant `base65`"),
        (format!("{source}{hmac}algorithm = \"sha1\"\n{map}"), "unknown variant `sha1`, expected `sha256`"),
        (format!("{source}{map}").replace("/what", "what"), "source \"tool\": map.name: \"what\" is not a json pointer"),
        (format!("{source}{map}").replace("usage", "use"), "unknown variant `use`"),
        (format!("{source}{map}score = \"/score\"\n"), "map.score is nothing that kind = \"usage\" has"),
        (format!("{source}{map}").replace("user = \"/who\"\n", ""), "needs one of account, foreign, user, email"),
        (format!("{source}public_url = \"c360.example.com\"\n{map}"), "public_url must begin with https://"),
        (
            format!("{source}{map}").replace("provider = \"json\"", "provider = \"jason\""),
            "there are stripe, zendesk, intercom, chargebee, hubspot, freshdesk, delighted, json",
        ),
    ] {
        let (is_good, said) = checked(&toml);
        assert!(!is_good && said.contains(part), "{toml}{said}");
    }
}
