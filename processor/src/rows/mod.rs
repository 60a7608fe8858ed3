//! What stands in the state: one module for each kind of row, postcard behind a version byte. A row of another version is an error until its migration is written beside it.
mod billing;
mod books;
mod health;
mod hot;
mod newest;
mod people;
mod usage;

pub(crate) use billing::{
    Billing, InvoiceRow, Item, MrrPoint, Price, PriceCut, SubscriptionLine, SubscriptionRow, SubscriptionStatus, UnpaidInvoice,
};
pub(crate) use books::{Answer, AnswerBook, Support, Surveys, TicketBook, TicketLine, TicketRow, TicketStatus, TicketStep};
pub(crate) use health::{Band, Health, Incident, IncidentState, Line, Part, Pending, Snapshot};
pub(crate) use hot::{Feature, Hot, Identity};
pub(crate) use newest::Newest;
pub(crate) use people::{ForwardRow, SweepRow, UserRow};
pub(crate) use usage::{RING_DAYS, Usage};

use c360_engine::{State, StateError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of row.
pub(crate) trait Row: Serialize + DeserializeOwned + Default {
    /// First byte of its value.
    const VERSION: u8;
}

/// The bytes of a row.
pub(crate) fn encode<R: Row>(row: &R) -> Result<Vec<u8>, StateError> {
    encode_to(row, Vec::with_capacity(256))
}

/// Appends the bytes of a row.
pub(crate) fn encode_to<R: Row>(row: &R, mut out: Vec<u8>) -> Result<Vec<u8>, StateError> {
    out.push(R::VERSION);
    postcard::to_extend(row, out).map_err(|error| StateError(format!("a row could not be written: {error}")))
}

/// A row from its bytes.
pub(crate) fn decode<R: Row>(bytes: &[u8]) -> Result<R, StateError> {
    match bytes.split_first() {
        Some((version, rest)) if *version == R::VERSION => {
            postcard::from_bytes(rest).map_err(|error| StateError(format!("a row could not be read: {error}")))
        }
        Some((version, _)) => {
            Err(StateError(format!("a row has version {version}, this binary reads {}: run the one that wrote it", R::VERSION)))
        }
        None => Err(StateError("a row is empty".into())),
    }
}

/// The row of `key`.
pub(crate) fn load<R: Row>(state: &State, key: &[u8]) -> Result<Option<R>, StateError> {
    state.get(key)?.map(|bytes| decode(&bytes)).transpose()
}

/// Writes the row of `key`.
pub(crate) fn store<R: Row>(state: &mut State, key: Vec<u8>, row: &R) -> Result<(), StateError> {
    state.put(key, encode(row)?);
    Ok(())
}
