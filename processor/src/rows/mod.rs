//! What stands in the state: one module for each kind of row, postcard behind a version byte. A row of an older version is read as what it was ([`v1`], [`v2`]) and written as what it is now; one of a
//! newer version is an error.
mod billing;
mod books;
mod contacts;
mod feeds;
mod health;
mod hot;
mod newest;
mod people;
mod plan;
mod revenue;
mod rules;
mod usage;
mod v1;
mod v2;

pub(crate) use billing::{
    Billing, InvoiceRow, Item, MrrPoint, Price, PriceCut, SubscriptionLine, SubscriptionRow, SubscriptionStatus, UnpaidInvoice,
};
pub(crate) use books::{
    Answer, AnswerBook, GivenAnswer, Priority, PriorityStep, Support, Surveys, TicketBook, TicketLine, TicketRow, TicketStatus, TicketStep,
};
pub(crate) use contacts::{Contact, Role};
pub(crate) use feeds::{Doubt, DoubtRow, FeedAlert, FeedWord, FeedWordsRow, FeedsRow, Heard, SourceWords};
pub(crate) use health::{ActionTaken, Band, Health, Incident, IncidentState, Line, Part, Pending, Samples, Snapshot};
pub(crate) use hot::{Feature, Hot, Identity};
pub(crate) use newest::Newest;
pub(crate) use people::{ForwardRow, SweepRow, UserRow};
pub(crate) use plan::{Goal, Plan, Promise, PromiseStatus, Renewal, Shown};
pub(crate) use revenue::{Level, Movement, MovementKind, RevenueBook, RevenueHistory, RevenueStep};
pub(crate) use rules::{InForceRow, RescoreRow, RulesRow};
pub(crate) use usage::{Marked, RING_DAYS, Usage, month_of};

use c360_engine::{State, StateError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of row.
pub(crate) trait Row: Serialize + DeserializeOwned + Default {
    /// First byte of its value.
    const VERSION: u8;

    /// A row that an older binary wrote, by its version; `None` where that version was never one.
    fn from_older(version: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        let _ = (version, bytes);
        None
    }
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
        Some((version, rest)) => match R::from_older(*version, rest) {
            Some(row) => row.map_err(|error| StateError(format!("a row of version {version} could not be read: {error}"))),
            None => Err(StateError(format!(
                "a row has version {version}, this binary reads {} and older: run the one that wrote it",
                R::VERSION
            ))),
        },
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
