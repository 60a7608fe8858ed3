//! Rows made ready to be sent: converted, checked by the rules that the server has, with message ids that follow from what they say.
use super::convert::Converter;
use super::progress::RowsDigest;
use super::read::{Raw, Rows};
use super::refused::Why;
use c360_ingest::IngestConfig;
use c360_ingest::rows::{self, RowKind};
use c360_log::Batch;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Rows that say the same are told apart within so many different ones of a file; usage only.
const REPEATS_MAX: usize = 2_000_000;
/// Reason of a row that is none.
const UNREADABLE: &str = "unreadable";

/// A row that can be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) raw: Raw,
    pub(crate) row: Map<String, Value>,
    /// What it becomes.
    pub(crate) events: Batch,
}

/// A row that cannot, and why.
pub(crate) type Refused = (Raw, Why);

/// Makes the rows of one file ready.
pub(crate) struct Preparer {
    rows: Rows,
    converter: Converter,
    source: String,
    as_of: i64,
    now: i64,
    limits: IngestConfig,
    repeats: HashMap<u64, u32>,
    digest: RowsDigest,
    count: u64,
}

impl Preparer {
    pub(crate) fn new(rows: Rows, converter: Converter, source: &str, as_of: i64, now: i64) -> Self {
        let (limits, repeats, digest) = (IngestConfig::default(), HashMap::new(), RowsDigest::new());
        Self { rows, converter, source: source.into(), as_of, now, limits, repeats, digest, count: 0 }
    }

    /// Rows that were handed over.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Digest of the rows that were handed over.
    pub(crate) fn digest(&self) -> &RowsDigest {
        &self.digest
    }

    /// The next row: ready, or refused.
    ///
    /// # Errors
    /// Where the file cannot be read on.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Result<Ready, Refused>>> {
        let Some(raw) = self.rows.next()? else { return Ok(None) };
        self.count += 1;
        self.digest.add(raw.original.bytes());
        Ok(Some(match self.prepare(&raw) {
            Ok((row, events)) => Ok(Ready { raw, row, events }),
            Err(why) => Err((raw, why)),
        }))
    }

    fn prepare(&mut self, raw: &Raw) -> Result<(Map<String, Value>, Batch), Why> {
        let mut row = self.converter.convert(raw).map_err(|message| Why { reason: UNREADABLE.into(), message })?;
        let own = row.get(MESSAGE_ID).is_some_and(|id| !id.is_null());
        if !own {
            row.insert(MESSAGE_ID.into(), self.message_id(&row).into());
        }
        let events = rows::try_row(self.converter.kind, &row, &self.source, self.as_of, self.now, &self.limits)
            .map_err(|refused| Why { reason: refused.reason.into(), message: refused.message })?;
        Ok((row, events))
    }

    /// Usage that is the same is told apart by how often it came before: a thing can be done twice in a second. Of everything else the same is the same.
    fn message_id(&mut self, row: &Map<String, Value>) -> String {
        let source = format!("{}{}", rows::SOURCE_PREFIX, self.source);
        let kind = self.converter.kind;
        let id = rows::message_id(&source, kind, row, 0);
        if kind != RowKind::Usage {
            return id;
        }
        if self.repeats.len() >= REPEATS_MAX {
            self.repeats.clear();
        }
        // Rows that share the beginning of their ids by chance only get another number.
        let short = id.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
        let before = self.repeats.entry(short).or_default();
        let repeat = *before;
        *before += 1;
        if repeat == 0 { id } else { rows::message_id(&source, kind, row, repeat) }
    }
}

const MESSAGE_ID: &str = "message_id";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::columns::Columns;
    use crate::import::open::open;

    /// Message ids of a file's rows.
    fn ids(kind: RowKind, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        let rows = Rows::of(open(&path, None).unwrap()).unwrap();
        let columns = Columns::find(kind, rows.header().unwrap(), &[]).unwrap();
        let converter = Converter::new(kind, columns, &[], None, false).unwrap();
        let mut preparer = Preparer::new(rows, converter, "crm", 1_795_341_600_000, 1_795_341_600_000);
        std::iter::from_fn(|| preparer.next().unwrap()).map(|row| row.unwrap().row[MESSAGE_ID].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_same_usage_twice_is_two_events_the_same_in_each_file_and_the_same_account_is_one() {
        let row = "2026-11-22T10:00:00Z,Viewed,u1\n";
        let twice = ids(RowKind::Usage, &format!("timestamp,event,user_id\n{row}{row}"));
        assert_ne!(twice[0], twice[1]);
        let other = ids(RowKind::Usage, "event,user_id,timestamp\nSeen,u1,2026-11-22\nViewed,u1,2026-11-22T10:00:00Z\n");
        assert_eq!(other[1], twice[0], "an overlapping export says the same");
        let own = ids(RowKind::Usage, "timestamp,event,user_id,messageId\n2026-11-22,Viewed,u1,m1\n");
        assert_eq!(own, ["m1"]);
        let accounts = ids(RowKind::Accounts, "account_id,name\na,A\na,A\na,B\n");
        assert!(accounts[0] == accounts[1] && accounts[1] != accounts[2]);
    }
}
