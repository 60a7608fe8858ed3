//! An alert as JSON: what a webhook receives and what the alerts API answers. Field names are public (the contract).
//!
//! Pure: an [`Alert`] and the console's address in, serde structs out. Nothing is invented: what is not known is `null`, and what people said of the alert (acknowledged,
//! snoozed, verdict) is left out where nobody did.
use crate::{Alert, AlertStatus, Contribution, FEED_PREFIX, Severity};
use serde::Serialize;

/// The whole body: `{"type","timestamp","data"}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertBody {
    #[serde(rename = "type")]
    pub alert_type: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
    pub data: AlertData,
}

/// The alert itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertData {
    pub alert_id: String,
    pub revision: i32,
    pub status: AlertStatus,
    pub severity: Severity,
    pub tenant: String,
    pub account: AlertAccount,
    pub band: BeforeAfter<String>,
    pub score: BeforeAfter<i32>,
    /// Contributions sum to the change of the score.
    pub receipt: Vec<Contribution>,
    pub next_action: Option<NextAction>,
    /// Playbooks that fit, the first of them again in `next_action`; at most three.
    pub next_actions: Vec<String>,
    /// The customer's page in the console.
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// Whom the alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertAccount {
    pub account_id: String,
    pub name: Option<String>,
    pub owner: AlertOwner,
}

/// Who looks after the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertOwner {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// A value on both sides of the change; `null` where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BeforeAfter<T> {
    pub before: Option<T>,
    pub after: Option<T>,
}

/// What to do now, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextAction {
    pub playbook: Option<String>,
    pub why: Option<String>,
}

impl AlertBody {
    /// The body for `alert`; `console_url` is the console's address, with or without a slash at its end.
    pub fn new(alert: &Alert, console_url: &str) -> Self {
        Self { alert_type: alert.alert_type.clone(), timestamp: rfc3339(alert.at), data: AlertData::new(alert, console_url) }
    }
}

impl AlertData {
    fn new(alert: &Alert, console_url: &str) -> Self {
        let has_action = alert.playbook.is_some() || alert.why.is_some();
        Self {
            alert_id: alert.alert_id.clone(),
            revision: alert.revision,
            status: alert.status,
            severity: alert.severity,
            tenant: alert.tenant.clone(),
            account: AlertAccount {
                account_id: alert.account_id.clone(),
                name: alert.account_name.clone(),
                owner: AlertOwner { name: alert.owner_name.clone(), email: alert.owner_email.clone() },
            },
            band: BeforeAfter { before: alert.band_before.clone(), after: alert.band_after.clone() },
            score: BeforeAfter { before: alert.score_before, after: alert.score_after },
            receipt: alert.receipt.clone(),
            next_action: has_action.then(|| NextAction { playbook: alert.playbook.clone(), why: alert.why.clone() }),
            next_actions: alert.actions.clone(),
            url: alert_url(console_url, &alert.account_id),
            acknowledged_by: alert.acknowledged_by.clone(),
            snoozed_until: alert.snoozed_until.map(rfc3339),
            verdict: alert.verdict.clone(),
        }
    }
}

/// Where what an alert is about is looked at: the customer's page, or that of the alerts where it is about a source.
pub fn alert_url(console_url: &str, account_id: &str) -> String {
    if account_id.starts_with(FEED_PREFIX) {
        return format!("{}/alerts", console_url.trim_end_matches('/'));
    }
    customer_url(console_url, account_id)
}

/// The page of a customer in the console, with the id percent-encoded as one path segment.
pub fn customer_url(console_url: &str, account_id: &str) -> String {
    let mut url = format!("{}/customers/", console_url.trim_end_matches('/'));
    for byte in account_id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// UTC milliseconds as RFC 3339; a time that no calendar has becomes the nearest one that it has.
fn rfc3339(ms: i64) -> String {
    let nearest = if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(ms).unwrap_or(nearest).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert() -> Alert {
        Alert {
            alert_id: "al_1".into(),
            revision: 2,
            alert_type: "health.changed".into(),
            status: AlertStatus::Updated,
            severity: Severity::Critical,
            at: 1_795_341_600_000,
            notify: true,
            tenant: "default".into(),
            account_id: "a1".into(),
            account_name: Some("Acme".into()),
            owner_name: None,
            owner_email: Some("kim@example.com".into()),
            band_before: Some("green".into()),
            band_after: Some("red".into()),
            score_before: Some(72),
            score_after: Some(47),
            receipt: vec![Contribution {
                measure: "past_due".into(),
                group: "billing".into(),
                before: Some(100),
                after: Some(0),
                contribution: -25,
                events: vec!["evt_1".into()],
            }],
            playbook: Some("dunning".into()),
            why: Some("the last payment failed".into()),
            acknowledged_by: None,
            snoozed_until: None,
            verdict: None,
            actions: vec!["dunning".into(), "call".into()],
        }
    }

    #[test]
    fn the_body_is_the_contracts_json() {
        let body = serde_json::to_value(AlertBody::new(&alert(), "http://localhost:8361/")).unwrap();
        let wanted = json!({"type": "health.changed", "timestamp": "2026-11-22T10:00:00Z", "data": {
            "alert_id": "al_1", "revision": 2, "status": "updated", "severity": "critical", "tenant": "default",
            "account": {"account_id": "a1", "name": "Acme", "owner": {"name": null, "email": "kim@example.com"}},
            "band": {"before": "green", "after": "red"}, "score": {"before": 72, "after": 47},
            "receipt": [{"measure": "past_due", "group": "billing", "before": 100, "after": 0, "contribution": -25, "events": ["evt_1"]}],
            "next_action": {"playbook": "dunning", "why": "the last payment failed"}, "next_actions": ["dunning", "call"], "url": "http://localhost:8361/customers/a1"}});
        assert_eq!(body, wanted);
    }

    #[test]
    fn what_is_not_known_is_null_and_what_people_said_is_there_only_when_said() {
        let mut alert = Alert { playbook: None, why: None, score_before: None, ..alert() };
        let body = serde_json::to_value(AlertBody::new(&alert, "http://c")).unwrap();
        assert_eq!((&body["data"]["next_action"], &body["data"]["score"]["before"]), (&json!(null), &json!(null)));
        assert!(body["data"].get("verdict").is_none() && body["data"].get("snoozed_until").is_none());
        alert.snoozed_until = Some(1_795_341_600_123);
        alert.acknowledged_by = Some("kim".into());
        let body = serde_json::to_value(AlertBody::new(&alert, "http://c")).unwrap();
        assert_eq!((&body["data"]["snoozed_until"], &body["data"]["acknowledged_by"]), (&json!("2026-11-22T10:00:00.123Z"), &json!("kim")));
    }

    #[test]
    fn an_id_is_one_path_segment_whatever_stands_in_it() {
        assert_eq!(customer_url("http://c/", "~user:a/b?c#d é"), "http://c/customers/~user:a%2Fb%3Fc%23d%20%C3%A9");
    }

    #[test]
    fn a_time_out_of_range_does_not_panic() {
        assert!(rfc3339(i64::MAX).starts_with("9999-") && rfc3339(i64::MIN).starts_with("-009999-"));
    }
}
