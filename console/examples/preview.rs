//! The console over made-up data in memory, to look at its pages: `cargo run -p c360-console --example preview`, then log in with the token `preview`.
//! Something changes every second.
#![allow(clippy::print_stdout)]
#[allow(dead_code)]
#[path = "../tests/it/fake_log.rs"]
mod fake_log;

use c360_console::{ApiToken, Console, ConsoleConfig, ConsoleLimits, Stage};
use c360_log::{Batch, Clock, ClockSpec};
use c360_schemas::{
    Alert, AlertAction, AlertStatus, Contribution, Delivery, DeliveryOutcome, EventsValue, History, HistoryKind, Key, Profile, Severity,
    Topic, Wire, decode_events_value,
};
use fake_log::FakeLog;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_795_341_600_000;
const DAY: i64 = 86_400_000;
const CUSTOMERS: usize = 320;
const FIRST: [&str; 20] = [
    "Acorn", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Keystone", "Lumen", "Meridian",
    "Nimbus", "Orchard", "Pioneer", "Quartz", "Ridge", "Summit", "Tundra",
];
const SECOND: [&str; 16] = [
    "Labs",
    "Logistics",
    "Foods",
    "Robotics",
    "Health",
    "Energy",
    "Media",
    "Retail",
    "Systems",
    "Studios",
    "Partners",
    "Travel",
    "Bank",
    "Textiles",
    "Motors",
    "Software",
];
const OWNERS: [(&str, &str); 4] = [
    ("Ana Lima", "ana@example.com"),
    ("Ben Okafor", "ben@example.com"),
    ("Chen Wei", "chen@example.com"),
    ("Dora Novak", "dora@example.com"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8399".into());
    let folder = std::env::temp_dir().join(format!("c360-preview-{}", std::process::id()));
    let clock = Clock::manual(ClockSpec { start: NOW, rate: 1.0 });
    let log = FakeLog::new(4, clock.clone());
    fill(&log);
    let stages =
        [("resolve", vec![Topic::Unresolved]), ("aggregate", vec![Topic::Events]), ("deliver", vec![Topic::Alerts, Topic::Deliveries])];
    let config = ConsoleConfig {
        db_path: folder.join("console.db"),
        tokens: vec![ApiToken::from_secret("default", "preview")],
        console_url: format!("http://{address}"),
        barrier: stages.into_iter().map(|(group, topics)| Stage { group: group.into(), topics }).collect(),
        limits: ConsoleLimits::default(),
    };
    let console = Console::open(config, log.clone(), clock.clone())?;
    tokio::spawn(go_on(log, clock));
    println!("http://{address}  (token: preview)");
    axum::serve(tokio::net::TcpListener::bind(&address).await?, console.router()).with_graceful_shutdown(stopped()).await?;
    console.stop();
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn stopped() {
    // Without signals it runs until it is killed.
    let _ = tokio::signal::ctrl_c().await;
}

fn put<T: Wire>(batch: &mut Batch, topic: Topic, id: &str, value: &T) {
    batch.push(topic, |out| Key { tenant: "default", id }.write(out), |out| value.encode(out));
}

/// All customers, their history, and alerts of those that do badly; then answers to what people say of alerts.
fn fill(log: &FakeLog) {
    let mut batch = Batch::default();
    let mut alerts = BTreeMap::new();
    for n in 0..CUSTOMERS {
        let (profile, score) = customer(n, 0);
        put(&mut batch, Topic::Profiles, &profile.account_id, &profile);
        history(&mut batch, &profile, score, n);
        if score < 45 || n % 29 == 0 {
            let alert = alert(&profile, score, n);
            put(&mut batch, Topic::Alerts, &profile.account_id, &alert);
            put(&mut batch, Topic::Deliveries, &profile.account_id, &delivery(&alert));
            alerts.insert(alert.alert_id.clone(), alert);
        }
    }
    log.push(&batch);
    let alerts = parking_lot::Mutex::new(alerts);
    log.set_machine(move |topic, _, value| {
        let mut out = Batch::default();
        let Ok(EventsValue::Command(command)) = decode_events_value(value) else { return out };
        if let (Topic::Events, Some(alert)) = (topic, alerts.lock().get_mut(&command.alert_id)) {
            alert.revision += 1;
            alert.status = AlertStatus::Updated;
            match command.action {
                AlertAction::Acknowledge => alert.acknowledged_by = command.by,
                AlertAction::Snooze => alert.snoozed_until = command.until,
                AlertAction::Verdict => alert.verdict = command.verdict,
            }
            put(&mut out, Topic::Alerts, &alert.account_id, alert);
        }
        out
    });
}

/// Every second some customers are used.
async fn go_on(log: Arc<FakeLog>, clock: Clock) {
    let mut rng = StdRng::seed_from_u64(7);
    for round in 1.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut batch = Batch::default();
        for _ in 0..3 {
            let (mut profile, _) = customer(rng.random_range(0..CUSTOMERS), round);
            profile.last_seen_at = Some(clock.now_ms());
            put(&mut batch, Topic::Profiles, &profile.account_id, &profile);
        }
        log.push(&batch);
    }
}

fn time(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

fn customer(n: usize, round: u64) -> (Profile, i32) {
    let mut rng = StdRng::seed_from_u64(n as u64);
    let provisional = n % 40 == 39;
    let mood: f64 = rng.random::<f64>().powf(0.55);
    let score = (mood * 96.0) as i32 + (round % 3) as i32;
    let band = if provisional { "unknown" } else { ["red", "yellow", "green"][usize::from(score >= 50) + usize::from(score >= 75)] };
    let name = format!("{} {}", FIRST[n % 20], SECOND[n / 20 % 16]);
    let account_id = if provisional { format!("~stripe_customer:cus_{n:04}") } else { format!("acct-{n:04}") };
    let owner = OWNERS[rng.random_range(0..4)];
    let size: f64 = 4.0 + 60.0 * rng.random::<f64>().powi(3);
    let mrr = (size * 4_000.0) as i64 / 100 * 100;
    let renews = NOW + rng.random_range(5..330) * DAY;
    let silent = if score < 30 { 18 } else { 0 };
    let daily: Vec<Value> = (0..90_i64)
        .map(|d| {
            let at = NOW - (89 - d) * DAY;
            let weekend = (at / DAY + 3).rem_euclid(7) >= 5;
            let trend = 1.0 + (mood - 0.55) * (d as f64 / 60.0);
            let level = size * 3.0 * trend * if weekend { 0.15 } else { 1.0 } * rng.random_range(0.7..1.25);
            let events = if 89 - d < silent { 0 } else { level.max(0.0) as i64 };
            let users = (events as f64 / 6.0).ceil() as i64;
            json!([time(at)[..10], events, users])
        })
        .collect();
    let sum = |days: usize| daily.iter().rev().take(days).map(|d| d[1].as_i64().unwrap_or(0)).sum::<i64>();
    let late = if score < 25 { 9 } else { 0 };
    let measure = |id: &str, value: f64, score: i32, weight: i32| json!({"id": id, "value": value, "score": score.clamp(0, 100), "weight": weight, "as_of": time(NOW - 3_600_000)});
    let nps = (!n.is_multiple_of(3)).then_some((score - 30).max(0));
    let view = json!({
        "account_id": account_id, "tenant": "default", "name": if provisional { Value::Null } else { json!(name) }, "provisional": provisional,
        "owner": {"name": owner.0, "email": owner.1}, "lifecycle": "steady",
        "health": {"score": if provisional { Value::Null } else { json!(score) }, "band": band, "coverage": 0.83,
            "groups": [
                {"id": "usage", "score": score, "measures": [measure("active_users_trend", mood - 0.6, score + 4, 2), measure("last_seen_days", 1.0, score - 9, 1), measure("stickiness", 0.31, score, 1)]},
                {"id": "support", "score": (score + 20).min(100), "measures": [measure("open_tickets", 2.0, score + 15, 1), measure("oldest_open_s", 190_000.0, score + 25, 1)]},
                {"id": "billing", "score": if late > 0 { 20 } else { 100 }, "measures": [measure("past_due_days", f64::from(late), if late > 0 { 20 } else { 100 }, 3)]},
                {"id": "survey", "score": nps, "measures": [json!({"id": "nps", "value": nps, "score": nps.map(|n| (n + 30).clamp(0, 100)), "weight": 1, "as_of": null})]}],
            "overrides": []},
        "usage": {"events": {"1d": sum(1), "7d": sum(7), "28d": sum(28), "90d": sum(90)}, "active_users": {"1d": sum(1) / 6, "7d": sum(7) / 25, "28d": sum(28) / 60},
            "stickiness": 0.31, "last_seen_at": time(NOW - silent * DAY - 7_200_000), "features": {"Report exported": sum(28) / 5, "Board shared": sum(28) / 9, "Rule made": 4}, "daily": daily},
        "support": {"open": n % 4, "oldest_open_s": if n.is_multiple_of(4) { Value::Null } else { json!(190_000) }, "opened_28d": n % 7, "reopened_28d": 0, "first_reply_s_median": 5_400, "resolution_s_median": 93_000},
        "billing": {"mrr": {"amount": mrr, "currency": "USD"}, "status": if late > 0 { "past_due" } else { "active" }, "past_due_days": late, "renews_at": time(renews), "cancels_at": null,
            "subscriptions": [{"id": format!("sub_{n:04}"), "status": "active", "mrr": {"amount": mrr, "currency": "USD"}, "renews_at": time(renews), "cancels_at": null}]},
        "surveys": {"nps": {"score": nps, "promoters": n % 5, "passives": n % 3, "detractors": if score < 50 { 2 } else { 0 }}, "csat": 0.86},
        "identities": [{"kind": "stripe_customer", "id": format!("cus_{n:04}"), "source": "told"}, {"kind": "zendesk_organization", "id": format!("{}", 360_000 + n), "source": "group"}],
        "as_of": time(NOW), "position": {"partition": 0, "offset": n}});
    let profile = Profile {
        tenant: "default".into(),
        account_id,
        name: (!provisional).then_some(name),
        provisional,
        owner_name: (!provisional).then(|| owner.0.into()),
        owner_email: (!provisional).then(|| owner.1.into()),
        lifecycle: if renews - NOW < 90 * DAY { "renewal".into() } else { ["steady", "steady", "adoption", "stabilisation"][n % 4].into() },
        score: (!provisional).then_some(score),
        band: band.into(),
        mrr: (!n.is_multiple_of(17)).then_some(mrr),
        currency: (!n.is_multiple_of(17)).then(|| "USD".into()),
        last_seen_at: Some(NOW - silent * DAY - 7_200_000),
        renews_at: Some(renews),
        as_of: NOW,
        view: view.to_string(),
    };
    (profile, score)
}

fn receipt(change: i32) -> Vec<Contribution> {
    let line = |measure: &str, group: &str, before, after, contribution| Contribution {
        measure: measure.into(),
        group: group.into(),
        before: Some(before),
        after: Some(after),
        contribution,
        events: vec![format!("evt_1Q{}aZ", measure.len() * 7919)],
    };
    let most = change * 2 / 3;
    vec![
        line("past_due", "billing", 100, 20, most),
        line("active_users_trend", "usage", 70, 41, change - most - 1),
        line("open_tickets", "support", 88, 85, 1),
    ]
}

fn history(batch: &mut Batch, profile: &Profile, score: i32, n: usize) {
    let mut add = |id: &str, kind, at, title: &str, detail: Value| {
        let entry = History {
            id: format!("{n}-{id}"),
            tenant: "default".into(),
            account_id: profile.account_id.clone(),
            at,
            kind,
            title: title.into(),
            detail: detail.to_string(),
        };
        put(batch, Topic::History, &profile.account_id, &entry);
    };
    let mut before = None;
    for (i, level) in [score + 21, score + 15, score + 19, score + 4, score].into_iter().enumerate() {
        let (level, at) = (level.clamp(0, 100), NOW - (4 - i as i64) * 23 * DAY - 3_600_000 * n as i64 % DAY);
        let band = ["red", "yellow", "green"][usize::from(level >= 50) + usize::from(level >= 75)];
        let detail =
            json!({"score": level, "band": band, "card": "steady", "before": before, "receipt": receipt(level - before.unwrap_or(0))});
        add(&format!("s{i}"), HistoryKind::Score, at, &format!("Score {level}"), detail);
        before = Some(level);
    }
    add("i1", HistoryKind::Event, NOW - 9 * DAY, "Invoice in_0042 is open: $1,200 due", json!({}));
    add("t1", HistoryKind::Event, NOW - 2 * DAY, "Ticket 1042 opened: The export stops half-way", json!({}));
    add("l1", HistoryKind::Link, NOW - 300 * DAY, "Stripe customer linked by the API", json!({}));
}

fn alert(profile: &Profile, score: i32, n: usize) -> Alert {
    let kinds = ["health.changed", "usage.dropped", "billing.payment_failed", "support.backlog"];
    let alert_type = if score < 45 { kinds[n % 4] } else { "advocate.found" };
    let health = alert_type == "health.changed";
    Alert {
        alert_id: format!("al_{n:04}"),
        revision: 1,
        alert_type: alert_type.into(),
        status: if n.is_multiple_of(9) { AlertStatus::Resolved } else { AlertStatus::Open },
        severity: if alert_type == "advocate.found" {
            Severity::Info
        } else if score < 25 {
            Severity::Critical
        } else {
            Severity::Warning
        },
        at: NOW - (n as i64 * 37 % 200) * 3_600_000,
        notify: true,
        tenant: "default".into(),
        account_id: profile.account_id.clone(),
        account_name: profile.name.clone(),
        owner_name: profile.owner_name.clone(),
        owner_email: profile.owner_email.clone(),
        band_before: health.then(|| "green".into()),
        band_after: health.then(|| "red".into()),
        score_before: health.then_some(score + 36),
        score_after: health.then_some(score),
        receipt: if health { receipt(-36) } else { Vec::new() },
        playbook: Some(if alert_type == "advocate.found" { "ask_for_a_reference".into() } else { "call_the_champion".into() }),
        why: Some(match alert_type {
            "advocate.found" => "Three promoters answered in a month, and usage grows.".into(),
            "usage.dropped" => "The last week has under half the usage of the four weeks before.".into(),
            "support.backlog" => "Five tickets are open, the oldest for two days.".into(),
            _ => "The last try to take the payment failed nine days ago, and fewer people come every week.".into(),
        }),
        acknowledged_by: n.is_multiple_of(5).then(|| "Ana Lima".into()),
        snoozed_until: n.is_multiple_of(7).then_some(NOW + 3 * DAY),
        verdict: None,
        actions: Vec::new(),
    }
}

fn delivery(alert: &Alert) -> Delivery {
    Delivery {
        tenant: "default".into(),
        account_id: alert.account_id.clone(),
        alert_id: alert.alert_id.clone(),
        revision: 1,
        destination: "slack".into(),
        kind: "slack".into(),
        outcome: DeliveryOutcome::Delivered,
        at: alert.at + 900,
        attempt: 1,
        status_code: Some(200),
        error: None,
        next_attempt_at: None,
        alert: None,
    }
}
