//! Alerts: every revision, and the newest one of each alert for the lists.
use super::RowError;
use super::batch::Raw;
use crate::live::Changes;
use c360_schemas::{Alert, Key, Wire};
use rusqlite::Connection;

pub(super) fn write(connection: &Connection, raw: &Raw, changes: &mut Changes) -> Result<(), RowError> {
    let key = Key::parse(&raw.key).ok_or(RowError::Key)?;
    let alert = Alert::decode(&raw.value)?;
    if alert.tenant != key.tenant {
        return Err(RowError::Key);
    }
    let body = serde_json::to_string(&alert)?;
    let mut revision = connection.prepare_cached("INSERT OR REPLACE INTO alert_revisions VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    revision.execute((&alert.tenant, &alert.alert_id, alert.revision, &alert.account_id, alert.at, &body))?;
    let mut newest = connection.prepare_cached(
        "INSERT INTO alerts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT(tenant, alert_id) DO UPDATE SET account_id = ?3, revision = ?4, status = ?5, at = ?6, body = ?7, alert_type = ?8, snoozed_until = ?9
         WHERE excluded.revision >= revision",
    )?;
    let snoozed_until = alert.snoozed_until.unwrap_or(0);
    newest.execute(rusqlite::params![
        alert.tenant,
        alert.alert_id,
        alert.account_id,
        alert.revision,
        status(&alert),
        alert.at,
        body,
        alert.alert_type,
        snoozed_until
    ])?;
    changes.customer(&alert.tenant, &alert.account_id);
    changes.alert(&alert.tenant, &alert.alert_id);
    Ok(())
}

fn status(alert: &Alert) -> &'static str {
    match alert.status {
        c360_schemas::AlertStatus::Open => "open",
        c360_schemas::AlertStatus::Updated => "updated",
        c360_schemas::AlertStatus::Resolved => "resolved",
        c360_schemas::AlertStatus::Retracted => "retracted",
    }
}
