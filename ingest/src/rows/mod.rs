//! `POST /v1/import/rows`: what other tools export about customers, row by row, with the fields of the import command.
//!
//! `{"source":"crm","kind":"accounts","as_of":"2026-11-22","rows":[{"account_id":"acme","name":"Acme"}]}`. A bad row does not take the others down: the answer names it, with its
//! reason, and 200 stands for all others. A row without a `message_id` has one that follows from what it says, so a request that is sent again counts once.
mod account;
mod activity;
mod customer;
mod fields;
mod kind;
mod money;
mod plan;
mod request;
mod row;
mod scene;
mod subscription;
mod ticket;
mod user;

pub use fields::{Field, Shape};
pub use kind::RowKind;
pub use money::money_text;
pub(crate) use request::{prepare, routes};
pub use scene::message_id;

use crate::config::IngestConfig;
use crate::outlet::Outlet;
use c360_log::Batch;
use scene::Scene;
use serde_json::{Map, Value};

/// What the sources of imports begin with.
pub const SOURCE_PREFIX: &str = "import:";

/// Why a row is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RowRefused {
    /// A label out of a fixed set.
    pub reason: &'static str,
    /// In words, with what to do about it.
    pub message: String,
}

/// The records that a row becomes, by the rules that the server takes it with: for a dry run, and to refuse early.
///
/// # Errors
/// Why it would not be taken.
pub fn try_row(
    kind: RowKind,
    row: &Map<String, Value>,
    source: &str,
    as_of: i64,
    now: i64,
    config: &IngestConfig,
) -> Result<Batch, RowRefused> {
    let source = format!("{SOURCE_PREFIX}{source}");
    let scene = Scene { tenant: "", source: &source, received_at: now, as_of: as_of.min(now), config };
    let mut outlet = Outlet::new(config.limits.event_bytes_max);
    match scene::take(kind, row, &scene, &mut outlet) {
        Ok(()) => Ok(outlet.batch),
        Err(bad) => Err(RowRefused { reason: bad.reason.as_str(), message: bad.message }),
    }
}
