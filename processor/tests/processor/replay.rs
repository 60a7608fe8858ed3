//! The same records give the same state and outputs, wherever batches end and whatever is cached; and what makes no sense is refused.
use crate::harness::*;
use c360_engine::ApplyError;
use c360_processor::{Aggregate, AggregateConfig};
use c360_schemas::*;
use proptest::prelude::*;

pub(crate) type Record = (i64, Vec<u8>, Vec<u8>);

fn record(at: i64, event: &Event<'_>) -> Record {
    let mut value = Vec::new();
    event.encode(&mut value);
    let key = Key { tenant: "t", id: event.account_id.unwrap() }.to_vec();
    (at, key, value)
}

pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0..12_u8, 0..3_u8, 0..5_u8, 0..6 * DAY, 0..8 * DAY);
    prop::collection::vec(one, 1..60).prop_map(|steps| {
        let mut now = START;
        steps
            .into_iter()
            .enumerate()
            .map(|(i, (what, account, n, pass, late))| {
                now += pass / 4;
                let (account, id) = (format!("a{account}"), format!("m{}", i % 50));
                let (user, thing) = (format!("u{n}"), format!("x{}", n % 2));
                let base = usage(&id, &account, &user, now - if what % 2 == 0 { late } else { 0 });
                let version = i64::from(n);
                let event = match what {
                    0..=4 => base,
                    5 => Event { kind: Kind::Billing, payload: Payload::Subscription(subscription(&thing, version, "active")), ..base },
                    6 => Event {
                        kind: Kind::Billing,
                        payload: Payload::Subscription(Subscription { cancels_at: Some(now), ..subscription(&thing, version, "active") }),
                        ..base
                    },
                    7 => Event { kind: Kind::Billing, payload: Payload::Invoice(failed(&thing, version, now, n == 4)), ..base },
                    8 => Event {
                        kind: Kind::Billing,
                        payload: Payload::Invoice(Invoice { status: "paid", ..invoice(&thing, version, now) }),
                        ..base
                    },
                    9 => Event {
                        kind: Kind::Support,
                        payload: Payload::Ticket(ticket(&thing, version, if n < 3 { "open" } else { "solved" }, now)),
                        ..base
                    },
                    10 => Event { kind: Kind::Survey, payload: Payload::Answer(answer(&user, i32::from(n) * 2 + 1)), ..base },
                    _ => Event { user_id: None, anonymous_id: Some(&thing), ..base },
                };
                record(now, &event)
            })
            .collect()
    })
}

/// Runs records in batches of `batch`, with caches of `cached` bytes: outputs but profiles, and all rows at the end.
fn run(records: &[Record], batch: usize, cached: usize) -> (Vec<Out>, std::collections::BTreeMap<Vec<u8>, Vec<u8>>) {
    let config = AggregateConfig { cache_bytes: cached, ..AggregateConfig::default() };
    let mut driver = Driver::new(Aggregate::new(config));
    let mut out = Vec::new();
    for records in records.chunks(batch) {
        for (at, key, value) in records {
            driver.apply(*at, Topic::Events, key, value).unwrap();
        }
        out.extend(driver.flush());
    }
    out.retain(|o| o.topic != Topic::Profiles);
    (out, driver.rows())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn outputs_and_state_do_not_depend_on_batches_or_caches(records in records(), batch in 1..20_usize) {
        let (out, rows) = run(&records, 1_000, 1 << 20);
        let (out_small, rows_small) = run(&records, batch, 0);
        prop_assert_eq!(out, out_small);
        prop_assert_eq!(rows, rows_small);
    }

    #[test]
    fn what_a_prefix_says_is_what_the_whole_said_first(records in records(), cut in 0..60_usize) {
        let (whole, _) = run(&records, 7, 1 << 20);
        let (prefix, _) = run(&records[..cut.min(records.len())], 1, 0);
        prop_assert_eq!(&whole[..prefix.len()], &prefix[..]);
    }

    #[test]
    fn scores_stay_within_bounds_and_receipts_sum(records in records()) {
        let (out, _) = run(&records, 1_000, 1 << 20);
        for record in out {
            match record.topic {
                Topic::History => {
                    let entry = History::decode(&record.value).unwrap();
                    if entry.kind == HistoryKind::Score {
                        let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
                        let score = detail["score"].as_i64().unwrap();
                        let sum: i64 = detail["receipt"].as_array().unwrap().iter().map(|l| l["contribution"].as_i64().unwrap()).sum();
                        prop_assert!((0..=100).contains(&score));
                        prop_assert_eq!(sum, score - detail["before"].as_i64().unwrap_or(0));
                    }
                }
                Topic::Alerts => {
                    let alert = Alert::decode(&record.value).unwrap();
                    let sum: i32 = alert.receipt.iter().map(|l| l.contribution).sum();
                    prop_assert_eq!(sum, alert.score_after.unwrap_or(0) - alert.score_before.unwrap_or(0));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_taken_but_never_break_it(key in prop::collection::vec(any::<u8>(), 0..20), mut value in prop::collection::vec(any::<u8>(), 0..60), real in any::<bool>()) {
        if real {
            let mut event = Vec::new();
            usage("m", "a", "u", START).encode(&mut event);
            event.truncate(event.len() - value.len() % 7);
            value = event;
        }
        let mut driver = Driver::new(Aggregate::new(AggregateConfig::default()));
        let _ = driver.apply(START, Topic::Events, &key, &value);
        let _ = driver.apply(START, Topic::Events, b"t/a", &value);
        driver.flush();
    }
}

#[test]
fn what_makes_no_sense_is_poison_and_leaves_nothing() {
    let mut driver = Driver::new(Aggregate::new(AggregateConfig::default()));
    let mut too_great = subscription("s", 1, "active");
    too_great.items[0].amount_micros = i64::MAX;
    too_great.items[0].quantity = i64::MAX;
    let base = usage("m", "a", "u", START);
    for (key, event, expected) in [
        (&b"no tenant"[..], base.clone(), "bad-key"),
        (b"t/a", Event { message_id: "", ..base.clone() }, "incomplete"),
        (b"t/a", Event { payload: Payload::Ticket(ticket("", 1, "open", 0)), ..base.clone() }, "incomplete"),
        (b"t/a", Event { payload: Payload::Subscription(too_great), ..base.clone() }, "money-out-of-range"),
    ] {
        let (_, _, value) = record(START, &event);
        match driver.apply(START, Topic::Events, key, &value) {
            Err(ApplyError::Poison { reason, .. }) => assert_eq!(reason, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(matches!(driver.apply(START, Topic::Events, b"t/a", b"junk"), Err(ApplyError::Poison { reason: "undecodable", .. })));
    assert!(driver.rows().is_empty());
    let moved = Move { tenant: "t".into(), from_account: "~user:x".into(), to_account: "a".into(), rows: vec![9, 9] };
    let mut value = Vec::new();
    moved.encode(&mut value);
    assert!(matches!(driver.apply(START, Topic::Events, b"t/a", &value), Err(ApplyError::Poison { reason: "undecodable", .. })));
    assert!(driver.rows().is_empty());
}
