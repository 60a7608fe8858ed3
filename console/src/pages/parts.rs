//! Parts that stand on several pages: times, score chips, receipts, alerts. Templates themselves, so that they escape, and marked safe to stand in others.
use super::format;
use crate::read::timeline::alert_name;
use crate::time::{self, DAY_MS};
use askama::Template;
use askama::filters::HtmlSafe;
use c360_schemas::{Alert, AlertStatus, Contribution, FEED_PREFIX, Severity, alert_url, customer_url};
use serde_json::Value;

/// A time: as people say it, and exactly when pointed at.
#[derive(Clone, Debug, Template)]
#[template(source = r#"<time datetime="{{ iso }}" title="{{ exact }}">{{ text }}</time>"#, ext = "html")]
pub(super) struct When {
    iso: String,
    exact: String,
    text: String,
}

impl HtmlSafe for When {}

impl When {
    /// How long before or after now.
    pub(super) fn relative(at: i64, now: i64) -> Self {
        Self { iso: time::rfc3339(at), exact: time::minute(at), text: time::relative(at, now) }
    }

    /// The day.
    pub(super) fn day(at: i64) -> Self {
        Self { iso: time::rfc3339(at), exact: time::minute(at), text: time::day(at) }
    }

    /// Of an RFC 3339 text; `None` where it is none.
    pub(super) fn of(value: Option<&Value>, now: i64) -> Option<Self> {
        Some(Self::relative(time::parse(value?.as_str()?)?, now))
    }

    pub(super) fn day_of(value: Option<&Value>) -> Option<Self> {
        Some(Self::day(time::parse(value?.as_str()?)?))
    }
}

/// A score in its band's colour.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<span class="chip {{ band }}" title="{{ band }}">{% if let Some(score) = score %}{{ score }}{% else %}?{% endif %}</span>"#,
    ext = "html"
)]
pub(super) struct Chip {
    band: &'static str,
    score: Option<i64>,
}

impl HtmlSafe for Chip {}

impl Chip {
    pub(super) fn new(band: &str, score: Option<i64>) -> Self {
        Self { band: band_class(band), score }
    }
}

/// A band's name, out of the four that there are.
pub(super) fn band_class(band: &str) -> &'static str {
    ["green", "yellow", "red"].into_iter().find(|known| *known == band).unwrap_or("unknown")
}

/// One line of a receipt.
#[derive(Clone, Debug)]
pub(super) struct ReceiptLine {
    pub(super) measure: String,
    pub(super) group: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) contribution: String,
    pub(super) down: bool,
    pub(super) events: Vec<String>,
}

impl ReceiptLine {
    fn new(line: &Contribution) -> Self {
        let points = |points: Option<i32>| points.map_or_else(|| "\u{2013}".into(), |points| points.to_string());
        Self {
            measure: format::words(&line.measure),
            group: format::words(&line.group),
            before: points(line.before),
            after: points(line.after),
            contribution: format::signed(i64::from(line.contribution)),
            down: line.contribution < 0,
            events: line.events.clone(),
        }
    }
}

/// A receipt, the lines that weigh most first.
pub(super) fn receipt(lines: &[Contribution]) -> Vec<ReceiptLine> {
    let mut lines: Vec<_> = lines.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.contribution.unsigned_abs()));
    lines.into_iter().map(ReceiptLine::new).collect()
}

/// A receipt in a score's detail.
pub(super) fn receipt_of(detail: Option<&Value>) -> Vec<ReceiptLine> {
    let lines: Vec<Contribution> = detail.and_then(|lines| serde_json::from_value(lines.clone()).ok()).unwrap_or_default();
    receipt(&lines)
}

/// The two or three lines that say most: `Past due −25, Backlog −3`.
pub(super) fn gist(lines: &[ReceiptLine]) -> String {
    let most = lines.iter().filter(|line| line.contribution != "+0").take(3);
    most.map(|line| format!("{} {}", line.measure, line.contribution)).collect::<Vec<_>>().join(", ")
}

/// An alert with all that can be done about it.
#[derive(Clone, Debug)]
pub(super) struct AlertCard {
    pub(super) id: String,
    /// The API's path of it.
    pub(super) path: String,
    pub(super) name: String,
    pub(super) severity: &'static str,
    pub(super) status: &'static str,
    pub(super) open: bool,
    /// It is about a source: nothing can be said of it.
    pub(super) of_source: bool,
    pub(super) account: String,
    pub(super) account_href: String,
    pub(super) owner: Option<String>,
    pub(super) when: When,
    pub(super) before: Option<Chip>,
    pub(super) after: Option<Chip>,
    pub(super) why: Option<String>,
    pub(super) playbook: Option<String>,
    pub(super) receipt: Vec<ReceiptLine>,
    pub(super) gist: String,
    pub(super) acknowledged_by: Option<String>,
    pub(super) snoozed_until: Option<When>,
    pub(super) verdict: Option<String>,
    pub(super) snooze_day: String,
    pub(super) snooze_week: String,
}

impl AlertCard {
    pub(super) fn new(alert: &Alert, now: i64) -> Self {
        let receipt = receipt(&alert.receipt);
        let chip = |band: &Option<String>, score: Option<i32>| band.as_deref().map(|band| Chip::new(band, score.map(i64::from)));
        let open = matches!(alert.status, AlertStatus::Open | AlertStatus::Updated);
        Self {
            id: alert.alert_id.clone(),
            path: customer_url("", &alert.alert_id).replacen("/customers/", "/api/v1/alerts/", 1),
            name: alert_name(&alert.alert_type),
            severity: match alert.severity {
                Severity::Critical => "critical",
                Severity::Warning => "warning",
                Severity::Info => "info",
            },
            status: match alert.status {
                AlertStatus::Open | AlertStatus::Updated => "open",
                AlertStatus::Resolved => "resolved",
                AlertStatus::Retracted => "retracted",
            },
            open,
            of_source: alert.account_id.starts_with(FEED_PREFIX),
            account: alert.account_name.clone().unwrap_or_else(|| alert.account_id.clone()),
            account_href: alert_url("", &alert.account_id),
            owner: alert.owner_name.clone().or_else(|| alert.owner_email.clone()),
            when: When::relative(alert.at, now),
            before: chip(&alert.band_before, alert.score_before),
            after: chip(&alert.band_after, alert.score_after),
            why: alert.why.clone(),
            playbook: alert.playbook.as_deref().map(format::words),
            gist: gist(&receipt),
            receipt,
            acknowledged_by: alert.acknowledged_by.clone(),
            // Over is over: the alert speaks again.
            snoozed_until: alert.snoozed_until.filter(|until| open && *until > now).map(|until| When::relative(until, now)),
            verdict: alert.verdict.clone(),
            snooze_day: time::rfc3339(now.saturating_add(DAY_MS)),
            snooze_week: time::rfc3339(now.saturating_add(7 * DAY_MS)),
        }
    }
}
