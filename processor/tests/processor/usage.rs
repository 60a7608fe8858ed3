//! Usage: windows of calendar days, distinct users, duplicates, late events.
use crate::harness::*;
use c360_processor::{AggregateConfig, Zone};
use c360_schemas::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn windows_shrink_by_themselves_until_a_quiet_customer_has_no_timer() {
    let mut w = World::new();
    for user in ["ann", "bob", "ann"] {
        w.track("a1", user);
    }
    let view = w.view("a1");
    assert_eq!(view["usage"]["events"], json!({"1d": 3, "7d": 3, "28d": 3, "90d": 3}));
    assert_eq!(view["usage"]["active_users"], json!({"1d": 2, "7d": 2, "28d": 2}));
    for (day, events) in [(1, [0, 3, 3, 3]), (6, [0, 3, 3, 3]), (7, [0, 0, 3, 3]), (28, [0, 0, 0, 3]), (89, [0, 0, 0, 3]), (90, [0; 4])] {
        w.wait(START + day * DAY - w.now);
        let [d1, d7, d28, d90] = events;
        assert_eq!(w.view("a1")["usage"]["events"], json!({"1d": d1, "7d": d7, "28d": d28, "90d": d90}), "day {day}");
    }
    w.wait(DAY);
    assert_eq!(w.view("a1")["lifecycle"], "steady");
    let timers: Vec<_> = w.aggregate.rows().into_keys().filter(|key| key[0] == 1).collect();
    assert!(timers.is_empty(), "{timers:?}");
    let rows: Vec<u8> = w.aggregate.rows().into_keys().map(|key| key[0]).collect();
    assert!(!rows.contains(&0x18), "marks are swept after a week");
}

#[test]
fn a_duplicate_event_counts_once_for_seven_days() {
    let mut w = World::new();
    for day in [0, 0, 1, 7] {
        w.now = START + day * DAY;
        w.send(&usage("same", "a1", "ann", w.now));
    }
    assert_eq!(w.view("a1")["usage"]["events"]["90d"], 1);
    w.send(&usage("same", "a2", "ann", w.now));
    assert_eq!(w.view("a2")["usage"]["events"]["90d"], 1, "ids are each account's own");
}

#[test]
fn an_anonymous_id_counts_until_it_is_known_who_it_is() {
    let mut w = World::new();
    let anonymous = |id| Event { user_id: None, anonymous_id: Some("anon"), ..usage(id, "a1", "", START) };
    w.send(&anonymous("1"));
    w.track("a1", "bob");
    assert_eq!(w.view("a1")["usage"]["active_users"]["1d"], 2);
    w.send(&Event { anonymous_id: Some("anon"), ..usage("2", "a1", "bob", START) });
    assert_eq!(w.view("a1")["usage"]["active_users"], json!({"1d": 1, "7d": 1, "28d": 1}));
    w.send(&anonymous("3"));
    assert_eq!(w.view("a1")["usage"]["active_users"]["1d"], 1);
    assert_eq!(w.view("a1")["usage"]["events"]["1d"], 4);
}

#[test]
fn an_identify_call_ties_ids_too() {
    let mut w = World::new();
    w.send(&Event { user_id: None, anonymous_id: Some("anon"), ..usage("1", "a1", "", START) });
    w.track("a1", "bob");
    let payload = Payload::User(UserTraits { name: Some("Bob"), ..Default::default() });
    w.send(&Event { anonymous_id: Some("anon"), kind: Kind::Identity, payload, ..usage("2", "a1", "bob", START) });
    assert_eq!(w.view("a1")["usage"]["active_users"]["1d"], 1);
}

#[test]
fn features_have_first_and_last_use_and_a_count() {
    let mut w = World::new();
    w.track("a1", "ann");
    w.now += 30 * DAY;
    w.track("a1", "ann");
    let feature = &w.view("a1")["usage"]["features"]["Report Opened"];
    assert_eq!(feature["28d"], 1);
    assert!(feature["first_used_at"].as_str() < feature["last_used_at"].as_str());
    assert_eq!(w.history.iter().filter(|h| h.title == "First use of Report Opened").count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn counts_equal_a_plain_recount_for_late_shuffled_and_doubled_events(
        events in prop::collection::vec((0..5_u8, 0..100_i64, 0..40_i64, any::<bool>()), 1..80)
    ) {
        // (user, day that it happened before its arrival, arrival day, sent twice)
        let mut w = World::new();
        let mut arrivals: Vec<_> = events.iter().enumerate().collect();
        arrivals.sort_by_key(|(_, (_, _, arrives, _))| *arrives);
        for (i, (user, late, arrives, twice)) in &arrivals {
            w.now = START + arrives * DAY + 5;
            for _ in 0..=u8::from(*twice) {
                w.send(&usage(&format!("m{i}"), "a1", &format!("u{user}"), w.now - late * DAY));
            }
        }
        let today = w.now / DAY;
        let days: Vec<(i64, u8)> = arrivals.iter().map(|(_, (user, late, arrives, _))| ((START + (arrives - late) * DAY) / DAY, *user)).collect();
        let within = |window: i64| days.iter().filter(move |(day, _)| *day > today - window);
        let users = |window| within(window).map(|(_, user)| *user).collect::<BTreeSet<_>>().len() as i64;
        let view = &w.view("a1")["usage"];
        for (name, window) in [("1d", 1), ("7d", 7), ("28d", 28), ("90d", 90)] {
            prop_assert_eq!(&view["events"][name], &json!(within(window).count()), "events {}", name);
        }
        for (name, window) in [("1d", 1), ("7d", 7), ("28d", 28)] {
            prop_assert_eq!(&view["active_users"][name], &json!(users(window)), "users {}", name);
        }
        let mut daily: BTreeMap<i64, BTreeSet<u8>> = BTreeMap::new();
        for (day, user) in within(28) {
            daily.entry(*day).or_default().insert(*user);
        }
        let user_days: i64 = daily.values().map(|users| users.len() as i64).sum();
        let stickiness = (users(28) > 0).then(|| (user_days * 1000 / (28 * users(28))) as f64 / 1000.0);
        prop_assert_eq!(&view["stickiness"], &json!(stickiness));
    }
}

#[test]
fn usage_of_an_import_counts_once_as_long_as_its_day_counts_and_its_mark_goes_then() {
    let mut w = World::new();
    let imported = |at: i64| Event { source: "import:warehouse", ..usage("same", "a1", "ann", at) };
    w.now = START;
    w.track("a1", "bob");
    for day in [0, 8, 40, 85] {
        w.wait(START + day * DAY - w.now);
        w.send(&imported(START - 3 * DAY));
        w.tick();
        let counted = w.view("a1")["usage"]["events"]["90d"].clone();
        assert_eq!(counted, 2, "day {day}");
    }
    w.wait(3 * DAY);
    w.send(&imported(START - 3 * DAY));
    assert_eq!(w.view("a1")["usage"]["events"]["90d"], 1, "its day counts no more");
    w.wait(12 * DAY);
    let rows: Vec<u8> = w.aggregate.rows().into_keys().map(|key| key[0]).collect();
    assert!(!rows.contains(&0x18), "the mark was swept");
}

#[test]
fn an_event_that_is_told_again_after_its_mark_went_stands_once_in_the_history() {
    let mut w = World::new();
    let told = |at: i64| Event {
        kind: Kind::Support,
        name: "ticket",
        payload: Payload::Ticket(ticket("t1", 1, "open", START)),
        ..usage("same", "a1", "ann", at)
    };
    w.send(&told(START));
    w.wait(20 * DAY);
    w.send(&told(START));
    w.tick();
    let ids: BTreeSet<_> = w.history.iter().filter(|h| h.kind == HistoryKind::Event).map(|h| (h.id.clone(), h.at)).collect();
    assert_eq!(ids.len(), 1, "{:?}", w.history);
}

/// Two tenants with the same calls at the same moments: to the one in Tokyo it is the next day already.
#[test]
fn a_tenants_days_are_those_of_its_time_zone() {
    let zone = Zone::try_from("Asia/Tokyo".to_owned()).unwrap();
    let config = AggregateConfig { time_zones: [("t".to_owned(), zone)].into(), ..AggregateConfig::default() };
    let (mut tokyo, mut utc) = (World::with(config), World::new());
    for world in [&mut tokyo, &mut utc] {
        // 14:30 and 15:30 UTC: half an hour before and after midnight in Tokyo.
        for hours in [29, 31] {
            world.now = START + hours * HOUR / 2;
            world.track("a1", "ann");
        }
    }
    let days = |world: &World| world.view("a1")["usage"]["daily"].clone();
    let day = |days: i64| jiff::Timestamp::from_millisecond(START + days * DAY).unwrap().to_string()[..10].to_owned();
    assert_eq!(days(&tokyo), json!([[day(0), 1, 1], [day(1), 1, 1]]));
    assert_eq!(days(&utc), json!([[day(0), 2, 1]]));
    assert_eq!((tokyo.view("a1")["usage"]["events"]["1d"].clone(), utc.view("a1")["usage"]["events"]["1d"].clone()), (json!(1), json!(2)));
    // Midnight comes to each at its own time.
    for world in [&mut tokyo, &mut utc] {
        world.wait(START + DAY + HOUR - world.now);
    }
    assert_eq!((tokyo.view("a1")["usage"]["events"]["1d"].clone(), utc.view("a1")["usage"]["events"]["1d"].clone()), (json!(1), json!(0)));
}
