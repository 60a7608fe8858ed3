//! The one SQLite file: its tables, the positions in the log that go with its rows, and the connections that read it.
mod pool;
pub(crate) mod positions;
pub(crate) mod schema;

pub(crate) use pool::{Pool, ReadError};
