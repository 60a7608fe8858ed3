//! A source that falls silent: one alert for it and none for its customers; and when it is back, a hole in the past is no drop.
use crate::harness::*;
use c360_processor::{Aggregate, AggregateConfig, Rehearsal};
use c360_schemas::AlertStatus::{Open, Resolved};
use c360_schemas::*;
use serde_json::Value;

/// A world of so many customers who use the product on working days.
struct Town {
    world: World,
    accounts: Vec<String>,
    day: i64,
    /// The records of all of it.
    tape: Vec<(i64, Vec<u8>, Vec<u8>)>,
}

impl Town {
    fn new(customers: usize) -> Self {
        let accounts: Vec<String> = (0..customers).map(|n| format!("a{n}")).collect();
        let mut town = Self { world: World::new(), accounts, day: 0, tape: Vec::new() };
        for account in town.accounts.clone() {
            let payload = Payload::Subscription(subscription("sub", 1, "active"));
            let id = format!("sub-{account}");
            town.put(&Event {
                kind: Kind::Billing,
                payload,
                name: "x",
                user_id: None,
                source: "stripe",
                ..usage(&id, &account, "", START)
            });
        }
        town
    }

    fn put(&mut self, event: &Event<'_>) {
        let (key, mut value) = (Key { tenant: "t", id: event.account_id.unwrap() }.to_vec(), Vec::new());
        event.encode(&mut value);
        self.tape.push((self.world.now, key.clone(), value.clone()));
        self.world.put(Topic::Events, &key, &value);
    }

    /// Days on which those are there who are `there`.
    fn live(&mut self, days: i64, there: impl Fn(&str) -> bool) {
        for _ in 0..days {
            self.world.now += 9 * HOUR;
            let (now, works) = (self.world.now, self.day % 7 < 5);
            for account in self.accounts.clone().iter().filter(|account| works && there(account)) {
                for user in ["ann", "bob", "cat"] {
                    let id = format!("{account}-{user}-{}", self.day);
                    self.put(&usage(&id, account, user, now));
                }
            }
            self.day += 1;
            self.world.wait(15 * HOUR);
        }
    }

    /// Type, status and account of what was told since it was last asked.
    fn told(&mut self) -> Vec<(String, AlertStatus, String)> {
        let alerts = std::mem::take(&mut self.world.alerts);
        alerts.into_iter().filter(|a| a.notify).map(|a| (a.alert_type, a.status, a.account_id)).collect()
    }

    fn bands(&self) -> Vec<String> {
        self.accounts.iter().map(|account| self.world.band(account)).collect()
    }
}

fn told(kind: &str, status: AlertStatus, account: &str) -> (String, AlertStatus, String) {
    (kind.into(), status, account.into())
}

#[test]
fn a_dead_feed_is_told_once_and_its_customers_are_left_alone() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    assert_eq!((town.told(), town.bands()), (vec![], vec!["green".to_owned(); 12]));
    let before: Vec<Value> = town.accounts.iter().map(|a| town.world.view(a)["health"]["score"].clone()).collect();
    // Nothing comes for two weeks; the source was never silent for longer than a weekend.
    town.live(14, |_| false);
    let said = town.world.alerts.clone();
    assert_eq!(town.told(), [told("feed.stale", Open, "~feed:api")]);
    let why = said[0].why.clone().unwrap();
    assert!(
        why.starts_with("Nothing has come from api since")
            && why.contains("for longer than 72. No score and no alert rests on usage until it is back."),
        "{why}"
    );
    assert_eq!(said[0].playbook.as_deref(), Some("Look after the source: its key, its webhook, its errors"));
    assert_eq!(town.bands(), vec!["green".to_owned(); 12]);
    let now: Vec<Value> = town.accounts.iter().map(|a| town.world.view(a)["health"]["score"].clone()).collect();
    // Two days of silence were counted before it was known to be the source's.
    assert!(before.iter().zip(&now).all(|(before, now)| before.as_i64().unwrap() - now.as_i64().unwrap() < 30), "{before:?} {now:?}");
    // It is back; the days without it are a hole, and no drop.
    town.live(30, |_| true);
    assert_eq!((town.told(), town.bands()), (vec![told("feed.stale", Resolved, "~feed:api")], vec!["green".to_owned(); 12]));
    // Who really stops now is told of.
    town.live(16, |account| account != "a3");
    let all = town.told();
    assert!(!all.is_empty() && all.iter().all(|(kind, _, account)| kind != "feed.stale" && account == "a3"), "{all:?}");
}

#[test]
fn few_customers_who_are_all_silent_are_silent() {
    let mut town = Town::new(3);
    town.live(68, |_| true);
    town.live(14, |_| false);
    let all = town.told();
    assert!(all.iter().any(|(kind, ..)| kind == "health.changed") && all.iter().all(|(kind, ..)| kind != "feed.stale"), "{all:?}");
}

#[test]
fn a_hard_fact_is_told_while_another_source_is_silent() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    town.live(12, |_| false);
    assert_eq!(town.told(), [told("feed.stale", Open, "~feed:api")]);
    let payload = Payload::Invoice(failed("in2", 1, town.world.now, true));
    town.put(&Event { kind: Kind::Billing, payload, name: "x", user_id: None, source: "stripe", ..usage("f", "a5", "", town.world.now) });
    assert_eq!(town.told(), [told("health.changed", Open, "a5")]);
}

/// What the partition was told of its sources stands in its log, so one customer's life can be rehearsed without those of the others.
#[test]
fn a_rehearsal_heeds_what_the_partition_was_told() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    let from = town.world.alerts.len();
    town.live(14, |_| false);
    town.live(30, |_| true);
    town.live(16, |account| account != "a3");
    let words = town.world.doubts.clone();
    assert_eq!(words.len(), 2, "stale, and back");
    let key = Key { tenant: "t", id: "a3" }.to_vec();
    let mut records: Vec<(i64, &[u8], &[u8])> = town
        .tape
        .iter()
        .filter(|(_, of, _)| *of == key)
        .chain(&words)
        .map(|(at, key, value)| (*at, key.as_slice(), value.as_slice()))
        .collect();
    records.sort_by_key(|(at, ..)| *at);
    let mut rehearsal = Rehearsal::new(&AggregateConfig::default(), c360_health::Rules::built_in());
    for (offset, (at, key, value)) in records.into_iter().enumerate() {
        let record = c360_log::RecordRef {
            topic: Topic::Events,
            partition: 0,
            offset: offset as u64,
            recorded_at: at,
            key,
            value,
            headers: Default::default(),
        };
        rehearsal.apply(&record).unwrap();
    }
    rehearsal.advance(town.world.now).unwrap();
    let said = rehearsal.take_said();
    let of = |alert: &Alert| alert.account_id == "a3";
    let rehearsed: Vec<Alert> =
        said.entries().iter().filter(|e| e.topic == Topic::Alerts).map(|e| Alert::decode(said.value(e)).unwrap()).filter(of).collect();
    let live: Vec<Alert> = town.world.alerts[from..].iter().filter(|alert| of(alert)).cloned().collect();
    assert!(!live.is_empty());
    assert_eq!(rehearsed, live);
}

#[test]
fn a_source_that_dies_again_is_missed_as_soon_as_the_first_time() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    for _ in 0..2 {
        town.live(9, |_| false);
        assert_eq!(town.told(), [told("feed.stale", Open, "~feed:api")]);
        town.live(5, |_| true);
        assert_eq!(town.told(), [told("feed.stale", Resolved, "~feed:api")]);
    }
}

#[test]
fn a_source_that_was_turned_off_is_given_up_after_four_weeks() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    town.live(25, |_| false);
    assert_eq!(town.told(), [told("feed.stale", Open, "~feed:api")]);
    town.live(5, |_| false);
    assert_eq!(town.told(), [told("feed.stale", Resolved, "~feed:api")]);
    // Usage is in doubt for another week; then nobody having used the product for long is what it is.
    town.live(20, |_| false);
    assert!(town.bands().iter().all(|band| band != "green"), "{:?}", town.bands());
}

/// After a crash at any moment the rows say the same.
#[test]
fn what_is_heard_survives_a_new_machine() {
    let mut town = Town::new(12);
    town.live(68, |_| true);
    for _ in 0..14 {
        town.world.aggregate.machine = Aggregate::new(AggregateConfig::default());
        town.live(1, |_| false);
    }
    assert_eq!(town.told(), [told("feed.stale", Open, "~feed:api")]);
    town.world.aggregate.machine = Aggregate::new(AggregateConfig::default());
    town.live(3, |_| true);
    assert_eq!(town.told(), [told("feed.stale", Resolved, "~feed:api")]);
}
