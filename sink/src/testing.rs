//! Records that tests start from.
use c360_schemas::{Alert, AlertStatus, Contribution, Delivery, DeliveryOutcome, Severity, Wire};

/// An alert of account `a1`, of tenant `default`.
pub(crate) fn alert(alert_id: &str, revision: i32) -> Alert {
    let line = |measure: &str, group: &str, before, after, contribution| Contribution {
        measure: measure.into(),
        group: group.into(),
        before: Some(before),
        after: Some(after),
        contribution,
        events: vec![format!("evt_{measure}")],
    };
    Alert {
        alert_id: alert_id.into(),
        revision,
        alert_type: "health.changed".into(),
        status: AlertStatus::Open,
        severity: Severity::Warning,
        at: 1_795_341_600_000,
        notify: true,
        tenant: "default".into(),
        account_id: "a1".into(),
        account_name: Some("Acme & Söhne".into()),
        owner_name: Some("Kim Ørsted".into()),
        owner_email: Some("kim@example.com".into()),
        band_before: Some("green".into()),
        band_after: Some("red".into()),
        score_before: Some(72),
        score_after: Some(41),
        receipt: vec![line("open_tickets", "support", 80, 60, -6), line("past_due", "billing", 100, 0, -25)],
        playbook: Some("dunning".into()),
        why: Some("The last payment failed & is 3 days overdue.".into()),
        acknowledged_by: None,
        snoozed_until: None,
        verdict: None,
        actions: Vec::new(),
    }
}

/// The plan of an alert of `account`.
pub(crate) fn planned(account: &str, alert_id: &str, revision: i32, destination: &str) -> Delivery {
    let alert = Alert { account_id: account.into(), ..alert(alert_id, revision) };
    let mut bytes = Vec::new();
    alert.encode(&mut bytes);
    Delivery {
        tenant: alert.tenant,
        account_id: alert.account_id,
        alert_id: alert.alert_id,
        revision,
        destination: destination.into(),
        kind: "webhook".into(),
        outcome: DeliveryOutcome::Planned,
        at: 1_795_341_600_000,
        attempt: 0,
        status_code: None,
        error: None,
        next_attempt_at: None,
        alert: Some(bytes),
    }
}

/// The outcome of an attempt at a plan.
pub(crate) fn outcome(plan: &Delivery, outcome: DeliveryOutcome, attempt: i32) -> Delivery {
    let next_attempt_at = (outcome == DeliveryOutcome::Retry).then_some(1_795_341_600_000 + i64::from(attempt) * 1_000);
    Delivery { outcome, attempt, next_attempt_at, alert: None, ..plan.clone() }
}

/// A checked webhook destination.
pub(crate) fn target(name: &str) -> crate::Target {
    let text = format!(
        "destinations = [{{ name = '{name}', kind = 'webhook', url = 'http://127.0.0.1:1/', secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }}]"
    );
    let config: crate::SinkConfig = toml::from_str(&text).unwrap();
    config.check().unwrap().remove(0)
}
