//! The `json` provider: what the map in the settings makes of a payload.
use crate::hooks::mac;
use crate::support::{Bench, Kept, NOW};
use c360_ingest::{JsonHook, MapConfig, Secret, Source, Sources};
use c360_schemas::{Interval, Kind, Payload, Survey, Topic};
use serde_json::{Value, json};

const BEARER: &str = "Bearer js_secret";

fn hook(map: Value) -> JsonHook {
    let map: MapConfig = serde_json::from_value(map).unwrap();
    JsonHook::new("tool", Default::default(), None, &map).unwrap()
}

fn source(json: JsonHook) -> Source {
    Source { json: Some(json), ..Source::new("tool", "json", "t1", [Secret::new("js_secret")]) }
}

/// One source that takes a list of events of a kind, whose fields have the names of the fields in other tests.
pub(crate) fn source_of_kind(kind: &str) -> Sources {
    let more = match kind {
        "usage" => json!({"name": "/name", "properties": "/data"}),
        "survey" => json!({"score": "/score", "survey": "/type", "comment": "/comment"}),
        "ticket" => json!({"ticket": "/id", "status": "/status", "created_at": "/created", "subject": "/subject"}),
        "subscription" => {
            json!({"subscription": "/id", "status": "/status", "currency": "/currency", "amount_major": "/amount", "quantity": "/quantity", "interval": "/interval"})
        }
        "account" => json!({"name": "/name", "seats": "/seats", "created_at": "/created"}),
        _ => json!({"name": "/name", "role": "/object"}),
    };
    let mut map =
        json!({"kind": kind, "each": "", "id": "/id", "time": "/time", "account": "/account", "user": "/user", "email": "/email"});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Sources::new([source(hook(map))]).unwrap()
}

/// Ingest with one source `tool`.
fn bench(map: Value) -> Bench {
    let bench = Bench::new();
    bench.ingest.reload(crate::support::keys(), Sources::new([source(hook(map))]).unwrap());
    bench
}

async fn post(bench: &Bench, body: &Value) -> Vec<Kept> {
    let answer = bench.post("/hooks/json/tool", &[("authorization", BEARER)], body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    bench.kept()
}

#[tokio::test]
async fn usage_events_come_alone_or_in_a_list_and_a_bad_one_stands_by_itself() {
    let bench = bench(json!({
        "kind": "usage", "each": "/data/events", "id": "/id", "type": "/type", "types": ["used", "opened"], "time": "/at", "account": "/org/id", "user": "/who",
        "name": "/what/name", "properties": "/what"
    }));
    let used =
        json!({"id": 7, "type": "used", "at": NOW / 1000 - 5, "org": {"id": "acme"}, "who": "u1", "what": {"name": "Export", "rows": 3}});
    let unused = json!({"id": 8, "type": "billed", "org": []});
    let nameless = json!({"id": 9, "type": "opened", "org": {"id": "acme"}, "what": {}});
    let kept = post(&bench, &json!({"data": {"events": [used, unused, nameless, 5]}})).await;
    assert_eq!(kept.len(), 3, "{kept:?}");
    let event = kept[0].event();
    assert_eq!((kept[0].key.as_str(), event.message_id, event.name, event.kind), ("t1/acme", "7", "Export", Kind::Usage));
    assert_eq!((event.user_id, event.occurred_at, event.source), (Some("u1"), NOW - 5_000, "tool"));
    assert_eq!(event.properties, r#"{"name":"Export","rows":3}"#);
    let letter = kept[1].dead_letter();
    assert_eq!((letter.reason.as_str(), letter.path.as_deref()), ("missing_name", Some("/hooks/json/tool")));
    let again: Value = serde_json::from_slice(&letter.original).unwrap();
    assert_eq!(again, json!({"data": {"events": [nameless]}}), "it can be posted again");
    assert_eq!(kept[2].dead_letter().reason, "not_an_object");
}

#[tokio::test]
async fn without_an_id_the_same_event_has_the_same_and_another_another() {
    let bench = bench(json!({"kind": "usage", "name": "=Ping", "email": "/mail"}));
    let ids: Vec<String> = {
        let mut kept = post(&bench, &json!({"mail": "ann@acme.example"})).await;
        kept.extend(post(&bench, &json!({"mail": "ann@acme.example"})).await);
        kept.extend(post(&bench, &json!({"mail": "bob@acme.example"})).await);
        assert_eq!((kept[0].topic, kept[0].key.as_str()), (Topic::Unresolved, "t1/user:ann@acme.example"));
        assert_eq!(kept[0].event().foreign_ids[1].kind, "email_domain");
        assert_eq!(kept[0].event().properties, r#"{"mail":"ann@acme.example"}"#, "usage keeps all of it");
        kept.iter().map(|kept| kept.event().message_id.to_owned()).collect()
    };
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn each_kind_becomes_what_it_is() {
    let survey = bench(
        json!({"kind": "survey", "id": "/id", "answer": "/answer", "survey": "=csat", "score": "/stars", "comment": "/text", "email": "/mail", "version": "/changed"}),
    );
    let kept =
        post(&survey, &json!({"id": "1", "answer": "a1", "stars": "4", "text": "ok", "mail": "ann@acme.example", "changed": NOW})).await;
    let Payload::Answer(answer) = kept[0].event().payload else { panic!("{kept:?}") };
    assert_eq!((answer.id, answer.survey, answer.score, answer.respondent), ("a1", Survey::Csat, 4, "ann@acme.example"));
    assert_eq!((answer.comment, answer.version), (Some("ok"), NOW));

    let ticket = bench(json!({
        "kind": "ticket", "ticket": "/nr", "status": "/state", "statuses": {"Erledigt": "solved"}, "priority": "/prio", "subject": "/title", "created_at": "/created",
        "foreign": "/customer", "foreign_kind": "freshdesk_company", "time": "/changed"
    }));
    let body = json!({"nr": 5, "state": "erledigt", "prio": "HIGH", "title": "x", "created": "2026-11-20T00:00:00+01:00", "customer": 77, "changed": NOW - 1});
    let kept = post(&ticket, &body).await;
    assert_eq!(kept[0].key, "t1/freshdesk_company:77");
    let Payload::Ticket(state) = kept[0].event().payload else { panic!("{kept:?}") };
    assert_eq!((state.id, state.status, state.priority, state.version), ("5", "solved", Some("high"), NOW - 1));
    let kept = post(&ticket, &json!({"nr": 5, "state": "molten", "customer": 77})).await;
    assert_eq!(kept[0].dead_letter().reason, "bad_payload");
    assert!(kept[0].dead_letter().message.contains("map.statuses"));

    let subscription = bench(json!({
        "kind": "subscription", "subscription": "/id", "status": "/status", "currency": "/cur", "amount_major": "/price", "quantity": "/seats", "interval": "/every",
        "term_end": "/until", "cancels_at": "/ends", "account": "/account"
    }));
    let body = json!({"id": "s1", "status": "Active", "cur": "eur", "price": 49.9, "seats": "3", "every": "Yearly", "until": "2027-01-01", "account": "acme"});
    let kept = post(&subscription, &body).await;
    let event = kept[0].event();
    let Payload::Subscription(state) = &event.payload else { panic!("{kept:?}") };
    assert_eq!((state.id, state.status, state.currency, state.cancels_at), ("s1", "active", "EUR", None));
    assert_eq!((state.items[0].amount_micros, state.items[0].quantity, state.items[0].interval), (4_990_000_000, 3, Interval::Year));

    let account = bench(json!({"kind": "account", "account": "/id", "name": "/name", "owner_email": "/csm", "seats": "/seats"}));
    let kept = post(&account, &json!({"id": "acme", "name": "Acme", "csm": "csm@ours.example", "seats": 25})).await;
    let Payload::Account(traits) = kept[0].event().payload else { panic!("{kept:?}") };
    assert_eq!((traits.name, traits.owner_email, traits.seats), (Some("Acme"), Some("csm@ours.example"), Some(25)));

    let user = bench(json!({"kind": "user", "user": "/id", "email": "/mail", "role": "/title", "name": "/name"}));
    let kept = post(&user, &json!({"id": "u1", "mail": "ann@acme.example", "title": "CTO"})).await;
    let Payload::User(traits) = kept[0].event().payload else { panic!("{kept:?}") };
    assert_eq!((kept[0].event().user_id, traits.email, traits.role), (Some("u1"), Some("ann@acme.example"), Some("CTO")));
}

#[tokio::test]
async fn what_does_not_fit_the_map_is_a_dead_letter_and_what_is_not_json_400() {
    let bench = bench(json!({"kind": "survey", "each": "", "id": "/id", "score": "/score", "user": "/user", "time": "/at"}));
    for (event, reason) in [
        (json!({"user": "u", "score": 11}), "bad_answer"),
        (json!({"user": "u"}), "bad_answer"),
        (json!({"score": 9}), "no_customer"),
        (json!({"user": "u", "score": 9, "at": "soon"}), "bad_timestamp"),
        (json!({"user": ["u"], "score": 9}), "bad_id"),
        (json!({"user": "u", "score": 9, "id": {}}), "bad_id"),
        (json!(null), "not_an_object"),
    ] {
        let kept = post(&bench, &json!([event])).await;
        assert_eq!((kept.len(), kept[0].dead_letter().reason.as_str()), (1, reason), "{event}");
    }
    let kept = post(&bench, &json!({"user": "u"})).await;
    assert!(kept[0].dead_letter().message.contains("there is no list at the root"), "{kept:?}");
    let answer = bench.post("/hooks/json/tool", &[("authorization", BEARER)], "[{]").await;
    assert_eq!((answer.status, answer.code()), (400, "malformed_json"));
    let many = format!("[{}]", vec!["1"; 20_001].join(","));
    let answer = bench.post("/hooks/json/tool", &[("authorization", BEARER)], many).await;
    assert_eq!((answer.status, answer.code()), (413, "too_many_events"));
}

#[tokio::test]
async fn an_hmac_source_takes_what_is_signed_and_nothing_else() {
    let map: MapConfig = serde_json::from_value(json!({"kind": "usage", "name": "=x", "user": "/u"})).unwrap();
    let hmac = serde_json::from_value(json!({"header": "X-Hub-Signature-256", "prefix": "sha256="})).unwrap();
    let json = JsonHook::new("tool", c360_ingest::AuthName::Hmac, Some(hmac), &map).unwrap();
    let bench = Bench::new();
    bench.ingest.reload(crate::support::keys(), Sources::new([source(json)]).unwrap());
    let body = r#"{"u":"u1"}"#;
    let signature = format!("sha256={}", hex::encode(mac("js_secret", &[body.as_bytes()])));
    assert_eq!(bench.post("/hooks/json/tool", &[("x-hub-signature-256", &signature)], body).await.status, 200);
    assert_eq!(bench.post("/hooks/json/tool", &[("x-hub-signature-256", &signature)], r#"{"u":"u2"}"#).await.code(), "bad_signature");
    assert_eq!(bench.post("/hooks/json/tool", &[("authorization", BEARER)], body).await.code(), "bad_signature");
    assert_eq!(bench.appends(), 1);
}
