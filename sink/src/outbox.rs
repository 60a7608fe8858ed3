//! The outbox: rows of the machine's state, one for each (alert revision, destination) that was planned and is neither delivered nor dead.
//!
//! Two rows each: the row itself under account, alert, revision and destination, where outcomes find it and an account's rows lie together; and its place in the queue of its
//! destination, numbered by the offset of its plan, so that rows are sent in the order in which they were planned. Rows are postcard behind a version byte.
use c360_engine::{State, StateError};
use c360_schemas::Delivery;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// First byte of a row: then tenant/account, alert id (each behind its length), revision, destination.
const TAG_ROW: u8 = 0x10;
/// First byte of a place in a queue: then the destination behind its length, the number. The value is the row's key.
const TAG_QUEUE: u8 = 0x11;
/// Version of [`Row`].
const VERSION: u8 = 1;

/// The key of a row: which alert revision goes where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(Vec<u8>);

impl RowKey {
    pub(crate) fn of(d: &Delivery) -> Self {
        let mut key = vec![TAG_ROW];
        push_part(&mut key, format!("{}/{}", d.tenant, d.account_id).as_bytes());
        push_part(&mut key, d.alert_id.as_bytes());
        key.extend_from_slice(&d.revision.cast_unsigned().to_be_bytes());
        key.extend_from_slice(d.destination.as_bytes());
        Self(key)
    }
}

/// What is kept of a delivery while it is pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) tenant: String,
    pub(crate) account_id: String,
    pub(crate) alert_id: String,
    pub(crate) revision: i32,
    pub(crate) destination: String,
    pub(crate) kind: String,
    /// Its number in the queue: the plan's offset.
    pub(crate) seq: u64,
    /// UTC ms, the log's time.
    pub(crate) planned_at: i64,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    /// Real time, UTC ms.
    pub(crate) next_attempt_at: Option<i64>,
    /// Real time that the first retry was set for, UTC ms: the time after which it is given up counts from here.
    pub(crate) first_retry_at: Option<i64>,
    /// The alert's record.
    pub(crate) alert: Vec<u8>,
}

/// The row of `key`.
pub(crate) fn get(state: &State, key: &RowKey) -> Result<Option<Row>, StateError> {
    state.get(&key.0)?.map(|bytes| decode(&bytes)).transpose()
}

/// Writes a row that is there already, or is about to be queued.
pub(crate) fn put(state: &mut State, key: &RowKey, row: &Row) -> Result<(), StateError> {
    let bytes = postcard::to_extend(row, vec![VERSION]).map_err(|e| StateError(format!("an outbox row cannot be written: {e}")))?;
    state.put(key.0.clone(), bytes);
    Ok(())
}

/// Writes a new row and its place in the queue.
pub(crate) fn insert(state: &mut State, key: &RowKey, row: &Row) -> Result<(), StateError> {
    put(state, key, row)?;
    state.put(queue_key(&row.destination, row.seq), key.0.clone());
    Ok(())
}

/// Takes a row and its place away.
pub(crate) fn remove(state: &mut State, key: &RowKey, row: &Row) {
    state.delete(key.0.clone());
    state.delete(queue_key(&row.destination, row.seq));
}

/// Calls `each` with destination and key of every row, by destination and then in the order of planning, until it breaks.
pub(crate) fn scan_all(state: &State, each: &mut dyn FnMut(&str, RowKey) -> ControlFlow<()>) -> Result<(), StateError> {
    let mut broken = None;
    state.scan(&[TAG_QUEUE], &mut |key, row_key| match queue_destination(key) {
        Some(destination) => each(destination, RowKey(row_key.to_vec())),
        None => {
            broken = Some(StateError("a queue key of the outbox cannot be read".into()));
            ControlFlow::Break(())
        }
    })?;
    broken.map_or(Ok(()), Err)
}

/// Calls `each` with the key of every row of `destination`, in the order of planning, until it breaks.
pub(crate) fn scan_queue(state: &State, destination: &str, each: &mut dyn FnMut(RowKey) -> ControlFlow<()>) -> Result<(), StateError> {
    let mut prefix = vec![TAG_QUEUE];
    push_part(&mut prefix, destination.as_bytes());
    state.scan(&prefix, &mut |_, row_key| each(RowKey(row_key.to_vec())))
}

fn decode(bytes: &[u8]) -> Result<Row, StateError> {
    let Some((&VERSION, rest)) = bytes.split_first() else {
        return Err(StateError(format!("an outbox row has version {:?}, which this c360 does not know", bytes.first())));
    };
    postcard::from_bytes(rest).map_err(|e| StateError(format!("an outbox row cannot be read: {e}")))
}

fn queue_key(destination: &str, seq: u64) -> Vec<u8> {
    let mut key = vec![TAG_QUEUE];
    push_part(&mut key, destination.as_bytes());
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

fn queue_destination(key: &[u8]) -> Option<&str> {
    let (len, rest) = key.strip_prefix(&[TAG_QUEUE])?.split_first_chunk::<4>()?;
    let (destination, _) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    std::str::from_utf8(destination).ok()
}

/// Appends a part behind its length, so that no part can run into the next one.
fn push_part(key: &mut Vec<u8>, part: &[u8]) {
    key.extend_from_slice(&(part.len() as u32).to_be_bytes());
    key.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{outcome, planned};
    use c360_schemas::DeliveryOutcome;

    #[test]
    fn keys_of_different_deliveries_differ_whatever_stands_in_their_parts() {
        let mut a = planned("a", "al", 1, "d");
        a.account_id = "a\0b".into();
        a.alert_id = "c".into();
        let mut b = a.clone();
        b.account_id = "a".into();
        b.alert_id = "b\0c".into();
        assert_ne!(RowKey::of(&a), RowKey::of(&b));
        assert_eq!(RowKey::of(&a), RowKey::of(&outcome(&a, DeliveryOutcome::Dead, 1)), "an outcome finds the row of its plan");
    }

    #[test]
    fn a_row_of_an_unknown_version_is_an_error_and_not_a_guess() {
        assert!(decode(&[9, 1, 2]).unwrap_err().0.contains("version"));
        assert!(decode(&[]).is_err());
        assert!(decode(&[VERSION, 200]).is_err());
    }
}
