//! A console over a fake log, records to put into it, and requests to make.
use crate::fake_log::FakeLog;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use c360_console::{ApiToken, Console, ConsoleConfig, ConsoleLimits, Stage};
use c360_log::{Batch, Clock, ClockSpec};
use c360_schemas::{
    Alert, AlertStatus, Contribution, Delivery, DeliveryOutcome, History, HistoryKind, Key, Profile, Severity, Topic, Wire,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tower::ServiceExt;

/// 2026-11-22T10:00:00Z.
pub(crate) const NOW: i64 = 1_795_341_600_000;
pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const TOKEN: &str = "token-of-t1";
pub(crate) const OTHER_TOKEN: &str = "token-of-t2";

pub(crate) struct World {
    pub(crate) log: Arc<FakeLog>,
    pub(crate) clock: Clock,
    pub(crate) console: Console,
    pub(crate) router: Router,
    pub(crate) folder: Arc<TempDir>,
}

pub(crate) fn stages() -> Vec<Stage> {
    vec![
        Stage { group: "resolve".into(), topics: vec![Topic::Unresolved] },
        Stage { group: "aggregate".into(), topics: vec![Topic::Events] },
        Stage { group: "deliver".into(), topics: vec![Topic::Alerts, Topic::Deliveries] },
    ]
}

pub(crate) fn limits() -> ConsoleLimits {
    ConsoleLimits {
        fold_poll_ms: 20,
        command_wait_ms_max: 300,
        barrier_wait_ms_max: 2_000,
        stream_pause_ms: 20,
        ..ConsoleLimits::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual(ClockSpec { start: NOW, rate: 0.0 });
        Self::open(FakeLog::new(4, clock.clone()), clock, Arc::new(tempfile::tempdir().unwrap()), limits())
    }

    pub(crate) fn open(log: Arc<FakeLog>, clock: Clock, folder: Arc<TempDir>, limits: ConsoleLimits) -> Self {
        let config = ConsoleConfig {
            db_path: folder.path().join("console.db"),
            tokens: vec![ApiToken::from_secret("t1", TOKEN), ApiToken::from_secret("t2", OTHER_TOKEN)],
            console_url: "http://console.test".into(),
            barrier: stages(),
            limits,
        };
        let console = Console::open(config, log.clone(), clock.clone()).unwrap();
        let router = console.router();
        Self { log, clock, console, router, folder }
    }

    /// Stops the console and opens it again over the same file and log.
    pub(crate) fn reopen(self, limits: ConsoleLimits) -> Self {
        let Self { log, clock, console, folder, .. } = self;
        console.stop();
        drop(console);
        Self::open(log, clock, folder, limits)
    }

    pub(crate) fn put(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::default();
        fill(&mut batch);
        self.log.push(&batch);
    }

    /// Waits until the read model shows all that is in the log.
    pub(crate) async fn settle(&self) {
        let (status, body) = self.post("/api/v1/clock", json!({"advance_s": 0})).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::from(body.to_owned()));
        let (status, _, body) = self.send(request.unwrap()).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, TOKEN, "").await
    }

    pub(crate) async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call("POST", path, TOKEN, &body.to_string()).await
    }

    pub(crate) async fn page(&self, path: &str) -> (StatusCode, String) {
        let request = Request::builder().uri(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}")).body(Body::empty());
        let (status, _, body) = self.send(request.unwrap()).await;
        (status, body)
    }
}

/// Waits for a condition, with a bound.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn push<T: Wire>(batch: &mut Batch, topic: Topic, tenant: &str, id: &str, value: &T) {
    batch.push(topic, |out| Key { tenant, id }.write(out), |out| value.encode(out));
}

pub(crate) fn push_profile(batch: &mut Batch, profile: &Profile) {
    push(batch, Topic::Profiles, &profile.tenant, &profile.account_id, profile);
}

pub(crate) fn push_alert(batch: &mut Batch, alert: &Alert) {
    push(batch, Topic::Alerts, &alert.tenant, &alert.account_id, alert);
}

pub(crate) fn push_delivery(batch: &mut Batch, delivery: &Delivery) {
    push(batch, Topic::Deliveries, &delivery.tenant, &delivery.account_id, delivery);
}

pub(crate) fn push_history(batch: &mut Batch, history: &History) {
    push(batch, Topic::History, &history.tenant, &history.account_id, history);
}

pub(crate) fn tombstone(batch: &mut Batch, tenant: &str, id: &str) {
    batch.push(Topic::Profiles, |out| Key { tenant, id }.write(out), |_| ());
}

/// A profile of tenant t1 whose view has what its columns have.
pub(crate) fn profile(account_id: &str, change: impl FnOnce(&mut Profile, &mut Value)) -> Profile {
    let mut profile = Profile {
        tenant: "t1".into(),
        account_id: account_id.into(),
        name: Some(format!("Customer {account_id}")),
        provisional: account_id.starts_with('~'),
        owner_name: None,
        owner_email: None,
        lifecycle: "steady".into(),
        score: Some(72),
        band: "yellow".into(),
        mrr: Some(120_000),
        currency: Some("USD".into()),
        last_seen_at: Some(NOW - DAY),
        renews_at: None,
        as_of: NOW,
        view: String::new(),
    };
    let mut view = json!({
        "health": {"groups": [{"id": "usage", "score": 80, "measures": [{"id": "active_users_trend", "value": -0.2, "score": 60, "weight": 2, "as_of": "2026-11-22T10:00:00Z"}]}],
            "overrides": [], "coverage": 0.83},
        "usage": {"events": {"1d": 0, "7d": 12, "28d": 40, "90d": 99}, "active_users": {"1d": 0, "7d": 3, "28d": 5}, "stickiness": null, "features": {"export": 4},
            "last_seen_at": "2026-11-21T10:00:00Z"},
        "support": {"open": 0, "oldest_open_s": null, "opened_28d": 0, "reopened_28d": 0, "first_reply_s_median": null, "resolution_s_median": null},
        "billing": {"status": "active", "past_due_days": 0, "renews_at": null, "cancels_at": null, "mrr": {"amount": 120000, "currency": "USD"},
            "subscriptions": [{"id": "sub_1", "status": "active", "mrr": {"amount": 120000, "currency": "USD"}, "renews_at": null, "cancels_at": null}]},
        "surveys": {"nps": {"score": null, "promoters": 0, "passives": 0, "detractors": 0}, "csat": null},
        "identities": [{"kind": "stripe_customer", "id": "cus_1", "source": "told"}],
        "as_of": "2026-11-22T10:00:00Z", "position": {"partition": 0, "offset": 1}});
    change(&mut profile, &mut view);
    view["account_id"] = json!(profile.account_id);
    view["tenant"] = json!(profile.tenant);
    view["name"] = json!(profile.name);
    view["provisional"] = json!(profile.provisional);
    view["owner"] = json!({"name": profile.owner_name, "email": profile.owner_email});
    view["lifecycle"] = json!(profile.lifecycle);
    view["health"]["score"] = json!(profile.score);
    view["health"]["band"] = json!(profile.band);
    profile.view = view.to_string();
    profile
}

pub(crate) fn alert(alert_id: &str, account_id: &str, change: impl FnOnce(&mut Alert)) -> Alert {
    let mut alert = Alert {
        alert_id: alert_id.into(),
        revision: 1,
        alert_type: "health.changed".into(),
        status: AlertStatus::Open,
        severity: Severity::Critical,
        at: NOW,
        notify: true,
        tenant: "t1".into(),
        account_id: account_id.into(),
        account_name: Some("Acme".into()),
        owner_name: None,
        owner_email: Some("kim@example.com".into()),
        band_before: Some("green".into()),
        band_after: Some("red".into()),
        score_before: Some(72),
        score_after: Some(41),
        receipt: vec![Contribution {
            measure: "past_due".into(),
            group: "billing".into(),
            before: Some(100),
            after: Some(0),
            contribution: -31,
            events: vec!["evt_1".into()],
        }],
        playbook: Some("dunning".into()),
        why: Some("the last payment try failed".into()),
        acknowledged_by: None,
        snoozed_until: None,
        verdict: None,
        actions: Vec::new(),
    };
    change(&mut alert);
    alert
}

pub(crate) fn delivery(alert_id: &str, account_id: &str, outcome: DeliveryOutcome, attempt: i32, at: i64) -> Delivery {
    Delivery {
        tenant: "t1".into(),
        account_id: account_id.into(),
        alert_id: alert_id.into(),
        revision: 1,
        destination: "team".into(),
        kind: "slack".into(),
        outcome,
        at,
        attempt,
        status_code: (attempt > 0).then_some(200),
        error: None,
        next_attempt_at: None,
        alert: None,
    }
}

pub(crate) fn history(id: &str, account_id: &str, kind: HistoryKind, at: i64, title: &str, detail: Value) -> History {
    History { id: id.into(), tenant: "t1".into(), account_id: account_id.into(), at, kind, title: title.into(), detail: detail.to_string() }
}
