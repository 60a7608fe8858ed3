//! The two machines, driven as the engine drives them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
mod alerts;
mod billing;
mod harness;
mod identity;
mod replay;
mod usage;
