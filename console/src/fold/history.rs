//! History: changes of score with their receipts, and what else is worth telling.
use super::RowError;
use super::batch::Raw;
use crate::live::Changes;
use c360_schemas::{History, HistoryKind, Key, Wire};
use rusqlite::Connection;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What became of a next action, where a note tells of one.
#[derive(Debug, Default, Deserialize)]
struct Told {
    playbook: Option<String>,
    outcome: Option<String>,
}

/// What stands where an entry has no detail.
const NO_DETAIL: &str = "{}";

pub(super) fn write(connection: &Connection, raw: &Raw, changes: &mut Changes) -> Result<(), RowError> {
    let key = Key::parse(&raw.key).ok_or(RowError::Key)?;
    let entry = History::decode(&raw.value)?;
    if entry.tenant != key.tenant {
        return Err(RowError::Key);
    }
    let detail = if entry.detail.is_empty() { NO_DETAIL } else { &entry.detail };
    let told: Told = if entry.kind == HistoryKind::Note { serde_json::from_str(detail).unwrap_or_default() } else { Told::default() };
    serde_json::from_str::<IgnoredAny>(detail)?;
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    statement.execute((&entry.tenant, &entry.account_id, entry.at, &entry.id, entry.kind.as_str(), &entry.title, detail))?;
    if let (Some(playbook), Some(outcome)) = (told.playbook, told.outcome) {
        let mut action = connection.prepare_cached("INSERT OR REPLACE INTO actions VALUES (?1, ?2, ?3, ?4)")?;
        action.execute((&entry.tenant, playbook, outcome, &entry.id))?;
    }
    changes.customer(&entry.tenant, &entry.account_id);
    Ok(())
}
