//! The harness: real processes under load, faults at seeded moments, and an oracle that recomputes what must have come of it.
//!
//! `load` sends and `ledger` remembers what was acknowledged; `faults` break `installation`s round by round in `rounds`; then `drain` waits until all is through, and `oracle` compares.
#![allow(unreachable_pub, reason = "each file is for the others here")]
pub mod disk;
pub mod drain;
pub mod faults;
pub mod full;
pub mod installation;
pub mod ledger;
pub mod load;
pub mod oracle;
pub mod planted;
pub mod receiver;
pub mod recompute;
pub mod report;
pub mod rounds;
pub mod shown;
pub mod tape;
