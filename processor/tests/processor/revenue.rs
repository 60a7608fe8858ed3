//! Movements of MRR: the worked examples of docs/definitions.md, and a year of a subscription's life in whatever order it is told.
use crate::harness::*;
use c360_schemas::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;

/// A state of a subscription: its version is when it was said.
#[derive(Clone, Debug)]
struct Said {
    at: i64,
    id: &'static str,
    status: &'static str,
    /// Product, minor units a month.
    items: Vec<(&'static str, i64)>,
    ended_at: Option<i64>,
    reason: Option<&'static str>,
}

fn said(day: i64, id: &'static str, status: &'static str, items: &[(&'static str, i64)]) -> Said {
    Said { at: START + day * DAY, id, status, items: items.to_vec(), ended_at: None, reason: None }
}

impl Said {
    fn send(&self, world: &mut World, message_id: &str) {
        let item = |(product, amount): &(&'static str, i64)| SubscriptionItem {
            amount_micros: amount * 1_000_000,
            quantity: 1,
            interval: Interval::Month,
            interval_count: 1,
            metered: false,
            product: Some(product),
        };
        let payload = Payload::Subscription(Subscription {
            id: self.id,
            status: self.status,
            version: self.at,
            currency: "USD",
            items: self.items.iter().map(item).collect(),
            ended_at: self.ended_at,
            cancel_reason: self.reason,
            ..Subscription::default()
        });
        let event = usage(message_id, "a1", "", self.at);
        world.send(&Event { kind: Kind::Billing, payload, name: "subscription", user_id: None, ..event });
    }
}

/// Tells all of it on the day `now`, in the order given; the movements as (day, kind, amount, MRR after).
fn movements(told: &[Said], now: i64) -> Vec<(f64, String, i64, i64)> {
    let mut world = World::new();
    world.now = START + now * DAY;
    for (index, said) in told.iter().enumerate() {
        said.send(&mut world, &format!("m{index}"));
    }
    of_view(&world.view("a1"))
}

fn of_view(view: &Value) -> Vec<(f64, String, i64, i64)> {
    let day = |m: &Value| {
        let at: jiff::Timestamp = m["at"].as_str().unwrap().parse().unwrap();
        (at.as_millisecond() - START) as f64 / DAY as f64
    };
    let list = view["billing"]["movements"].as_array().unwrap();
    list.iter().map(|m| (day(m), m["kind"].as_str().unwrap().into(), m["amount"].as_i64().unwrap(), m["mrr"].as_i64().unwrap())).collect()
}

fn row(day: f64, kind: &str, amount: i64, mrr: i64) -> (f64, String, i64, i64) {
    (day, kind.into(), amount, mrr)
}

#[test]
fn a_customer_that_comes_grows_shrinks_leaves_and_comes_back() {
    let told = [
        said(0, "s1", "trialing", &[("core", 10_000)]),
        said(14, "s1", "active", &[("core", 10_000)]),
        said(40, "s1", "active", &[("core", 15_000)]),
        said(70, "s1", "active", &[("core", 12_000)]),
        Said { ended_at: Some(START + 100 * DAY), reason: Some("too_expensive"), ..said(101, "s1", "canceled", &[("core", 12_000)]) },
        said(160, "s2", "active", &[("core", 9_000)]),
    ];
    let expected = [
        row(14.0, "new", 10_000, 10_000),
        row(40.0, "expansion", 5_000, 15_000),
        row(70.0, "contraction", -3_000, 12_000),
        row(100.0, "churn", -12_000, 0),
        row(160.0, "reactivation", 9_000, 9_000),
    ];
    assert_eq!(movements(&told, 200), expected);
    assert_eq!(movements(&told[..5], 200), expected[..4]);
}

#[test]
fn one_of_several_subscriptions_that_ends_is_a_contraction() {
    let told = [
        said(0, "s1", "active", &[("core", 10_000)]),
        said(5, "s2", "active", &[("plus", 4_000)]),
        Said { ended_at: Some(START + 30 * DAY), ..said(30, "s2", "canceled", &[("plus", 4_000)]) },
    ];
    assert_eq!(
        movements(&told, 60),
        [row(0.0, "new", 10_000, 10_000), row(5.0, "expansion", 4_000, 14_000), row(30.0, "contraction", -4_000, 10_000)]
    );
}

#[test]
fn changes_within_an_hour_are_one_movement_and_a_swap_is_none() {
    let at = |minutes: i64, said: Said| Said { at: said.at + minutes * MINUTE, ..said };
    let told = [
        at(0, said(0, "s1", "active", &[("core", 10_000)])),
        at(20, said(0, "s1", "active", &[("core", 12_000)])),
        at(59, said(0, "s1", "active", &[("core", 11_000)])),
        at(60, said(0, "s1", "active", &[("core", 13_000)])),
        // A plan is changed by ending one subscription and beginning another.
        Said { ended_at: Some(START + 9 * DAY), ..said(9, "s1", "canceled", &[]) },
        at(10, said(9, "s2", "active", &[("pro", 13_000)])),
    ];
    assert_eq!(movements(&told, 60), [row(0.0, "new", 11_000, 11_000), row(1.0 / 24.0, "expansion", 2_000, 13_000)]);
}

#[test]
fn growth_by_new_products_is_cross_sell_and_by_a_dearer_one_up_sell() {
    let told = [
        said(0, "s1", "active", &[("core", 10_000)]),
        said(10, "s1", "active", &[("core", 12_000), ("plus", 5_000)]),
        said(20, "s1", "active", &[("enterprise", 30_000), ("plus", 5_000)]),
    ];
    let mut world = World::new();
    world.now = START + 30 * DAY;
    for (index, said) in told.iter().enumerate() {
        said.send(&mut world, &format!("m{index}"));
    }
    let view = world.view("a1");
    let growth: Vec<_> =
        view["billing"]["movements"].as_array().unwrap()[1..].iter().map(|m| (m["amount"].clone(), m["cross_sell"].clone())).collect();
    // The dearer product takes the place of the one that went.
    assert_eq!(growth, [(json!(7_000), json!(5_000)), (json!(18_000), json!(0))]);
}

#[test]
fn who_leaves_because_the_money_does_not_come_did_not_choose_to() {
    let end = |day: i64, status, reason| [said(0, "s1", "active", &[("core", 100)]), Said { reason, ..said(day, "s1", status, &[]) }];
    let behind = [said(0, "s1", "active", &[("core", 100)]), said(20, "s1", "past_due", &[("core", 100)]), said(30, "s1", "canceled", &[])];
    let chosen = [said(0, "s1", "active", &[("core", 100)]), said(30, "s1", "canceled", &[])];
    for (told, involuntary) in [
        (end(30, "canceled", Some("payment_failed")).to_vec(), true),
        (end(30, "unpaid", None).to_vec(), true),
        (end(30, "canceled", Some("switched_service")).to_vec(), false),
        (behind.to_vec(), true),
        (chosen.to_vec(), false),
    ] {
        let mut world = World::new();
        world.now = START + 60 * DAY;
        for (index, said) in told.iter().enumerate() {
            said.send(&mut world, &format!("m{index}"));
        }
        let view = world.view("a1");
        assert_eq!(view["billing"]["churned"]["involuntary"], involuntary, "{told:?}");
        assert_eq!(view["billing"]["movements"][1]["kind"], "churn");
    }
}

#[test]
fn who_changes_currency_does_not_leave() {
    let mut world = World::new();
    world.say("a1", Kind::Billing, Payload::Subscription(subscription("s1", 1, "active")));
    world.wait(30 * DAY);
    let euro = Subscription { currency: "EUR", ..subscription("s1", 2, "active") };
    world.say("a1", Kind::Billing, Payload::Subscription(euro));
    let view = world.view("a1");
    let kinds: Vec<_> = view["billing"]["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["kind"].as_str().unwrap(), m["currency"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("new", "USD"), ("expansion", "EUR"), ("contraction", "USD")]);
}

#[test]
fn an_import_of_a_running_contract_shows_since_when_it_is_paid() {
    let mut world = World::new();
    world.now = START + 400 * DAY;
    let running = Subscription { started_at: Some(START), ..subscription("s1", START + 400 * DAY, "active") };
    world.say("a1", Kind::Billing, Payload::Subscription(running));
    assert_eq!(of_view(&world.view("a1")), [row(0.0, "new", 120_000, 120_000)]);
}

#[test]
fn a_discount_that_runs_out_is_an_expansion_at_its_end() {
    let mut world = World::new();
    let mut s = subscription("s1", 1, "active");
    s.discounts.push(Discount {
        percent_micros: Some(50_000_000),
        recurring: true,
        ends_at: Some(START + 10 * DAY),
        ..Discount::default()
    });
    world.say("a1", Kind::Billing, Payload::Subscription(s));
    assert_eq!(of_view(&world.view("a1")).len(), 1);
    world.wait(10 * DAY);
    assert_eq!(of_view(&world.view("a1")), [row(0.0, "new", 60_000, 60_000), row(10.0, "expansion", 60_000, 120_000)]);
}

#[test]
fn movements_come_along_when_a_provisional_customer_turns_out_to_be_one() {
    let mut world = World::new();
    world.say("a1", Kind::Billing, Payload::Subscription(subscription("s0", 1, "active")));
    world.wait(DAY);
    let stray = Event {
        account_id: None,
        foreign_ids: [ForeignId { kind: "stripe_customer", id: "c1" }].into_iter().collect(),
        kind: Kind::Billing,
        payload: Payload::Subscription(subscription("s1", 1, "active")),
        user_id: None,
        ..usage("stray", "", "", world.now)
    };
    world.send(&stray);
    assert_eq!(of_view(&world.view("~stripe_customer:c1")), [row(1.0, "new", 120_000, 120_000)]);
    world.wait(DAY);
    let id: &'static str = world.id().leak();
    let link = link("stripe_customer", "c1", Some("a1"), Rank::Told, world.now);
    let event =
        Event { kind: Kind::Identity, payload: link, account_id: None, user_id: None, name: "link", ..usage(id, "", "", world.now) };
    world.send(&event);
    assert_eq!(of_view(&world.view("a1")), [row(0.0, "new", 120_000, 120_000), row(1.0, "expansion", 120_000, 240_000)]);
}

/// Trial, upgrade, downgrade, failed payments, recovery, a second product, cancellation.
fn year() -> Vec<Said> {
    vec![
        said(0, "s1", "trialing", &[("core", 10_000)]),
        said(14, "s1", "active", &[("core", 10_000)]),
        said(60, "s1", "active", &[("core", 25_000)]),
        said(120, "s1", "active", &[("core", 15_000)]),
        said(150, "s1", "past_due", &[("core", 15_000)]),
        said(157, "s1", "active", &[("core", 15_000)]),
        said(200, "s2", "active", &[("plus", 5_000)]),
        said(300, "s1", "past_due", &[("core", 15_000)]),
        said(310, "s1", "unpaid", &[("core", 15_000)]),
        said(315, "s1", "active", &[("core", 15_000)]),
        Said { ended_at: Some(START + 350 * DAY), reason: Some("unused"), ..said(350, "s2", "canceled", &[("plus", 5_000)]) },
        Said { ended_at: Some(START + 364 * DAY), reason: Some("unused"), ..said(364, "s1", "canceled", &[("core", 15_000)]) },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Shuffled and doubled a year's life gives the same MRR and the same movements as in order; and told as it happened, the same again.
    #[test]
    fn a_year_of_a_subscription_is_the_same_in_any_order(order in Just((0..12_usize).chain(0..12).collect::<Vec<_>>()).prop_shuffle()) {
        let mut lived = World::new();
        for (index, said) in year().iter().enumerate() {
            lived.now = said.at;
            said.send(&mut lived, &format!("m{index}"));
        }
        lived.now = START + 370 * DAY;
        lived.touch("a1");
        let mut told = World::new();
        told.now = START + 370 * DAY;
        for index in order {
            year()[index].send(&mut told, &format!("m{index}"));
        }
        let (lived, told) = (lived.view("a1"), told.view("a1"));
        prop_assert_eq!(&lived["billing"]["movements"], &told["billing"]["movements"]);
        prop_assert_eq!(&lived["billing"]["mrr"], &told["billing"]["mrr"]);
        prop_assert_eq!(of_view(&told), vec![
            row(14.0, "new", 10_000, 10_000), row(60.0, "expansion", 15_000, 25_000), row(120.0, "contraction", -10_000, 15_000),
            row(200.0, "expansion", 5_000, 20_000), row(310.0, "contraction", -15_000, 5_000), row(315.0, "expansion", 15_000, 20_000),
            row(350.0, "contraction", -5_000, 15_000), row(364.0, "churn", -15_000, 0),
        ]);
    }
}
