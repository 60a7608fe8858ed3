//! The matrix: clients times faults.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test's own, and a test breaks loudly")]
pub mod clients;
pub mod proxy;
pub mod table;
