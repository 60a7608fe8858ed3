//! The made-up customers, and their calls as an SDK sends them.
use crate::server::Place;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Calls in a request.
const BATCH: u64 = 200;
const SENDERS: u64 = 4;
/// Between two tries where the server is busy or away.
const RETRY_AFTER: Duration = Duration::from_millis(20);
/// How often it is looked whether a paced load goes on.
const PACE: Duration = Duration::from_millis(5);

fn track(customer: u64, message_id: &str) -> Value {
    let (account, user) = (format!("a{customer:07}"), format!("u{customer:07}"));
    let at = jiff::Timestamp::now().to_string();
    json!({"type": "track", "messageId": message_id, "userId": user, "event": "Report Viewed", "timestamp": at,
        "properties": {"path": "/reports/monthly", "rows": 120}, "context": {"groupId": account}})
}

fn group(customer: u64) -> Value {
    let (account, user) = (format!("a{customer:07}"), format!("u{customer:07}"));
    let traits = json!({"name": format!("Company {customer}"), "plan": "team", "seats": 20});
    json!({"type": "group", "messageId": format!("g{customer}"), "userId": user, "groupId": account, "traits": traits})
}

/// Makes `customers` customers: a group call and two uses each.
///
/// # Errors
/// Where calls are refused.
pub fn make(place: &Place, customers: u64) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("making customers {bar:40} {human_pos} of {human_len}, {eta} left")?;
    let (bar, next) = (ProgressBar::new(customers).with_style(style), AtomicU64::new(0));
    let each = BATCH / 3;
    let send_all = || -> anyhow::Result<()> {
        loop {
            let first = next.fetch_add(each, Ordering::Relaxed);
            if first >= customers {
                return Ok(());
            }
            let some = first..(first + each).min(customers);
            let calls: Vec<Value> = some.flat_map(|c| [group(c), track(c, &format!("f{c}")), track(c, &format!("s{c}"))]).collect();
            while !place.send(&calls)? {
                std::thread::sleep(RETRY_AFTER);
            }
            bar.inc(calls.len() as u64 / 3);
        }
    };
    at_once(SENDERS, send_all)?;
    bar.finish_and_clear();
    Ok(())
}

/// Sends usage of random customers, `rate` events a second (0: as many as are acknowledged), until it is told to stop; how many events were acknowledged.
///
/// # Errors
/// Where calls are refused.
pub fn load(place: &Place, customers: u64, rate: u64, round: u64, stop: &AtomicBool) -> anyhow::Result<u64> {
    let (sent, number, since) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    let send = || -> anyhow::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            if rate > 0 && number.load(Ordering::Relaxed) > (since.elapsed().as_secs_f64() * rate as f64) as u64 {
                std::thread::sleep(PACE);
                continue;
            }
            let first = number.fetch_add(BATCH, Ordering::Relaxed);
            let some = first..first + BATCH;
            // The first customer is the one that is asked for: nobody else speaks of it.
            let calls: Vec<Value> =
                some.map(|n| track(1 + n.wrapping_mul(7_919 + round * 2) % (customers - 1), &format!("l{round}-{n}"))).collect();
            if place.send(&calls)? {
                sent.fetch_add(BATCH, Ordering::Relaxed);
            } else {
                std::thread::sleep(RETRY_AFTER);
            }
        }
        Ok(())
    };
    at_once(SENDERS / 2, send)?;
    Ok(sent.into_inner())
}

/// One event of the customer that is asked for, until it is acknowledged.
///
/// # Errors
/// Where it is refused.
pub fn probe(place: &Place, message_id: &str) -> anyhow::Result<()> {
    while !place.send(&[track(0, message_id)])? {
        std::thread::sleep(RETRY_AFTER);
    }
    Ok(())
}

/// How many events the customer that is asked for has.
pub fn probed(place: &Place) -> Option<u64> {
    place.ask("/api/v1/customers/a0000000")?["usage"]["events"]["7d"].as_u64()
}

fn at_once(threads: u64, work: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        running.into_iter().try_for_each(|thread| thread.join().ok().context("a sender broke down")?)
    })
}
