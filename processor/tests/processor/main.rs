//! The two machines, driven as the engine drives them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
mod alerts;
mod billing;
mod facts;
mod feeds;
mod harness;
mod identity;
mod oracle;
mod replay;
mod revenue;
mod rules;
mod usage;
