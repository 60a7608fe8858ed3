//! The rules that were applied for a tenant: its newest are in force, as the processor says it.
use crate::db::ReadError;
use c360_schemas::RULES_ACCOUNT;
use rusqlite::Connection;
use serde_json::{Map, Value};

/// Applied rules that are listed at most.
const LISTED_MAX: usize = 100;

/// A file of rules that was applied.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) at: i64,
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) by: String,
    pub(crate) note: Option<String>,
    pub(crate) text: String,
}

/// The newest version that was applied; 0 where none was.
pub(crate) fn version(connection: &Connection, tenant: &str) -> Result<i64, ReadError> {
    let mut statement = connection
        .prepare_cached("SELECT MAX(CAST(detail ->> '$.version' AS INTEGER)) FROM history WHERE tenant = ?1 AND account_id = ?2")?;
    let newest: Option<i64> = statement.query_row((tenant, RULES_ACCOUNT), |row| row.get(0))?;
    Ok(newest.unwrap_or(0))
}

/// What was applied, the one in force first.
pub(crate) fn list(connection: &Connection, tenant: &str) -> Result<Vec<Applied>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, detail FROM history WHERE tenant = ?1 AND account_id = ?2 \
         ORDER BY CAST(detail ->> '$.version' AS INTEGER) DESC, at DESC, id DESC LIMIT ?3",
    )?;
    let mut rows = statement.query((tenant, RULES_ACCOUNT, LISTED_MAX as i64))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let detail: String = row.get(1)?;
        let detail: Map<String, Value> = serde_json::from_str(&detail)?;
        let text = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
        items.push(Applied {
            at: row.get(0)?,
            version: detail.get("version").and_then(Value::as_i64).unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            by: text("by").unwrap_or_default(),
            note: text("note"),
            text: text("text").unwrap_or_default(),
        });
    }
    Ok(items)
}
