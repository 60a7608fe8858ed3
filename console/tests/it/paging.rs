use crate::world::{NOW, World, alert, delivery, history, profile, push_alert, push_delivery, push_history, push_profile};
use c360_schemas::{DeliveryOutcome, HistoryKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Walks all pages; every item once, or the test fails.
async fn walk(world: &World, path: &str, limit: usize, id: impl Fn(&Value) -> String) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = world.ok(&format!("{path}{}limit={limit}&cursor={cursor}", if path.contains('?') { '&' } else { '?' })).await;
        let items = answer["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        seen.extend(items.iter().map(&id));
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
        assert!(!items.is_empty(), "a cursor leads on, or there is none");
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{path} gave something twice");
    seen
}

type Columns = (Option<u8>, Option<u8>, Option<i64>, Option<u8>, Option<u8>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn all_pages_of_any_sort_have_each_customer_once(
        columns in prop::collection::vec(any::<Columns>(), 0..40), limit in 1_usize..9,
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let world = World::new();
            world.put(|b| {
                for (i, (name, score, mrr, seen, renews)) in columns.iter().enumerate() {
                    push_profile(b, &profile(&format!("a{i}"), |p, _| {
                        // Few values, so that many are equal.
                        p.name = name.map(|n| format!("Name {}", n % 4));
                        p.score = score.map(|s| i32::from(s % 5));
                        p.mrr = *mrr;
                        p.last_seen_at = seen.map(|s| NOW + i64::from(s % 3));
                        p.renews_at = renews.map(|s| NOW - i64::from(s % 3));
                    }));
                }
            });
            world.settle().await;
            for column in ["name", "score", "mrr", "last_seen_at", "renews_at"] {
                let mut orders = Vec::new();
                for sort in [column.to_owned(), format!("-{column}")] {
                    let path = format!("/api/v1/customers?sort={sort}");
                    let walked = walk(&world, &path, limit, |c| c["account_id"].as_str().unwrap().into()).await;
                    assert_eq!(walked.len(), columns.len(), "{sort}");
                    let whole = walk(&world, &path, 1000, |c| c["account_id"].as_str().unwrap().into()).await;
                    assert_eq!(walked, whole, "pages are the order cut up");
                    orders.push(walked);
                }
                assert_eq!(orders[0].iter().collect::<BTreeSet<_>>(), orders[1].iter().collect::<BTreeSet<_>>());
            }
        });
    }

    #[test]
    fn all_pages_of_timeline_scores_and_alerts_have_each_entry_once(times in prop::collection::vec(0_i64..4, 0..60), limit in 1_usize..9) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let world = World::new();
            let daily: Vec<_> = (1..=20).map(|d| json!([format!("2026-11-{d:02}"), d, 1])).collect();
            world.put(|b| {
                push_profile(b, &profile("a1", |_, view| view["usage"]["daily"] = json!(daily)));
                for (i, back) in times.iter().enumerate() {
                    let at = NOW - back * 86_400_000;
                    match i % 4 {
                        0 => push_history(b, &history(&format!("h{i}"), "a1", HistoryKind::Score, at, &format!("score {i}"), json!({"score": i}))),
                        1 => push_history(b, &history(&format!("h{i}"), "a1", HistoryKind::Event, at, &format!("event {i}"), json!({}))),
                        2 => push_alert(b, &alert(&format!("al_{i}"), "a1", |a| (a.at, a.alert_type) = (at, format!("x.y{i}")))),
                        _ => push_delivery(b, &delivery(&format!("al_{i}"), "a1", DeliveryOutcome::Delivered, i as i32 + 1, at)),
                    }
                }
            });
            world.settle().await;
            let entry = |e: &Value| format!("{} {} {} {}", e["at"], e["kind"], e["title"], e["detail"]);
            let count = |of: fn(usize) -> bool| (0..times.len()).filter(|i| of(*i)).count();
            let walked = walk(&world, "/api/v1/customers/a1/timeline", limit, entry).await;
            assert_eq!(walked.len(), times.len() + 20);
            let ats: Vec<_> = walked.iter().map(|e| e.split(' ').next().unwrap().to_owned()).collect();
            assert!(ats.is_sorted_by(|a, b| a >= b), "newest first");
            let scores = walk(&world, "/api/v1/customers/a1/scores", limit, |s| s["score"].to_string()).await;
            assert_eq!(scores.len(), count(|i| i % 4 == 0));
            let alerts = walk(&world, "/api/v1/alerts?status=all", limit, |a| a["alert_id"].to_string()).await;
            assert_eq!(alerts.len(), count(|i| i % 4 == 2));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_that_come_and_go_between_pages_move_no_others() {
    let world = World::new();
    let named = |id: &str, name: &str| profile(id, |p, _| p.name = Some(name.into()));
    world.put(|b| ["b", "d", "f", "h"].iter().for_each(|n| push_profile(b, &named(n, n))));
    world.settle().await;
    let first = world.ok("/api/v1/customers?limit=2").await;
    world.put(|b| {
        ["a", "c", "e"].iter().for_each(|n| push_profile(b, &named(n, n)));
        crate::world::tombstone(b, "t1", "d");
    });
    world.settle().await;
    let rest = world.ok(&format!("/api/v1/customers?cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let ids: Vec<_> = rest["items"].as_array().unwrap().iter().map(|c| c["account_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["e", "f", "h"]);
}
