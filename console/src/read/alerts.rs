//! Alerts: the newest revision of each, all of one, and its deliveries.
use super::Page;
use crate::db::ReadError;
use c360_schemas::Alert;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Revisions and delivery records shown of one alert at most, the newest ones.
const PARTS_MAX: usize = 1_000;

/// Which alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Open, updated ones too.
    Open,
    Resolved,
    Retracted,
    All,
}

impl Status {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Resolved, Self::Retracted, Self::All].into_iter().find(|status| status.as_str() == text)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Retracted => "retracted",
            Self::All => "all",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Open => "AND status IN ('open', 'updated')",
            Self::Resolved => "AND status = 'resolved'",
            Self::Retracted => "AND status = 'retracted'",
            Self::All => "",
        }
    }
}

/// Place in the order: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) at: i64,
    pub(crate) alert_id: String,
}

/// A page of alerts, and how many there are in all.
pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    status: Status,
    after: Option<&After>,
    limit: usize,
) -> Result<(Page<Alert, After>, i64), ReadError> {
    let status = status.sql();
    let total = connection
        .prepare_cached(&format!("SELECT count(*) FROM alerts WHERE tenant = ?1 {status}"))?
        .query_row([tenant], |row| row.get(0))?;
    let sql = format!(
        "SELECT body FROM alerts WHERE tenant = ?1 {status} AND (at, alert_id) < (?2, ?3) ORDER BY at DESC, alert_id DESC LIMIT ?4"
    );
    // Nothing is as new as the first place, as `{` and all that ids are made of come before the highest character.
    let (at, id) = after.map_or((i64::MAX, "\u{10ffff}"), |after| (after.at, &after.alert_id));
    let items = bodies(connection, &sql, (tenant, at, id, limit as i64 + 1))?;
    Ok((Page::cut(items, limit, |last: &Alert| After { at: last.at, alert_id: last.alert_id.clone() }), total))
}

/// Open alerts of one customer, newest first.
pub(crate) fn open_of(connection: &Connection, tenant: &str, account_id: &str, limit: usize) -> Result<Vec<Alert>, ReadError> {
    let sql = format!(
        "SELECT body FROM alerts WHERE tenant = ?1 AND account_id = ?2 {} ORDER BY at DESC, alert_id DESC LIMIT ?3",
        Status::Open.sql()
    );
    bodies(connection, &sql, (tenant, account_id, limit as i64))
}

/// The newest revision.
pub(crate) fn get(connection: &Connection, tenant: &str, alert_id: &str) -> Result<Option<Alert>, ReadError> {
    let mut statement = connection.prepare_cached("SELECT body FROM alerts WHERE tenant = ?1 AND alert_id = ?2")?;
    let body: Option<String> = statement.query_row((tenant, alert_id), |row| row.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// All revisions, oldest first.
pub(crate) fn revisions(connection: &Connection, tenant: &str, alert_id: &str) -> Result<Vec<Alert>, ReadError> {
    let sql = "SELECT body FROM alert_revisions WHERE tenant = ?1 AND alert_id = ?2 ORDER BY revision DESC LIMIT ?3";
    let mut revisions: Vec<Alert> = bodies(connection, sql, (tenant, alert_id, PARTS_MAX as i64))?;
    revisions.reverse();
    Ok(revisions)
}

/// What was planned and tried, oldest first.
pub(crate) fn deliveries(connection: &Connection, tenant: &str, alert_id: &str) -> Result<Vec<Box<RawValue>>, ReadError> {
    let sql = "SELECT body FROM deliveries WHERE tenant = ?1 AND alert_id = ?2 ORDER BY revision DESC, at DESC, attempt DESC LIMIT ?3";
    let mut deliveries: Vec<Box<RawValue>> = bodies(connection, sql, (tenant, alert_id, PARTS_MAX as i64))?;
    deliveries.reverse();
    Ok(deliveries)
}

fn bodies<T: serde::de::DeserializeOwned>(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<T>, ReadError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(items)
}
