//! A customer's timeline: history, alerts, deliveries and usage by day, merged, newest first.
//!
//! What was told of a provisional customer before it was known whose it is stands in the timeline of the account that it is linked to now.
use super::{Page, customers};
use crate::db::ReadError;
use crate::time;
use c360_schemas::{Alert, AlertStatus, provisional_account_id};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Identities whose time as provisional customers is looked at.
const IDENTITIES_MAX: usize = 32;

/// Place in the order: newest first, and entries of one time by their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) at: i64,
    pub(crate) key: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: i64,
    key: String,
    /// event, alert, score, delivery, link or note.
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) detail: Value,
}

/// What the entries wanted are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Usage,
    Billing,
    Support,
    Surveys,
    Health,
    People,
}

impl About {
    const ALL: [Self; 6] = [Self::Usage, Self::Billing, Self::Support, Self::Surveys, Self::Health, Self::People];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Billing => "billing",
            Self::Support => "support",
            Self::Surveys => "surveys",
            Self::Health => "health",
            Self::People => "people",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.as_str() == text)
    }

    /// Their names, for whoever gave another one.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Which recorded entries it lets through: what an event told of stands in its detail.
    const fn sql(about: Option<Self>) -> &'static str {
        match about {
            None => "TRUE",
            Some(Self::Usage) => "kind = 'event' AND detail ->> '$.feature' IS NOT NULL",
            Some(Self::Billing) => "kind = 'event' AND (detail ->> '$.subscription' IS NOT NULL OR detail ->> '$.invoice' IS NOT NULL)",
            Some(Self::Support) => "kind = 'event' AND detail ->> '$.ticket' IS NOT NULL",
            Some(Self::Surveys) => "kind = 'event' AND detail ->> '$.survey' IS NOT NULL",
            Some(Self::Health) => "kind IN ('score', 'alert')",
            Some(Self::People) => "kind IN ('link', 'note')",
        }
    }
}

/// A page of the timeline; `None` where there is no such customer.
pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    account_id: &str,
    (about, after): (Option<About>, Option<&After>),
    limit: usize,
    console_url: &str,
) -> Result<Option<Page<Entry, After>>, ReadError> {
    let Some(customer) = customers::get(connection, tenant, account_id)? else { return Ok(None) };
    let view: Value = customer.view.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
    let first = After { at: i64::MAX, key: "\u{10ffff}".into() };
    let after = after.unwrap_or(&first);
    let mut entries = recorded(connection, tenant, account_id, &view, (about, after), limit, console_url)?;
    if matches!(about, None | Some(About::Usage)) {
        entries.extend(usage_days(&view).filter(|entry| (entry.at, &entry.key) < (after.at, &after.key)));
    }
    entries.sort_by(|a, b| (b.at, &b.key).cmp(&(a.at, &a.key)));
    entries.truncate(limit + 1);
    Ok(Some(Page::cut(entries, limit, |last| After { at: last.at, key: last.key.clone() })))
}

/// What the log recorded, newest first, one more than `limit`.
fn recorded(
    connection: &Connection,
    tenant: &str,
    account_id: &str,
    view: &Value,
    (about, after): (Option<About>, &After),
    limit: usize,
    console_url: &str,
) -> Result<Vec<Entry>, ReadError> {
    let earlier = provisional_ids(view);
    let places = (0..earlier.len()).map(|i| format!("?{}", i + 6)).collect::<Vec<_>>().join(", ");
    // Scores and alerts of a provisional customer are about a customer that is no more; what happened to it happened to this one.
    let sql = format!(
        "SELECT at, key, kind, title, detail FROM (
           SELECT at, 'h:' || id AS key, kind, title, detail FROM history WHERE tenant = ?1 AND account_id = ?2 AND at <= ?3
           UNION ALL SELECT at, 'h:' || id, kind, title, detail FROM history
             WHERE tenant = ?1 AND account_id IN ({places}) AND at <= ?3 AND kind <> 'score'
           UNION ALL SELECT at, 'a:' || alert_id || ':' || printf('%010d', revision), 'alert', '', body FROM alert_revisions
             WHERE tenant = ?1 AND account_id = ?2 AND at <= ?3
           UNION ALL SELECT at, 'd:' || alert_id || ':' || printf('%010d', revision) || ':' || destination || ':' || printf('%010d', attempt) || outcome,
             'delivery', '', body FROM deliveries WHERE tenant = ?1 AND account_id = ?2 AND at <= ?3 AND outcome <> 'planned')
         WHERE (at, key) < (?3, ?4) AND ({about}) ORDER BY at DESC, key DESC LIMIT ?5",
        about = About::sql(about)
    );
    let text = |text: &str| SqlValue::Text(text.into());
    let mut values =
        vec![text(tenant), text(account_id), SqlValue::Integer(after.at), text(&after.key), SqlValue::Integer(limit as i64 + 1)];
    values.extend(earlier.into_iter().map(SqlValue::Text));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let detail: String = row.get(4)?;
        let entry = Entry { at: row.get(0)?, key: row.get(1)?, kind: row.get(2)?, title: row.get(3)?, detail: Value::Null };
        entries.push(told(entry, &detail, console_url)?);
    }
    Ok(entries)
}

/// Gives an entry its title and detail.
fn told(entry: Entry, detail: &str, console_url: &str) -> Result<Entry, ReadError> {
    Ok(match entry.kind.as_str() {
        "alert" => {
            let alert: Alert = serde_json::from_str(detail)?;
            Entry { title: alert_title(&alert), detail: crate::api::alert_json(&alert, console_url), ..entry }
        }
        "delivery" => {
            let detail: Value = serde_json::from_str(detail)?;
            Entry { title: delivery_title(&detail), detail, ..entry }
        }
        _ => Entry { detail: serde_json::from_str(detail)?, ..entry },
    })
}

/// The account ids that the identities had while they were nobody's.
fn provisional_ids(view: &Value) -> Vec<String> {
    let identities = view.get("identities").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let ids = identities
        .iter()
        .filter_map(|identity| Some(provisional_account_id(identity.get("kind")?.as_str()?, identity.get("id")?.as_str()?)));
    ids.take(IDENTITIES_MAX).collect()
}

/// `usage.daily` of the view as one entry a day; a day without usage is none.
fn usage_days(view: &Value) -> impl Iterator<Item = Entry> {
    daily(view).into_iter().filter(|day| day.events > 0).map(|day| {
        let title = format!("{} usage event{} by {} user{}", day.events, plural(day.events), day.users, plural(day.users));
        let detail = json!({"day": day.date, "events": day.events, "active_users": day.users});
        Entry { at: day.at, key: format!("u:{}", day.date), kind: "event".into(), title, detail }
    })
}

/// One day of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageDay {
    /// `2026-11-22`.
    pub(crate) date: String,
    /// Its start, UTC ms.
    pub(crate) at: i64,
    pub(crate) events: i64,
    pub(crate) users: i64,
}

/// Usage by day, oldest first, as far as the view tells it.
pub(crate) fn daily(view: &Value) -> Vec<UsageDay> {
    let days = view.pointer("/usage/daily").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let day = |day: &Value| {
        let date = day.get(0)?.as_str()?;
        Some(UsageDay { date: date.into(), at: time::parse_day(date)?, events: day.get(1)?.as_i64()?, users: day.get(2)?.as_i64()? })
    };
    days.iter().filter_map(day).collect()
}

fn plural(count: i64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `Health changed: green to red, 72 to 41`.
pub(crate) fn alert_title(alert: &Alert) -> String {
    let mut title = alert_name(&alert.alert_type);
    match alert.status {
        AlertStatus::Open => {}
        AlertStatus::Updated => title.push_str(" (updated)"),
        AlertStatus::Resolved => title.push_str(" (resolved)"),
        AlertStatus::Retracted => title.push_str(" (retracted)"),
    }
    let mut changes = Vec::new();
    if let (Some(before), Some(after)) = (&alert.band_before, &alert.band_after)
        && before != after
    {
        changes.push(format!("{before} to {after}"));
    }
    if let (Some(before), Some(after)) = (alert.score_before, alert.score_after)
        && before != after
    {
        changes.push(format!("{before} to {after}"));
    }
    if !changes.is_empty() {
        title.push_str(": ");
        title.push_str(&changes.join(", "));
    }
    title
}

/// `billing.payment_failed` as people say it: `Payment failed`.
pub(crate) fn alert_name(alert_type: &str) -> String {
    match alert_type {
        "health.changed" => "Health changed".into(),
        "renewal.at_risk" => "Renewal at risk".into(),
        "feed.stale" => "Feed is stale".into(),
        "billing.churned" => "Customer churned".into(),
        "usage.dropped" => "Usage dropped".into(),
        "support.backlog" => "Support backlog".into(),
        "adoption.stalled" => "Adoption stalled".into(),
        "expansion.ready" => "Ready to expand".into(),
        "advocate.found" => "Advocate found".into(),
        other => {
            let words = other.rsplit('.').next().unwrap_or(other).replace('_', " ");
            let mut chars = words.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        }
    }
}

fn delivery_title(detail: &Value) -> String {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).unwrap_or_default();
    let to = text("destination");
    match text("outcome") {
        "delivered" => format!("Alert delivered to {to}"),
        "retry" => format!("Delivery to {to} failed, tried again later"),
        "dead" => format!("Delivery to {to} given up"),
        other => format!("Delivery to {to}: {other}"),
    }
}
