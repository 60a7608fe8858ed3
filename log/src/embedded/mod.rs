//! The embedded log, over RocksDB.
