//! How fast history is lived through again: events a second on all cores, beside the plain decoding of the same events. `EVENTS`, `ACCOUNTS` and `DAYS` change the size.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and breaks loudly")]
use c360_health::Rules;
use c360_log::RecordRef;
use c360_processor::{AggregateConfig, Rehearsal};
use c360_schemas::{Event, EventsValue, Invoice, Kind, Payload, Topic, decode_events_value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAY_MS: i64 = 86_400_000;
/// 2025-01-06, a Monday.
const START: i64 = 1_736_121_600_000;
const ROUNDS: usize = 5;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A customer's key and records: when, and the event's bytes.
type Customer = (Vec<u8>, Vec<(i64, Vec<u8>)>);

/// Mostly usage, by a few people on working days; an invoice a month.
fn customer(number: usize, events: usize, days: i64) -> Customer {
    let (mut random, account) = (StdRng::seed_from_u64(number as u64), format!("acc_{number:05}"));
    let mut times: Vec<i64> = (0..events)
        .map(|_| {
            let day = random.random_range(0..days);
            let day = if day % 7 > 4 && random.random_bool(0.9) { day - day % 7 + random.random_range(0..5) } else { day };
            START + day * DAY_MS + random.random_range(8 * 3_600_000..18 * 3_600_000)
        })
        .collect();
    times.sort_unstable();
    let mut month = -1;
    let records = times.into_iter().enumerate().map(|(n, at)| {
        let (id, user) = (format!("{account}-{n}"), format!("{account}-u{}", random.random_range(0..8)));
        let invoice = format!("in_{}", (at - START) / DAY_MS / 30);
        let new_month = (at - START) / DAY_MS / 30 != month;
        month = (at - START) / DAY_MS / 30;
        let (kind, payload) = if new_month {
            let paid = Invoice { id: &invoice, status: "paid", version: at, currency: "USD", amount_due: 9_900, ..Invoice::default() };
            (Kind::Billing, Payload::Invoice(paid))
        } else {
            (Kind::Usage, Payload::None)
        };
        let event = Event {
            message_id: &id,
            tenant: "default",
            account_id: Some(&account),
            foreign_ids: Default::default(),
            user_id: Some(&user),
            anonymous_id: None,
            kind,
            name: ["Report Opened", "Export Made", "Search", "Invite Sent"][random.random_range(0..4)],
            occurred_at: at,
            received_at: at,
            source: "bench",
            payload,
            properties: "{\"plan\":\"pro\",\"size\":12}",
        };
        let mut value = Vec::new();
        event.encode(&mut value);
        (at, value)
    });
    let records = records.collect();
    (format!("default/{account}").into_bytes(), records)
}

/// Does `one` for every customer on all cores; seconds.
fn all(customers: &[Customer], one: impl Fn(&Customer) + Sync) -> f64 {
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(customer) = customers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(customer);
                }
            });
        }
    });
    started.elapsed().as_secs_f64()
}

fn main() {
    let (events, accounts, days) = (number("EVENTS", 1_000_000), number("ACCOUNTS", 1_000), number("DAYS", 365) as i64);
    let customers: Vec<Customer> = (0..accounts).map(|n| customer(n, events / accounts, days)).collect();
    let whole: usize = customers.iter().map(|(_, records)| records.len()).sum();
    let (config, rules, until) = (AggregateConfig::default(), Rules::built_in(), START + days * DAY_MS);
    let decode = |(_, records): &Customer| {
        for (_, value) in records {
            let Ok(EventsValue::Event(event)) = decode_events_value(value) else { panic!("no event") };
            black_box(event);
        }
    };
    let live = |(key, records): &Customer| {
        let mut rehearsal = Rehearsal::new(&config, rules.clone());
        for (offset, (at, value)) in (0..).zip(records) {
            let record =
                RecordRef { topic: Topic::Events, partition: 0, offset, recorded_at: *at, key, value, headers: Default::default() };
            rehearsal.apply(&record).unwrap();
            black_box(rehearsal.take_said());
        }
        rehearsal.advance(until).unwrap();
        black_box(rehearsal.standing(key).unwrap());
    };
    let (mut plain, mut lived): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(all(&customers, decode));
        lived.push(all(&customers, live));
    }
    plain.sort_by(f64::total_cmp);
    lived.sort_by(f64::total_cmp);
    let (plain, lived) = (plain[ROUNDS / 2], lived[ROUNDS / 2]);
    println!("{whole} events of {accounts} customers over {days} days, medians of {ROUNDS}");
    println!("decoded alone   {:>12.0} events/s", whole as f64 / plain);
    println!("lived through   {:>12.0} events/s   {:.1}x the time of decoding", whole as f64 / lived, lived / plain);
}
