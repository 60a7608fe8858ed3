use crate::fake_log::FakeLog;
use crate::world::{
    DAY, NOW, World, alert, delivery, history, limits, profile, push_alert, push_delivery, push_history, push_profile, tombstone, until,
};
use c360_console::ConsoleLimits;
use c360_log::{Batch, Clock, ClockSpec};
use c360_schemas::{AlertStatus, DeliveryOutcome, HistoryKind, Topic};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::json;
use std::sync::Arc;

/// All rows, in an order of their own; ids of rows are not theirs to keep.
fn rows(world: &World) -> Vec<String> {
    let connection = Connection::open(world.folder.path().join("console.db")).unwrap();
    let mut all = Vec::new();
    for sql in [
        "SELECT c.tenant, c.account_id, c.name, c.score, c.band, c.search, v.view FROM customers c JOIN views v USING (id) ORDER BY 1, 2",
        "SELECT c.account_id FROM customers c JOIN customer_search s ON s.rowid = c.id WHERE customer_search MATCH 'customer' ORDER BY 1",
        "SELECT * FROM alerts ORDER BY tenant, alert_id",
        "SELECT * FROM alert_revisions ORDER BY tenant, alert_id, revision",
        "SELECT * FROM deliveries ORDER BY tenant, alert_id, revision, destination, attempt, outcome",
        "SELECT * FROM history ORDER BY tenant, account_id, at, id",
        "SELECT count(*) FROM views",
        "SELECT * FROM positions WHERE next > 0 ORDER BY 1, 2",
    ] {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let read =
            statement.query_map([], |row| Ok((0..columns).map(|i| text(row.get_ref(i).unwrap())).collect::<Vec<_>>().join("|"))).unwrap();
        all.extend(read.map(Result::unwrap));
    }
    all
}

fn text(value: ValueRef<'_>) -> String {
    value.as_str().map_or_else(|_| format!("{value:?}"), Into::into)
}

/// Two states are the same; says where they are not.
fn assert_same(left: &[String], right: &[String]) {
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left, right);
    }
    assert_eq!(left.len(), right.len());
}

/// Some record, out of a number. An alert is of one account, as it is in life: the order of records holds within a partition.
fn record(batch: &mut Batch, n: u32) {
    let id = format!("a{}", n % 7);
    let at = NOW - i64::from(n % 11) * DAY;
    match n % 5 {
        0 => push_history(batch, &history(&format!("h{}", n % 13), &id, HistoryKind::Event, at, "something", json!({"n": n}))),
        1 => push_alert(
            batch,
            &alert(&format!("al_{}", n % 7), &id, |a| {
                a.revision = (n / 5 % 4) as i32;
                a.status = if n.is_multiple_of(3) { AlertStatus::Resolved } else { AlertStatus::Updated };
                a.at = at;
            }),
        ),
        2 => push_delivery(batch, &delivery(&format!("al_{}", n % 7), &id, DeliveryOutcome::Retry, (n % 3) as i32, at)),
        3 if n.is_multiple_of(4) => tombstone(batch, "t1", &id),
        _ => push_profile(batch, &profile(&id, |p, _| p.name = Some(format!("Customer {}", n % 3)))),
    }
}

fn world_of(folder: Arc<tempfile::TempDir>, limits: ConsoleLimits) -> World {
    let clock = Clock::manual(ClockSpec { start: NOW, rate: 0.0 });
    World::open(FakeLog::new(3, clock.clone()), clock, folder, limits)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn stops_anywhere_and_batches_of_any_size_fold_to_the_same_rows(numbers in prop::collection::vec(0_u32..2000, 1..120), stops in prop::collection::vec(0_usize..120, 0..4), size in 1_usize..40) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _guard = runtime.enter();
        runtime.block_on(async {
            let folder = || Arc::new(tempfile::tempdir().unwrap());
            let at_once = world_of(folder(), limits());
            for n in &numbers {
                at_once.put(|b| record(b, *n));
            }
            at_once.settle().await;

            let small = || ConsoleLimits { fold_batch_records_max: size, ..limits() };
            let mut by_and_by = world_of(folder(), small());
            for (i, n) in numbers.iter().enumerate() {
                by_and_by.put(|b| record(b, *n));
                if stops.contains(&i) {
                    by_and_by = by_and_by.reopen(small());
                }
            }
            by_and_by.settle().await;
            // Ticks of the barriers stand in the same places, so positions are equal too.
            assert_same(&rows(&at_once), &rows(&by_and_by));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_folded_again_change_nothing() {
    let world = world_of(Arc::new(tempfile::tempdir().unwrap()), limits());
    for n in 0..300 {
        world.put(|b| record(b, n * 7));
    }
    world.settle().await;
    let before = rows(&world);
    world.console.stop();
    // Nothing ever loses positions alone; if it did, the rows would bear it.
    let connection = Connection::open(world.folder.path().join("console.db")).unwrap();
    connection.execute("DELETE FROM positions WHERE topic <> ?1", [Topic::Profiles as u8]).unwrap();
    drop(connection);
    let world = world.reopen(limits());
    until("the fold is at the end again", || world.console.caught_up()).await;
    assert_same(&rows(&world), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_folded_again() {
    let world = world_of(Arc::new(tempfile::tempdir().unwrap()), limits());
    for n in 0..200 {
        world.put(|b| record(b, n * 3));
    }
    world.settle().await;
    let before = rows(&world);
    let World { log, clock, console, folder, .. } = world;
    drop(console);
    for name in ["console.db", "console.db-wal", "console.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let world = World::open(log, clock, folder, limits());
    until("the fold is at the end", || world.console.caught_up()).await;
    assert_same(&rows(&world), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_ahead_of_its_log_is_another_logs_and_is_emptied() {
    let world = world_of(Arc::new(tempfile::tempdir().unwrap()), limits());
    for n in 0..50 {
        world.put(|b| record(b, n));
    }
    world.settle().await;
    let World { clock, console, folder, .. } = world;
    drop(console);
    let world = World::open(FakeLog::new(3, clock.clone()), clock, folder, limits());
    world.put(|b| push_profile(b, &profile("only", |_, _| ())));
    world.settle().await;
    assert_eq!(world.ok("/api/v1/customers").await["total"], 1);
    assert_eq!(world.ok("/api/v1/alerts?status=all").await["total"], 0);
    assert_eq!(world.ok("/api/v1/customers?q=only").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_no_longer_keeps_is_passed_over() {
    let world = world_of(Arc::new(tempfile::tempdir().unwrap()), limits());
    world.put(|b| push_profile(b, &profile("old", |_, _| ())));
    world.settle().await;
    world.console.stop();
    world.put(|b| tombstone(b, "t1", "old"));
    world.put(|b| push_profile(b, &profile("new", |_, _| ())));
    // The removal of `old` is gone from the log with everything else before the newest record of each partition.
    for partition in 0..3 {
        let end = c360_log::Log::bounds(&*world.log, Topic::Profiles).unwrap()[partition as usize].end;
        world.log.drop_before(Topic::Profiles, partition, end);
    }
    let world = world.reopen(limits());
    world.put(|b| push_profile(b, &profile("newest", |_, _| ())));
    world.settle().await;
    let partition_of = |id: &str| c360_schemas::partition_of(format!("t1/{id}").as_bytes(), 3);
    let list = world.ok("/api/v1/customers").await;
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|c| c["account_id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.contains(&"newest".to_owned()), "{ids:?}");
    assert!(!ids.contains(&"old".to_owned()), "{ids:?}, partition {}", partition_of("old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_cannot_be_read_disturb_nothing() {
    let world = World::new();
    world.put(|b| {
        for topic in [Topic::Profiles, Topic::Alerts, Topic::Deliveries, Topic::History] {
            b.push(topic, |k| k.extend_from_slice(b"t1/a1"), |v| v.extend_from_slice(b"\0\0\0\0\x63garbage"));
            b.push(topic, |k| k.extend_from_slice(b"\xff\xfe"), |v| v.push(0));
            b.push(topic, |k| k.extend_from_slice(b"no-slash"), |_| ());
        }
        // A view that is no JSON, a record under another tenant's key.
        push_profile(b, &c360_schemas::Profile { view: "{".into(), ..profile("bad-view", |_, _| ()) });
        crate::world::push(b, Topic::Profiles, "t2", "stolen", &profile("stolen", |_, _| ()));
        crate::world::push(b, Topic::Alerts, "t2", "a1", &alert("al_stolen", "a1", |_| ()));
        push_profile(b, &profile("good", |_, _| ()));
    });
    world.settle().await;
    let list = world.ok("/api/v1/customers").await;
    assert_eq!((&list["total"], &list["items"][0]["account_id"]), (&json!(1), &json!("good")));
    assert_eq!(world.ok("/api/v1/alerts?status=all").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fold_goes_on_when_the_log_is_back() {
    let world = World::new();
    world.log.set_down(true);
    world.put(|b| push_profile(b, &profile("a1", |_, _| ())));
    until("the fold is cut off", || world.log.refused() > 0).await;
    world.log.set_down(false);
    world.settle().await;
    assert_eq!(world.ok("/api/v1/customers").await["total"], 1);
    until("the fold says so", || world.console.caught_up()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_burst_the_newest_view_of_each_customer_stays() {
    let world = World::new();
    world.put(|b| {
        for n in 0..3_000 {
            push_profile(b, &profile(&format!("a{}", n % 30), |p, _| p.score = Some(n / 30)));
        }
    });
    world.settle().await;
    let list = world.ok("/api/v1/customers?limit=1000").await;
    assert_eq!(list["total"], 30);
    assert!(list["items"].as_array().unwrap().iter().all(|c| c["health"]["score"] == 99));
}
