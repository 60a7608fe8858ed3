//! Where partitions' states lie: behind [`Disk`], so that a simulated one can take the place of RocksDB.
//!
//! What a crash leaves behind is a prefix of the commits, rows and position together; the log brings the rest.
mod memory;
mod meta;
mod open;
mod rocks;

pub(crate) use memory::Memory;
pub use meta::Meta;
pub(crate) use open::StateFolder;

use crate::state::{RowFn, StateError, Store};
use crate::writes::Writes;
use c360_schemas::Topic;
use std::path::Path;
use std::sync::Arc;

/// Why a state was not opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else holds it, most likely a worker that is just letting go of it: worth another try.
    #[error("held by another: {0}")]
    Held(String),
    /// Its snapshot is being fetched: to be asked for again.
    #[error("its snapshot is being fetched")]
    Fetching,
    /// Its files are not what they should be, or belong to another log: rebuilding helps.
    #[error("broken: {0}")]
    Broken(String),
    /// It could not be reached (a full disk, a missing right): nothing is wrong with what is there.
    #[error(transparent)]
    Failed(#[from] StateError),
}

/// Opens partitions' states.
pub trait Disk: Send + Sync + 'static {
    /// The state of a partition, never ahead of the group's `committed` offsets. What is missing or broken is made good from a snapshot, else it is empty: the log brings the rest.
    ///
    /// # Errors
    /// See [`OpenError`].
    fn open(&self, machine: &'static str, partition: u32, committed: &[(Topic, u64)]) -> Result<Arc<dyn Rows>, OpenError>;
}

/// The committed rows of one partition.
pub trait Rows: Send + Sync + 'static {
    /// The value of `key`.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// See [`Store::scan`].
    ///
    /// # Errors
    /// Where they cannot be read.
    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError>;

    /// How far the rows are; the default where nothing was committed.
    ///
    /// # Errors
    /// Where it cannot be read, or was written by a version that is not known.
    fn meta(&self) -> Result<Meta, StateError>;

    /// Writes rows and position as one.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn commit(&self, rows: Writes<'_>, meta: &Meta) -> Result<(), StateError>;

    /// Asks for what is in memory to go to disk; `wait` until it is there.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn flush(&self, wait: bool) -> Result<(), StateError>;

    /// Whether all that was asked to go to disk is there, for sure.
    fn is_flushed(&self) -> bool {
        false
    }

    /// A consistent copy of the files in `dir` (hard links where it can), which must not exist.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn checkpoint(&self, dir: &Path) -> Result<(), StateError>;
}

impl Store for Arc<dyn Rows> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.as_ref().get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], row: &mut RowFn<'_>) -> Result<(), StateError> {
        self.as_ref().scan(prefix, from, row)
    }
}
