//! Tables of the read model, and opening it.
//!
//! The file is a cache of the log: a file of another version, or one that SQLite cannot read, is deleted and folded again. `synchronous = NORMAL` with a write-ahead log: a crash
//! may take the newest transactions along, rows and positions alike, and never tears one.
use crate::ConsoleError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Raised with each change of the tables or of what is folded into them.
const VERSION: i64 = 3;

const TABLES: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE positions(topic INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY(topic, partition)) WITHOUT ROWID;

-- Narrow, so that sorting and filtering all of a tenant's customers reads little; the view stands beside it.
CREATE TABLE customers(
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, account_id TEXT NOT NULL, partition INTEGER NOT NULL,
  name TEXT, name_key TEXT NOT NULL, provisional INTEGER NOT NULL, owner_name TEXT, owner_email TEXT,
  lifecycle TEXT NOT NULL, score INTEGER, band TEXT NOT NULL, mrr INTEGER, currency TEXT,
  last_seen_at INTEGER, renews_at INTEGER, cancels_at INTEGER, as_of INTEGER NOT NULL,
  promoters INTEGER, passives INTEGER, detractors INTEGER, plan TEXT, movements_hash INTEGER NOT NULL DEFAULT 0,
  search TEXT NOT NULL, UNIQUE(tenant, account_id));
-- The movements of a customer's MRR as its view has them, oldest first.
CREATE TABLE movements(
  customer INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, currency TEXT NOT NULL,
  amount INTEGER NOT NULL, mrr INTEGER NOT NULL, cross_sell INTEGER NOT NULL, involuntary INTEGER NOT NULL, PRIMARY KEY(customer, seq)) WITHOUT ROWID;
CREATE TABLE views(id INTEGER PRIMARY KEY, view TEXT NOT NULL);
CREATE VIRTUAL TABLE customer_search USING fts5(text, content='', contentless_delete=1, tokenize='trigram');

CREATE TABLE alerts(
  tenant TEXT NOT NULL, alert_id TEXT NOT NULL, account_id TEXT NOT NULL, revision INTEGER NOT NULL,
  status TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, alert_type TEXT NOT NULL, snoozed_until INTEGER NOT NULL,
  PRIMARY KEY(tenant, alert_id)) WITHOUT ROWID;
CREATE INDEX alerts_newest ON alerts(tenant, at, alert_id);
CREATE INDEX alerts_account ON alerts(tenant, account_id, at);
-- Few are open and all are kept: who has an open one is asked without their bodies.
CREATE INDEX alerts_status ON alerts(tenant, status, account_id, alert_type, snoozed_until);

CREATE TABLE alert_revisions(
  tenant TEXT NOT NULL, alert_id TEXT NOT NULL, revision INTEGER NOT NULL, account_id TEXT NOT NULL,
  at INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(tenant, alert_id, revision)) WITHOUT ROWID;
CREATE INDEX alert_revisions_account ON alert_revisions(tenant, account_id, at);

CREATE TABLE deliveries(
  tenant TEXT NOT NULL, alert_id TEXT NOT NULL, revision INTEGER NOT NULL, destination TEXT NOT NULL,
  attempt INTEGER NOT NULL, outcome TEXT NOT NULL, account_id TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(tenant, alert_id, revision, destination, attempt, outcome)) WITHOUT ROWID;
CREATE INDEX deliveries_account ON deliveries(tenant, account_id, at);

CREATE TABLE history(
  tenant TEXT NOT NULL, account_id TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL,
  kind TEXT NOT NULL, title TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY(tenant, account_id, at, id)) WITHOUT ROWID;
-- What became of next actions, out of the history: how often a playbook helped.
CREATE TABLE actions(
  tenant TEXT NOT NULL, playbook TEXT NOT NULL, outcome TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY(tenant, playbook, outcome, id)) WITHOUT ROWID;
";

/// Opens the read model for writing, making or remaking it where need be.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, ConsoleError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| ConsoleError::Folder { path: folder.display().to_string(), source })?;
    }
    match try_open(path) {
        Ok(Some(connection)) => return Ok(connection),
        Ok(None) => tracing::info!(path = %path.display(), "the read model is of another version and is folded again"),
        Err(e) if unreadable(&e) => tracing::warn!(path = %path.display(), error = %e, "the read model cannot be read and is folded again"),
        Err(source) => return Err(ConsoleError::Database { path: path.display().to_string(), source }),
    }
    delete(path);
    match try_open(path) {
        Ok(Some(connection)) => Ok(connection),
        Ok(None) => Err(ConsoleError::Database { path: path.display().to_string(), source: rusqlite::Error::InvalidQuery }),
        Err(source) => Err(ConsoleError::Database { path: path.display().to_string(), source }),
    }
}

/// Opens the read model for reading.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;")?;
    Ok(connection)
}

/// Whether SQLite says that the file is broken, or none of its own.
pub(crate) fn unreadable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Empties every table, for a fold from the first record on; what is no fold (`meta`) stays.
pub(crate) fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "BEGIN IMMEDIATE; DELETE FROM positions; DELETE FROM customers; DELETE FROM movements; DELETE FROM views; INSERT INTO customer_search(customer_search) VALUES('delete-all'); DELETE FROM alerts;
         DELETE FROM alert_revisions; DELETE FROM deliveries; DELETE FROM history; DELETE FROM actions; COMMIT;",
    )
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS_MAX: usize = 64;

/// `None` where the file is of another version.
fn try_open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;",
    )?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))?;
        return Ok(Some(connection));
    }
    Ok((version == VERSION).then_some(connection))
}

fn delete(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // One that stays shows in the open that follows.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM positions", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_file_of_this_version_is_kept_and_one_of_another_is_folded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/console.db");
        let writer = open_writer(&path).unwrap();
        writer.execute("INSERT INTO positions VALUES (1, 2, 3)", []).unwrap();
        drop(writer);
        assert_eq!(count(&open_writer(&path).unwrap()), 1);
        open_writer(&path).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
        assert_eq!(count(&open_writer(&path).unwrap()), 0);
    }

    #[test]
    fn a_file_that_is_no_database_is_folded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.db");
        std::fs::write(&path, "no database at all, just some text that is long enough to be looked at".repeat(20)).unwrap();
        assert_eq!(count(&open_writer(&path).unwrap()), 0);
    }
}
