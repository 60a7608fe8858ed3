//! The fold: records of four topics into rows, batch by batch, each in one transaction with its positions.
//!
//! A record that cannot be read is counted and passed over: the read model shows what it can, and a record once in the log cannot be refused any more.
mod alerts;
mod batch;
mod deliveries;
mod history;
mod movements;
mod profiles;
mod thread;

pub(crate) use thread::Folder;

/// Why a record is passed over, or a batch is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error("it cannot be read: {0}")]
    Decode(#[from] c360_schemas::DecodeError),
    #[error("its json cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its key is not tenant/id, or not its own")]
    Key,
    /// The transaction cannot go on.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}
