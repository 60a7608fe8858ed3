//! Whatever is sent: no panic, no 5xx, and an error body that clients understand.
use crate::hooks::{path, sign};
use crate::support::{Bench, KEY};
use proptest::prelude::*;
use serde_json::{Value, json};

/// JSON of any shape, with the field names that matter in it.
fn json_like() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("track".to_owned()),
        Just("group".to_owned()),
        Just("identify".to_owned()),
        Just("alias".to_owned()),
        Just("nps answered".to_owned()),
        Just("customer.subscription.updated".to_owned()),
        Just("invoice.paid".to_owned()),
        Just("zen:event-type:ticket.comment_added".to_owned()),
        Just("closed".to_owned()),
        Just("active".to_owned()),
        Just("hs_pipeline_stage".to_owned()),
        Just("account_id".to_owned()),
        Just("1.0".to_owned()),
        Just("9999-12-31T23:59:59Z".to_owned()),
        Just("year".to_owned()),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,12}(Z|[+-][0-9:]{2,5})",
        "\\PC{0,12}",
        "[0-9]{1,25}(\\.[0-9]{0,9})?",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "type",
        "userId",
        "anonymousId",
        "groupId",
        "messageId",
        "event",
        "name",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "properties",
        "traits",
        "context",
        "score",
        "batch",
        "owner",
        "email",
        "seats",
        "id",
        "created",
        "data",
        "object",
        "customer",
        "status",
        "currency",
        "items",
        "price",
        "unit_amount",
        "unit_amount_decimal",
        "recurring",
        "interval",
        "quantity",
        "discounts",
        "coupon",
        "percent_off",
        "time",
        "detail",
        "organization_id",
        "requester_id",
        "subject",
        "comment",
        "previousId",
        "state",
        "contacts",
        "external_id",
        "conversation_rating",
        "rating",
        "company",
        "contact",
        "companies",
        "custom_attributes",
        "account_id",
        "updated_at",
        "created_at",
        "subscription",
        "invoice",
        "subscription_items",
        "item_price_id",
        "amount",
        "percentage",
        "contract_term",
        "contract_end",
        "cancelled_at",
        "due_date",
        "customer_id",
        "meta_data",
        "objectId",
        "occurredAt",
        "propertyName",
        "propertyValue",
        "eventId",
        "ticket_id",
        "ticket_status",
        "freshdesk_webhook",
        "company_id",
        "requester_email",
        "person",
        "person_properties",
        "survey_type",
        "specversion",
        "source",
        "subject",
        "accountid",
        "data_base64",
    ]);
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..12).prop_map(|fields| fields
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// A webhook that is right enough to be looked into.
fn webhook(object: &Value, provider: &str, event_type: &str) -> Value {
    match provider {
        "stripe" => json!({"id": "evt_1", "type": event_type, "created": 1_795_341_600, "data": {"object": object}}),
        "intercom" => json!({"id": "notif_1", "topic": event_type, "created_at": 1_795_341_600, "data": {"item": object}}),
        "chargebee" => json!({"id": "ev_1", "event_type": event_type, "occurred_at": 1_795_341_600, "content": object}),
        "delighted" => json!({"event_id": "1", "event_type": event_type, "event_data": object}),
        "hubspot" => {
            let mut event = json!({"eventId": 1, "objectId": 2, "occurredAt": 1_795_341_600_000_i64, "propertyName": "account_id", "propertyValue": "acme"});
            event["subscriptionType"] = json!(event_type);
            if let (Some(event), Some(object)) = (event.as_object_mut(), object.as_object()) {
                event.extend(object.clone());
            }
            json!([event, object])
        }
        "freshdesk" => json!({"ticket_id": 7, "ticket_status": "Open", "ticket": object}),
        _ => json!({"id": "z1", "type": event_type, "time": "2026-11-22T10:00:00Z", "detail": object, "event": object}),
    }
}

fn run(check: impl AsyncFnOnce(&Bench)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { check(&Bench::new()).await });
}

async fn is_answered(bench: &Bench, path: &str, headers: &[(&str, &str)], body: Vec<u8>) {
    let answer = bench.post(path, headers, body.clone()).await;
    let shown = String::from_utf8_lossy(&body);
    assert!(answer.status < 500, "{path} {answer:?} {shown}");
    if answer.status != 200 {
        assert!(!answer.code().is_empty(), "{path} {answer:?} {shown}");
    }
    for kept in bench.kept() {
        if kept.topic == c360_schemas::Topic::DeadLetters {
            kept.dead_letter();
        } else {
            let properties = kept.event().properties.to_owned();
            assert!(properties.is_empty() || properties.trim_start().starts_with('{'), "{properties}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..300), encoding in prop::sample::select(vec!["identity", "gzip", "deflate", "br", "zstd"])) {
        run(async |bench| {
            for path in ["/v1/track", "/v1/group", "/v1/batch"] {
                is_answered(bench, path, &[("x-write-key", KEY), ("content-encoding", encoding)], body.clone()).await;
            }
        });
    }

    #[test]
    fn any_json_is_answered(call in json_like()) {
        run(async |bench| {
            for path in ["/v1/track", "/v1/identify", "/v1/group", "/v1/page", "/v1/alias", "/v1/batch"] {
                is_answered(bench, path, &[("x-write-key", KEY)], call.to_string().into_bytes()).await;
            }
            let batch = json!({"batch": [call]}).to_string().into_bytes();
            is_answered(bench, "/v1/batch", &[("x-write-key", KEY)], batch).await;
        });
    }

    #[test]
    fn any_webhook_is_answered(object in json_like()) {
        run(async |bench| {
            for (provider, event_type) in [
                ("stripe", "customer.subscription.updated"),
                ("stripe", "invoice.payment_failed"),
                ("stripe", "charge.dispute.created"),
                ("zendesk", "zen:event-type:ticket.comment_added"),
                ("intercom", "conversation.admin.replied"),
                ("intercom", "conversation.rating.added"),
                ("intercom", "contact.user.updated"),
                ("intercom", "company.updated"),
                ("intercom", "company.contact.attached"),
                ("chargebee", "subscription_changed"),
                ("chargebee", "payment_failed"),
                ("chargebee", "customer_changed"),
                ("delighted", "survey_response.updated"),
                ("hubspot", "company.propertyChange"),
                ("hubspot", "ticket.propertyChange"),
                ("hubspot", "deal.associationChange"),
                ("freshdesk", ""),
            ] {
                let path = &path(provider);
                for body in [object.clone(), webhook(&object, provider, event_type)] {
                    let body = body.to_string().into_bytes();
                    let headers = sign(provider, &body);
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    is_answered(bench, path, &headers, body).await;
                }
            }
        });
    }

    #[test]
    fn any_cloudevent_is_answered(event in json_like(), id in "\\PC{0,4}", header in "[ -~]{0,24}", body in prop::collection::vec(any::<u8>(), 0..60)) {
        run(async |bench| {
            let mut right = json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "userid": "u", "data": event});
            if let (Some(right), Some(object)) = (right.as_object_mut(), event.as_object()) {
                right.extend(object.clone());
            }
            let key = ("x-write-key", KEY);
            for (content_type, body) in [
                ("application/cloudevents+json", event.to_string()),
                ("application/cloudevents+json", right.to_string()),
                ("application/cloudevents-batch+json", json!([right, event]).to_string()),
            ] {
                is_answered(bench, "/v1/cloudevents/s", &[key, ("content-type", content_type)], body.into_bytes()).await;
            }
            for content_type in ["application/json", "text/plain", ""] {
                let headers = [key, ("content-type", content_type), ("ce-specversion", "1.0"), ("ce-id", header.as_str()), ("ce-source", "s"), ("ce-type", header.as_str()), ("ce-subject", header.as_str())];
                is_answered(bench, "/v1/cloudevents/s", &headers, body.clone()).await;
            }
        });
    }

    #[test]
    fn any_mapped_payload_is_answered(event in json_like()) {
        run(async |bench| {
            for kind in ["usage", "survey", "ticket", "subscription", "account", "user"] {
                bench.ingest.reload(crate::support::keys(), crate::json_hooks::source_of_kind(kind));
                for body in [event.clone(), json!([event, {"id": event, "status": "active", "user": "u", "email": "u@x.io", "account": "a"}])] {
                    is_answered(bench, "/hooks/json/tool", &[("authorization", "Bearer js_secret")], body.to_string().into_bytes()).await;
                }
            }
        });
    }
}
