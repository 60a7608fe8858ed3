//! Back-tests that were published, the newest first.
use crate::backtest::Backtest;
use crate::db::ReadError;
use c360_schemas::BACKTESTS_ACCOUNT;
use rusqlite::Connection;
use serde::Deserialize;

/// Listed at most.
const LISTED_MAX: usize = 20;

/// A report, with who published it when.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) at: i64,
    pub(crate) by: String,
    pub(crate) report: Backtest,
}

#[derive(Deserialize)]
struct Detail {
    by: String,
    report: Backtest,
}

pub(crate) fn list(connection: &Connection, tenant: &str) -> Result<Vec<Kept>, ReadError> {
    let mut statement = connection
        .prepare_cached("SELECT at, detail FROM history WHERE tenant = ?1 AND account_id = ?2 ORDER BY at DESC, id DESC LIMIT ?3")?;
    let mut rows = statement.query((tenant, BACKTESTS_ACCOUNT, LISTED_MAX as i64))?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        // One of another version is left out, and takes no other down with it.
        if let Ok(Detail { by, report }) = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?) {
            kept.push(Kept { at: row.get(0)?, by, report });
        }
    }
    Ok(kept)
}
