use crate::world::{
    DAY, NOW, OTHER_TOKEN, TOKEN, World, alert, delivery, history, profile, push_alert, push_delivery, push_history, push_profile,
    tombstone,
};
use axum::http::StatusCode;
use c360_log::Batch;
use c360_schemas::{
    AlertAction, AlertStatus, DeliveryOutcome, EventsValue, HistoryKind, Key, Payload, Rank, Topic, Wire, decode_events_value,
};
use serde_json::{Value, json};

fn ids(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["account_id"].as_str().unwrap()).collect()
}

async fn three_customers() -> World {
    let world = World::new();
    world.put(|b| {
        push_profile(
            b,
            &profile("a1", |p, _| {
                p.name = Some("Zebra Ltd".into());
                p.owner_email = Some("kim@example.com".into());
                p.mrr = Some(500);
            }),
        );
        push_profile(
            b,
            &profile("a2", |p, _| {
                p.name = Some("Ändern GmbH".into());
                p.owner_name = Some("Ola Nordmann".into());
                p.band = "red".into();
                p.score = Some(30);
                p.mrr = None;
                p.lifecycle = "renewal".into();
                p.renews_at = Some(NOW + 30 * DAY);
            }),
        );
        push_profile(
            b,
            &profile("~stripe_customer:cus_9", |p, _| {
                p.name = None;
                p.score = None;
                p.band = "unknown".into();
                p.mrr = Some(90_000);
                p.last_seen_at = None;
            }),
        );
        push_profile(b, &profile("foreign", |p, _| p.tenant = "t2".into()));
    });
    world.settle().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_sorted_and_filtered_and_searched() {
    let world = three_customers().await;
    for (query, wanted) in [
        ("", &["a1", "~stripe_customer:cus_9", "a2"][..]),
        ("sort=-name", &["a2", "~stripe_customer:cus_9", "a1"]),
        ("sort=-mrr", &["~stripe_customer:cus_9", "a1", "a2"]),
        ("sort=mrr", &["a1", "~stripe_customer:cus_9", "a2"]),
        ("sort=score", &["a2", "a1", "~stripe_customer:cus_9"]),
        ("sort=-renews_at", &["a2", "a1", "~stripe_customer:cus_9"]),
        ("sort=last_seen_at&limit=1000&band=&owner=&lifecycle=&q=&cursor=", &["a1", "a2", "~stripe_customer:cus_9"]),
        ("band=red", &["a2"]),
        ("lifecycle=renewal", &["a2"]),
        ("owner=KIM@example.com", &["a1"]),
        ("owner=Ola%20Nordmann", &["a2"]),
        ("owner=nobody", &[]),
        ("q=zebra", &["a1"]),
        ("q=ebr", &["a1"]),
        ("q=%C3%84ND", &["a2"]),
        ("q=cus_9", &["~stripe_customer:cus_9"]),
        ("q=nordm+gmbh", &["a2"]),
        ("q=a2", &["a2"]),
        ("q=ze+ltd", &["a1"]),
        ("q=%22+OR+1", &[]),
        ("q=%00%22%27%29--", &[]),
        ("q=zebra&band=red", &[]),
    ] {
        let answer = world.ok(&format!("/api/v1/customers?{query}")).await;
        assert_eq!(ids(&answer), wanted, "{query}");
        assert_eq!((&answer["total"], &answer["next_cursor"]), (&json!(wanted.len()), &Value::Null), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_the_list_is_the_view_without_its_long_parts() {
    let world = three_customers().await;
    let list = world.ok("/api/v1/customers?q=zebra").await;
    let mut view = world.ok("/api/v1/customers/a1").await;
    for (parent, field) in [("/health", "groups"), ("/billing", "subscriptions"), ("/usage", "features"), ("", "identities")] {
        assert!(view.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).is_some(), "the view has {field}");
    }
    assert_eq!(list["items"][0], view);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_found_by_its_whole_id_whatever_stands_in_it() {
    let world = World::new();
    for id in ["a/b c", "~user:x/y:z", "100%", "é?&#"] {
        world.put(|b| push_profile(b, &profile(id, |_, _| ())));
    }
    world.settle().await;
    for (path, id) in [
        ("a%2Fb%20c", "a/b c"),
        ("~user:x%2Fy:z", "~user:x/y:z"),
        ("%7Euser%3Ax%2Fy%3Az", "~user:x/y:z"),
        ("100%25", "100%"),
        ("%C3%A9%3F%26%23", "é?&#"),
    ] {
        assert_eq!(world.ok(&format!("/api/v1/customers/{path}")).await["account_id"], id);
        assert_eq!(world.ok(&format!("/api/v1/customers/{path}/timeline")).await["next_cursor"], Value::Null);
        assert_eq!(world.page(&format!("/customers/{path}")).await.0, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_takes_a_customer_out_of_everything() {
    let world = three_customers().await;
    world.put(|b| tombstone(b, "t1", "a1"));
    world.settle().await;
    assert_eq!(world.get("/api/v1/customers/a1").await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.ok("/api/v1/customers?q=zebra").await["total"], 0);
    assert_eq!(world.ok("/api/v1/customers").await["total"], 2);
    world.put(|b| push_profile(b, &profile("a1", |p, _| p.name = Some("Zebra is back".into()))));
    world.settle().await;
    assert_eq!(world.ok("/api/v1/customers?q=zebra+back").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_found_and_the_old_one_is_not() {
    let world = three_customers().await;
    world.put(|b| push_profile(b, &profile("a1", |p, _| p.name = Some("Giraffe Ltd".into()))));
    world.settle().await;
    assert_eq!(ids(&world.ok("/api/v1/customers?q=giraffe").await), ["a1"]);
    assert_eq!(world.ok("/api/v1/customers?q=zebra").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_only_what_is_its_own() {
    let world = three_customers().await;
    world.put(|b| {
        push_alert(b, &alert("al_1", "a1", |_| ()));
        push_history(b, &history("h1", "a1", HistoryKind::Note, NOW, "secret", json!({})));
    });
    world.settle().await;
    let (_, list) = world.call("GET", "/api/v1/customers", OTHER_TOKEN, "").await;
    assert_eq!((ids(&list), &list["total"]), (vec!["foreign"], &json!(1)));
    for path in
        ["/api/v1/customers/a1", "/api/v1/customers/a1/timeline", "/api/v1/customers/a1/scores", "/api/v1/alerts/al_1", "/customers/a1"]
    {
        assert_eq!(world.call("GET", path, OTHER_TOKEN, "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(world.call("GET", "/api/v1/alerts?status=all", OTHER_TOKEN, "").await.1["total"], 0);
    assert_eq!(world.call("POST", "/api/v1/alerts/al_1/acknowledge", OTHER_TOKEN, "{}").await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.call("GET", "/api/v1/portfolio", OTHER_TOKEN, "").await.1["customers"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_merges_all_there_is_newest_first() {
    let world = World::new();
    let day = NOW - 10 * 3_600_000;
    world.put(|b| {
        push_profile(
            b,
            &profile("a1", |_, view| {
                view["usage"]["daily"] = json!([["2026-11-20", 0, 0], ["2026-11-21", 23, 5], ["2026-11-22", 1, 1], ["bad"], 7]);
            }),
        );
        push_history(b, &history("h1", "a1", HistoryKind::Event, NOW - 3 * DAY, "Invoice paid", json!({"id": "in_1"})));
        push_history(b, &history("h2", "a1", HistoryKind::Score, NOW, "Score 72 to 41", json!({"score": 41, "band": "red"})));
        // What it was told while it was nobody's, and what is another's.
        push_history(b, &history("h3", "~stripe_customer:cus_1", HistoryKind::Event, NOW - 4 * DAY, "Subscription started", json!({})));
        push_history(b, &history("h4", "~stripe_customer:cus_1", HistoryKind::Score, NOW - 4 * DAY, "Score of nobody", json!({})));
        push_history(b, &history("h5", "a2", HistoryKind::Event, NOW, "Another's", json!({})));
        push_alert(b, &alert("al_1", "a1", |a| a.at = NOW + 1));
        push_delivery(b, &delivery("al_1", "a1", DeliveryOutcome::Planned, 0, NOW + 1));
        push_delivery(b, &delivery("al_1", "a1", DeliveryOutcome::Delivered, 1, NOW + 2));
    });
    world.settle().await;
    let answer = world.ok("/api/v1/customers/a1/timeline").await;
    let items = answer["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|i| (i["kind"].as_str().unwrap(), i["title"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("delivery", "Alert delivered to team"),
            ("alert", "Health changed: green to red, 72 to 41"),
            ("score", "Score 72 to 41"),
            ("event", "1 usage event by 1 user"),
            ("event", "23 usage events by 5 users"),
            ("event", "Invoice paid"),
            ("event", "Subscription started"),
        ]
    );
    assert_eq!(items[0]["detail"]["status_code"], 200);
    assert_eq!((&items[1]["detail"]["type"], &items[1]["detail"]["account"]["account_id"]), (&json!("health.changed"), &json!("a1")));
    assert_eq!(items[3]["detail"], json!({"day": "2026-11-22", "events": 1, "active_users": 1}));
    assert!(day < NOW && items[3]["at"] == "2026-11-22T00:00:00Z" && items[5]["detail"]["id"] == "in_1");
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_come_with_their_receipts() {
    let world = World::new();
    let receipt = json!([{"measure": "past_due", "group": "billing", "before": 100, "after": 0, "contribution": -31, "events": ["evt_1"]}]);
    world.put(|b| {
        push_profile(b, &profile("a1", |_, _| ()));
        push_history(
            b,
            &history(
                "h1",
                "a1",
                HistoryKind::Score,
                NOW - DAY,
                "Score 72",
                json!({"score": 72, "band": "yellow", "card": "steady", "before": null, "receipt": []}),
            ),
        );
        push_history(
            b,
            &history(
                "h2",
                "a1",
                HistoryKind::Score,
                NOW,
                "Score 41",
                json!({"score": 41, "band": "red", "card": "steady", "before": 72, "receipt": receipt}),
            ),
        );
        push_history(b, &history("h3", "a1", HistoryKind::Note, NOW, "no score", json!({})));
    });
    world.settle().await;
    let answer = world.ok("/api/v1/customers/a1/scores").await;
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        answer["items"][0],
        json!({"at": "2026-11-22T10:00:00Z", "score": 41, "band": "red", "card": "steady", "before": 72, "receipt": receipt})
    );
    assert_eq!((&answer["items"][1]["score"], &answer["next_cursor"]), (&json!(72), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_show_their_newest_revision_and_each_shows_all_of_its_own() {
    let world = World::new();
    world.put(|b| {
        push_alert(b, &alert("al_1", "a1", |_| ()));
        push_alert(b, &alert("al_1", "a1", |a| (a.revision, a.status, a.at) = (2, AlertStatus::Updated, NOW + 5)));
        push_alert(b, &alert("al_2", "a2", |a| a.at = NOW + 1));
        push_alert(b, &alert("al_3", "a3", |a| (a.revision, a.status, a.at) = (2, AlertStatus::Resolved, NOW + 9)));
        push_alert(b, &alert("al_4", "a4", |a| a.status = AlertStatus::Retracted));
        push_delivery(b, &delivery("al_1", "a1", DeliveryOutcome::Planned, 0, NOW));
        push_delivery(b, &delivery("al_1", "a1", DeliveryOutcome::Delivered, 1, NOW + 1));
    });
    world.settle().await;
    for (status, wanted) in [
        ("", &["al_1", "al_2"][..]),
        ("?status=open", &["al_1", "al_2"]),
        ("?status=resolved", &["al_3"]),
        ("?status=retracted", &["al_4"]),
        ("?status=all", &["al_3", "al_1", "al_2", "al_4"]),
    ] {
        let answer = world.ok(&format!("/api/v1/alerts{status}")).await;
        let ids: Vec<_> = answer["items"].as_array().unwrap().iter().map(|a| a["alert_id"].as_str().unwrap()).collect();
        assert_eq!((ids.as_slice(), &answer["total"]), (wanted, &json!(wanted.len())), "{status}");
    }
    let one = world.ok("/api/v1/alerts/al_1").await;
    assert_eq!(
        (&one["revision"], &one["type"], &one["timestamp"]),
        (&json!(2), &json!("health.changed"), &json!("2026-11-22T10:00:00.005Z"))
    );
    assert_eq!(one["url"], "http://console.test/customers/a1");
    assert_eq!(one["revisions"].as_array().unwrap().iter().map(|r| r["revision"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let outcomes: Vec<_> = one["deliveries"].as_array().unwrap().iter().map(|d| d["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["planned", "delivered"]);
}

/// Answers commands as the machine that decides does.
fn decider(topic: Topic, _key: &[u8], value: &[u8]) -> Batch {
    let mut out = Batch::default();
    if let (Topic::Events, Ok(EventsValue::Command(command))) = (topic, decode_events_value(value)) {
        let revised = alert(&command.alert_id, &command.account_id, |a| {
            a.revision = 2;
            a.status = AlertStatus::Updated;
            match command.action {
                AlertAction::Acknowledge => a.acknowledged_by = command.by,
                AlertAction::Snooze => a.snoozed_until = command.until,
                AlertAction::Verdict => a.verdict = command.verdict,
            }
        });
        push_alert(&mut out, &revised);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_of_an_alert_goes_to_the_log_and_shows_in_the_answer() {
    for (action, body, field, wanted) in [
        ("acknowledge", json!({"by": "Kim"}), "acknowledged_by", "Kim"),
        ("acknowledge", json!({}), "acknowledged_by", "api"),
        (
            "snooze",
            json!({"by": "Kim", "reason": "they are on holiday", "until": "2026-12-01T00:00:00Z"}),
            "snoozed_until",
            "2026-12-01T00:00:00Z",
        ),
        ("verdict", json!({"verdict": "wrong"}), "verdict", "wrong"),
    ] {
        for decided in [true, false] {
            let world = World::new();
            if decided {
                world.log.set_machine(decider);
            }
            world.put(|b| push_alert(b, &alert("al_1", "a1", |_| ())));
            world.settle().await;
            let (status, answer) = world.post(&format!("/api/v1/alerts/al_1/{action}"), body.clone()).await;
            assert_eq!((status, &answer[field]), (StatusCode::OK, &json!(wanted)), "{action}, decided: {decided}");
            assert_eq!(answer["revision"], if decided { 2 } else { 1 });
            let events = world.log.all(Topic::Events);
            let command = events.iter().find_map(|(key, value)| match decode_events_value(value) {
                Ok(EventsValue::Command(command)) => Some((key.clone(), command)),
                _ => None,
            });
            let (key, command) = command.unwrap();
            assert_eq!(key, Key { tenant: "t1", id: "a1" }.to_vec());
            assert_eq!((command.alert_id.as_str(), command.at, command.reason.as_deref()), ("al_1", NOW, body["reason"].as_str()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_goes_to_the_log_under_its_foreign_id() {
    let world = World::new();
    let body = json!({"foreign": {"kind": "email_domain", "id": " Acme.Example "}, "account_id": "a1"});
    let (status, answer) = world.post("/api/v1/links", body.clone()).await;
    assert_eq!((status, &answer["foreign"]["id"]), (StatusCode::OK, &json!("acme.example")));
    let (status, _) =
        world.call("DELETE", "/api/v1/links", TOKEN, &json!({"foreign": {"kind": "stripe_customer", "id": "cus_1"}}).to_string()).await;
    assert_eq!(status, StatusCode::OK);
    let mut links = world.log.all(Topic::Unresolved);
    links.sort();
    for ((key, value), (wanted, account)) in
        links.iter().zip([("t1/email_domain:acme.example", Some("a1")), ("t1/stripe_customer:cus_1", None)])
    {
        assert_eq!(std::str::from_utf8(key).unwrap(), wanted);
        let Ok(EventsValue::Event(event)) = decode_events_value(value) else { panic!("no event") };
        let Payload::Link(link) = event.payload else { panic!("no link") };
        assert_eq!((link.account_id, link.rank, link.at, event.source, event.tenant), (account, Rank::Told, NOW, "api", "t1"));
    }
    assert_eq!(links.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portfolio_is_counted_and_never_made_up() {
    let world = World::new();
    let empty = world.ok("/api/v1/portfolio").await;
    assert_eq!(
        (&empty["mrr"], &empty["nrr"], &empty["months"], &empty["nps"]["score"]),
        (&Value::Null, &Value::Null, &json!([]), &Value::Null)
    );
    world.put(|b| {
        for (id, mrr, currency) in [("a1", Some(100), Some("USD")), ("a2", Some(0), Some("USD")), ("a3", None, None)] {
            push_profile(
                b,
                &profile(id, |p, view| {
                    (p.mrr, p.currency) = (mrr, currency.map(Into::into));
                    p.owner_email = Some("kim@example.com".into()).filter(|_| id == "a1");
                    view["surveys"]["nps"] = json!({"score": null, "promoters": 2, "passives": 0, "detractors": 0});
                }),
            );
        }
    });
    world.settle().await;
    let one = world.ok("/api/v1/portfolio").await;
    assert_eq!(one["mrr"], json!({"amount": 100, "currency": "USD"}));
    assert_eq!(one["nps"], json!({"score": 100, "interval": [26, 100], "promoters": 6, "passives": 0, "detractors": 0}));
    assert_eq!(
        (&one["customers"]["total"], &one["customers"]["by_band"]),
        (&json!(3), &json!({"green": 0, "red": 0, "unknown": 0, "yellow": 3}))
    );
    assert_eq!(
        (&one["customers"]["by_owner"][1]["owner"]["email"], &one["customers"]["by_owner"][1]["customers"]),
        (&json!("kim@example.com"), &json!(1))
    );
    assert_eq!(one["as_of"], "2026-11-22T10:00:00Z");
    world.put(|b| push_profile(b, &profile("a4", |p, _| p.currency = Some("EUR".into()))));
    world.settle().await;
    let two = world.ok("/api/v1/portfolio").await;
    assert_eq!((&two["mrr"], two["mrr_by_currency"].as_array().unwrap().len()), (&Value::Null, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_the_error_that_names_them() {
    let world = three_customers().await;
    world.put(|b| push_alert(b, &alert("al_1", "a1", |_| ())));
    world.put(|b| push_alert(b, &alert("al_2", "a1", |a| a.status = AlertStatus::Resolved)));
    world.settle().await;
    let sorted = world.ok("/api/v1/customers?limit=1&sort=name").await["next_cursor"].as_str().unwrap().to_owned();
    let foreign = |kind: &str, id: &str, account: Value| json!({"foreign": {"kind": kind, "id": id}, "account_id": account}).to_string();
    let big = format!("{{\"by\":\"{}\"}}", "x".repeat(100_000));
    let long = json!({"by": "x".repeat(201)}).to_string();
    let cases: Vec<(&str, String, String, u16)> = vec![
        ("GET", "/api/v1/customers?sort=band".into(), String::new(), 400),
        ("GET", "/api/v1/customers?band=purple".into(), String::new(), 400),
        ("GET", "/api/v1/customers?lifecycle=young".into(), String::new(), 400),
        ("GET", "/api/v1/customers?limit=0".into(), String::new(), 400),
        ("GET", "/api/v1/customers?limit=1001".into(), String::new(), 400),
        ("GET", "/api/v1/customers?limit=-1".into(), String::new(), 400),
        ("GET", "/api/v1/customers?limit=ten".into(), String::new(), 400),
        ("GET", "/api/v1/customers?cursor=garbage".into(), String::new(), 400),
        ("GET", "/api/v1/customers?cursor=e30".into(), String::new(), 400),
        ("GET", format!("/api/v1/customers?sort=-mrr&cursor={sorted}"), String::new(), 400),
        ("GET", format!("/api/v1/alerts?cursor={sorted}"), String::new(), 400),
        ("GET", format!("/api/v1/customers?q={}", "x".repeat(201)), String::new(), 400),
        ("GET", "/api/v1/customers?q=%ff".into(), String::new(), 200),
        ("GET", "/api/v1/customers?limit=1&limit=2".into(), String::new(), 400),
        ("GET", "/api/v1/customers/%ff".into(), String::new(), 400),
        ("GET", "/api/v1/customers/nobody".into(), String::new(), 404),
        ("GET", "/api/v1/customers/nobody/timeline".into(), String::new(), 404),
        ("GET", "/api/v1/customers/nobody/scores".into(), String::new(), 404),
        ("GET", "/api/v1/customers/a1/timeline?cursor=%21".into(), String::new(), 400),
        ("GET", "/api/v1/customers/a1/scores?limit=x".into(), String::new(), 400),
        ("GET", "/api/v1/alerts?status=closed".into(), String::new(), 400),
        ("GET", "/api/v1/alerts/nothing".into(), String::new(), 404),
        ("POST", "/api/v1/alerts/nothing/acknowledge".into(), "{}".into(), 404),
        ("POST", "/api/v1/alerts/al_1/acknowledge".into(), "{".into(), 400),
        ("POST", "/api/v1/alerts/al_1/acknowledge".into(), "[]x".into(), 400),
        ("POST", "/api/v1/alerts/al_1/acknowledge".into(), long, 400),
        ("POST", "/api/v1/alerts/al_1/acknowledge".into(), big, 413),
        ("POST", "/api/v1/alerts/al_2/acknowledge".into(), "{}".into(), 409),
        ("POST", "/api/v1/alerts/al_1/snooze".into(), "{}".into(), 400),
        ("POST", "/api/v1/alerts/al_1/snooze".into(), r#"{"until":"2026-11-22T09:59:59Z"}"#.into(), 400),
        ("POST", "/api/v1/alerts/al_1/snooze".into(), r#"{"until":"soon"}"#.into(), 400),
        ("POST", "/api/v1/alerts/al_1/verdict".into(), r#"{"verdict":"meh"}"#.into(), 400),
        ("POST", "/api/v1/alerts/al_1/forget".into(), "{}".into(), 404),
        ("POST", "/api/v1/links".into(), foreign("fax_number", "1", json!("a1")), 400),
        ("POST", "/api/v1/links".into(), foreign("user", "", json!("a1")), 400),
        ("POST", "/api/v1/links".into(), foreign("user", "u1", Value::Null), 400),
        ("POST", "/api/v1/links".into(), foreign("user", "u1", json!("~user:u1")), 400),
        ("POST", "/api/v1/links".into(), foreign("user", "u1", json!(7)), 400),
        ("DELETE", "/api/v1/links".into(), foreign("fax_number", "1", Value::Null), 400),
        ("POST", "/api/v1/links".into(), "not json".into(), 400),
        ("POST", "/api/v1/customers".into(), "{}".into(), 405),
        ("GET", "/api/v1/nothing".into(), String::new(), 404),
    ];
    for (method, path, body, wanted) in cases {
        let (status, answer) = world.call(method, &path, TOKEN, &body).await;
        assert_eq!(status.as_u16(), wanted, "{method} {path}: {answer}");
        if wanted != 200 {
            let fields: Vec<_> = answer.as_object().unwrap_or_else(|| panic!("{method} {path} answered {answer}")).keys().collect();
            assert_eq!(fields, ["code", "message"], "{method} {path}");
        }
    }
    assert!(world.log.all(Topic::Unresolved).iter().all(|(key, _)| key.is_empty()), "only ticks, nothing of the refused requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_down_is_a_503_and_reading_goes_on() {
    let world = three_customers().await;
    world.log.set_down(true);
    let (status, answer) = world.post("/api/v1/links", json!({"foreign": {"kind": "user", "id": "u1"}, "account_id": "a1"})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(world.post("/api/v1/clock", json!({"advance_s": 1})).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.ok("/api/v1/customers").await["total"], 3);
}

#[test]
fn an_alert_comes_back_from_the_wire() {
    let mut bytes = Vec::new();
    let sent = alert("al_1", "a1", |_| ());
    sent.encode(&mut bytes);
    assert_eq!(c360_schemas::Alert::decode(&bytes).unwrap(), sent);
}
