//! Rows of imports: what each kind becomes, what is refused, and that the same row is the same event.
use crate::support::{Bench, KEY, Kept, NOW};
use c360_ingest::rows::{RowKind, message_id};
use c360_schemas::{Interval, Payload, Rank, Topic};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const PATH: &str = "/v1/import/rows";
const DAY: i64 = 86_400_000;

async fn rows(bench: &Bench, kind: &str, rows: &[Value]) -> Value {
    let body = json!({"source": "crm", "kind": kind, "as_of": NOW - DAY, "rows": rows});
    let answer = bench.call(PATH, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The records of one good row.
async fn one(kind: &str, row: Value) -> Vec<Kept> {
    let bench = Bench::new();
    let answer = rows(&bench, kind, &[row]).await;
    assert_eq!(answer, json!({"success": true, "taken": 1, "refused": []}));
    bench.kept()
}

/// Reason of one bad row.
async fn refused(kind: &str, row: Value) -> (String, String) {
    let bench = Bench::new();
    let answer = rows(&bench, kind, &[row]).await;
    assert_eq!((&answer["taken"], bench.kept().len()), (&json!(0), 0), "{answer}");
    let text = |name: &str| answer["refused"][0][name].as_str().unwrap().to_owned();
    (text("reason"), text("message"))
}

#[tokio::test]
async fn an_account_becomes_traits_a_contract_and_links() {
    let kept = one(
        "accounts",
        json!({"account_id": "acme", "name": "Acme", "owner": "ann@x.io", "seats": "50", "delivered_at": "2026-01-02", "contract_start": "2026-01-01",
            "contract_end": "2026-12-31", "arr": "12000", "currency": "usd", "stripe_customer": "cus_1", "email_domain": "https://www.Acme.io/", "Industry": "Steel"}),
    )
    .await;
    let keys: Vec<_> = kept.iter().map(|k| (k.topic, k.key.as_str())).collect();
    assert_eq!(
        keys,
        [
            (Topic::Events, "t1/acme"),
            (Topic::Events, "t1/acme"),
            (Topic::Unresolved, "t1/stripe_customer:cus_1"),
            (Topic::Unresolved, "t1/email_domain:acme.io")
        ]
    );
    let account = kept[0].event();
    assert_eq!((account.source, account.occurred_at, account.properties), ("import:crm", NOW - DAY, r#"{"Industry":"Steel"}"#));
    let Payload::Account(traits) = account.payload else { panic!("{account:?}") };
    assert_eq!((traits.name, traits.owner_email, traits.owner_name, traits.seats), (Some("Acme"), Some("ann@x.io"), None, Some(50)));
    let contract = kept[1].event();
    let Payload::Subscription(s) = contract.payload else { panic!() };
    assert_eq!((s.id, s.status, s.currency, s.version), ("contract", "active", "USD", NOW - DAY));
    assert_eq!((s.items[0].amount_micros, s.items[0].interval), (1_200_000_000_000, Interval::Year));
    let Payload::Link(link) = kept[2].event().payload else { panic!() };
    assert_eq!((link.account_id, link.rank, link.at), (Some("acme"), Rank::Told, NOW - DAY));
}

#[tokio::test]
async fn a_contract_without_a_price_has_no_revenue_and_one_that_ended_has_ended_then() {
    let kept = one("accounts", json!({"account_id": "a", "contract_end": "2026-12-31"})).await;
    let Payload::Subscription(s) = kept[1].event().payload else { panic!() };
    assert_eq!((s.currency, s.items.len(), s.status), ("", 0, "active"));
    let kept = one("accounts", json!({"account_id": "a", "contract_start": "2024-01-01", "ended_at": "2025-01-01"})).await;
    let event = kept[1].event();
    let Payload::Subscription(s) = event.payload else { panic!() };
    assert_eq!((s.status, s.ended_at, event.occurred_at), ("canceled", Some(1_735_689_600_000), 1_735_689_600_000));
    assert_eq!(one("accounts", json!({"account_id": "a", "mrr": ""})).await.len(), 1, "no contract is made up");
}

#[tokio::test]
async fn a_person_becomes_traits_and_links_of_both_its_ids() {
    let kept = one("users", json!({"user_id": "u1", "email": "a@x.io", "first_name": "Ann", "last_name": "Lee", "role": "Decision Maker", "account_id": "acme"})).await;
    let keys: Vec<_> = kept.iter().map(|k| k.key.as_str()).collect();
    assert_eq!(keys, ["t1/acme", "t1/user:u1", "t1/user:a@x.io"]);
    let Payload::User(user) = kept[0].event().payload else { panic!() };
    assert_eq!((user.name, user.email, user.role), (Some("Ann Lee"), Some("a@x.io"), Some("decision_maker")));
    let kept = one("users", json!({"email": "a@x.io", "title": "CTO"})).await;
    assert_eq!((kept.len(), kept[0].key.as_str(), kept[0].event().user_id), (1, "t1/user:a@x.io", Some("a@x.io")));
}

#[tokio::test]
async fn a_subscription_is_of_the_time_of_its_last_change() {
    let row = json!({"subscription_id": "s1", "stripe_customer": "cus_1", "status": "Cancelled", "currency": "EUR", "amount": "99.5", "interval": "quarterly",
        "quantity": 3, "started_at": "2024-01-01", "ended_at": "2025-01-01", "term_end": "2027-01-01"});
    let kept = one("subscriptions", row).await;
    let event = kept[0].event();
    assert_eq!((kept[0].key.as_str(), event.occurred_at), ("t1/stripe_customer:cus_1", 1_735_689_600_000));
    let Payload::Subscription(s) = event.payload else { panic!() };
    assert_eq!((s.status, s.version, s.ended_at, s.cancels_at), ("canceled", NOW - DAY, Some(1_735_689_600_000), None));
    let item = s.items[0];
    assert_eq!((item.amount_micros, item.quantity, item.interval, item.interval_count), (9_950_000_000, 3, Interval::Month, 3));
}

#[tokio::test]
async fn a_ticket_is_of_the_time_at_which_it_was_solved() {
    let row = json!({"ticket_id": 7, "account_id": "a", "status": "Resolved", "priority": "Critical", "created_at": "2026-11-01", "first_reply_at": "2026-11-02",
        "solved_at": "2026-11-03", "updated_at": "2026-11-05"});
    let kept = one("tickets", row).await;
    let event = kept[0].event();
    let Payload::Ticket(ticket) = event.payload else { panic!() };
    let day = |n: i64| Some(1_793_491_200_000 + (n - 1) * DAY);
    assert_eq!((ticket.id, ticket.status, ticket.priority), ("7", "solved", Some("urgent")));
    assert_eq!((ticket.created_at, ticket.replied_at, Some(event.occurred_at), Some(ticket.version)), (day(1), day(2), day(3), day(5)));
}

#[tokio::test]
async fn an_answer_finds_its_customer_by_the_person_and_usage_by_its_account() {
    let kept = one("answers", json!({"answer_id": "r1", "score": "9", "email": "a@x.io", "answered_at": "2026-11-01"})).await;
    let event = kept[0].event();
    let foreign: Vec<_> = event.foreign_ids.iter().map(|f| (f.kind, f.id)).collect();
    assert_eq!(foreign, [("user", "a@x.io"), ("email_domain", "x.io")]);
    let kept = one(
        "usage",
        json!({"event": "Viewed", "timestamp": 1_795_000_000, "user_id": "u1", "account_id": "acme", "message_id": "m1", "page": 3}),
    )
    .await;
    let event = kept[0].event();
    assert_eq!(
        (kept[0].key.as_str(), event.message_id, event.occurred_at, event.properties),
        ("t1/acme", "m1", 1_795_000_000_000, r#"{"page":3}"#)
    );
}

#[tokio::test]
async fn a_bad_row_is_refused_with_its_place_and_reason_and_the_others_are_taken() {
    let bench = Bench::new();
    let good = |id: &str| json!({"account_id": id});
    let answer = rows(&bench, "accounts", &[good("a"), json!(7), good("b"), json!({"name": "nobody"}), good("~c")]).await;
    assert_eq!(answer["taken"], json!(2));
    let refused: Vec<_> =
        answer["refused"].as_array().unwrap().iter().map(|r| (r["index"].as_u64().unwrap(), r["reason"].as_str().unwrap())).collect();
    assert_eq!(refused, [(1, "not_an_object"), (3, "missing_id"), (4, "bad_id")]);
    let keys: Vec<_> = bench.kept().into_iter().map(|k| k.key).collect();
    assert_eq!(keys, ["t1/a", "t1/b"]);
}

#[tokio::test]
async fn what_cannot_be_read_in_one_way_is_refused() {
    for (kind, row, reason, said) in [
        ("accounts", json!({"account_id": "a", "contract_end": "07/08/2026"}), "bad_timestamp", "several ways"),
        ("accounts", json!({"account_id": "a", "mrr": "1,234", "currency": "USD"}), "bad_payload", "two ways"),
        ("accounts", json!({"account_id": "a", "mrr": "10"}), "bad_payload", "needs a currency"),
        ("accounts", json!({"account_id": "a", "mrr": "10", "currency": "dollars"}), "bad_payload", "iso 4217"),
        ("accounts", json!({"account_id": "a", "seats": "many"}), "bad_payload", "whole number"),
        ("accounts", json!({"account_id": "a", "name": ["x"]}), "bad_payload", "neither a text nor a number"),
        ("usage", json!({"event": "x", "timestamp": "2027-11-22", "user_id": "u"}), "bad_timestamp", "future"),
        ("usage", json!({"event": "x", "timestamp": "2026-11-01"}), "missing_id", "neither"),
        ("usage", json!({"event": "x", "timestamp": "2026-11-01", "user_id": "u", "properties": "{"}), "bad_properties", "json object"),
        ("subscriptions", json!({"subscription_id": "s", "account_id": "a", "status": "great"}), "bad_payload", "status"),
        (
            "subscriptions",
            json!({"subscription_id": "s", "account_id": "a", "status": "active", "currency": "USD", "amount": 5}),
            "bad_payload",
            "interval",
        ),
        ("subscriptions", json!({"subscription_id": "s", "status": "active"}), "no_customer", "no customer"),
        ("tickets", json!({"ticket_id": "t", "account_id": "a"}), "bad_payload", "no status"),
        ("answers", json!({"score": 11, "email": "a@x.io", "answered_at": "2026-11-01"}), "bad_answer", "0 to 10"),
        ("answers", json!({"score": 5, "answered_at": "2026-11-01"}), "no_customer", "no customer"),
    ] {
        let (why, message) = refused(kind, row.clone()).await;
        assert_eq!(why, reason, "{row}: {message}");
        assert!(message.contains(said), "{row}: {message}");
    }
}

#[tokio::test]
async fn a_request_without_a_key_a_kind_or_a_name_is_refused_as_a_whole() {
    let bench = Bench::new();
    let body = |kind: &str, source: &str| json!({"source": source, "kind": kind, "rows": []});
    assert_eq!(bench.post(PATH, &[], body("users", "crm").to_string()).await.code(), "missing_write_key");
    for (body, code) in [
        (body("people", "crm"), "unknown_type"),
        (body("users", "a b"), "bad_name"),
        (json!({"source": "crm", "kind": "users", "as_of": "then", "rows": []}), "bad_timestamp"),
        (json!({"source": "crm", "kind": "users"}), "malformed_json"),
        (json!({"source": "crm", "kind": "users", "rows": [], "colour": "red"}), "malformed_json"),
    ] {
        let answer = bench.call(PATH, &body).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let mut in_body = body("users", "crm");
    in_body["writeKey"] = KEY.into();
    assert_eq!(bench.post(PATH, &[], in_body.to_string()).await.status, 200);
    let preflight =
        bench.send(http::Request::options(PATH).header("origin", "https://x.io").body(axum::body::Body::empty()).unwrap()).await;
    assert!(!preflight.headers.contains_key("access-control-allow-origin"), "pages of other sites may not import");
}

#[tokio::test]
async fn the_same_row_is_the_same_event_and_another_state_of_it_is_another() {
    let id = async |row: Value| one("accounts", row).await[0].event().message_id.to_owned();
    let first = id(json!({"account_id": "a", "name": "A"})).await;
    assert_eq!(first, id(json!({"name": "A", "account_id": "a"})).await);
    assert_ne!(first, id(json!({"account_id": "a", "name": "B"})).await);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!({"a": []})),
        Just(json!("2026-11-22")),
        Just(json!("active")),
        Just(json!("USD")),
        Just(json!("1,234.5")),
    ]
}

proptest! {
    #[test]
    fn no_row_makes_it_panic(kind in 0..RowKind::ALL.len(), values in prop::collection::vec(any_value(), 30)) {
        let kind = RowKind::ALL[kind];
        let row: Map<String, Value> = kind.fields().iter().map(|field| field.name.to_owned()).zip(values).collect();
        let config = c360_ingest::IngestConfig::default();
        let taken = c360_ingest::rows::try_row(kind, &row, "crm", NOW, NOW, &config);
        prop_assert!(taken.map_or_else(|refused| !refused.message.is_empty(), |batch| !batch.is_empty()));
        prop_assert_ne!(message_id("a", kind, &row, 0), message_id("b", kind, &row, 0));
    }
}

#[tokio::test]
async fn a_plan_is_told_item_by_item() {
    for (row, told) in [
        (
            json!({"item": "Goal", "item_id": "g1", "title": "Ten people use it", "measure": "usage.active_users.28d", "target": "10"}),
            json!({"goals": [{"id": "g1", "title": "Ten people use it", "measure": "usage.active_users.28d", "target": 10.0, "met": null}]}),
        ),
        (
            json!({"item": "promise", "item_id": "p1", "title": "SSO", "due_at": "2026-12-31", "status": "Kept"}),
            json!({"promises": [{"id": "p1", "title": "SSO", "due_at": "2026-12-31T00:00:00.000Z", "status": "kept"}]}),
        ),
        (
            json!({"item": "result", "item_id": "r1", "title": "Training", "result_kind": "training"}),
            json!({"results": [{"id": "r1", "title": "Training", "kind": "training", "at": null}]}),
        ),
    ] {
        let mut row = row;
        row["account_id"] = json!("acme");
        let kept = one("plans", row).await;
        let event = kept[0].event();
        assert_eq!((kept[0].key.as_str(), event.name, &event.payload, event.source), ("t1/acme", "plan", &Payload::None, "import:crm"));
        assert_eq!(serde_json::from_str::<Value>(event.properties).unwrap(), told);
    }
    for (field, value, says) in [
        ("item", "wish", "goal, promise, result"),
        ("target", "many", "not a number"),
        ("met", "maybe", "yes or no"),
        ("title", "", "no title"),
    ] {
        let mut row = json!({"account_id": "acme", "item": "goal", "item_id": "g", "title": "t"});
        row[field] = json!(value);
        let (_, message) = refused("plans", row).await;
        assert!(message.contains(says), "{message}");
    }
}
