//! The history of a customer's score, each change with its receipt.
use super::Page;
use crate::db::ReadError;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Place in the order: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) at: i64,
    pub(crate) id: String,
}

/// One change of score.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    pub(crate) at: i64,
    id: String,
    /// `score`, `band`, `card`, `before`, `receipt`.
    pub(crate) detail: Map<String, Value>,
}

pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    account_id: &str,
    after: Option<&After>,
    limit: usize,
) -> Result<Page<Score, After>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, id, detail FROM history WHERE tenant = ?1 AND account_id = ?2 AND kind = 'score' AND (at, id) < (?3, ?4) ORDER BY at DESC, id DESC LIMIT ?5",
    )?;
    let (at, id) = after.map_or((i64::MAX, "\u{10ffff}"), |after| (after.at, &after.id));
    let mut rows = statement.query((tenant, account_id, at, id, limit as i64 + 1))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let detail: String = row.get(2)?;
        items.push(Score { at: row.get(0)?, id: row.get(1)?, detail: serde_json::from_str(&detail)? });
    }
    Ok(Page::cut(items, limit, |last| After { at: last.at, id: last.id.clone() }))
}
