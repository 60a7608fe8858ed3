//! The processor's two machines on the engine: [`Resolve`] finds the account of events that carry only a foreign id, [`Aggregate`] keeps each customer's 360-degree view,
//! scores it and decides what is worth an alert.
//!
//! Both are pure folds over records: no I/O, no clock, no random numbers. All that survives a crash stands in rows of the engine's [`c360_engine::State`]; what is kept in
//! memory is a cache of them. Definitions of every number are in `docs/definitions.md`.
mod aggregate;
mod alert;
mod cache;
mod config;
mod feeds;
mod hash;
mod keys;
mod metrics;
mod poison;
mod redirect;
mod rehearsal;
mod resolve;
mod rows;
mod score;
mod time;
mod view;

pub use aggregate::Aggregate;
pub use config::{AggregateConfig, AlertConfig, BillingConfig, ResolveConfig, UsageConfig, Zone};
pub use metrics::{Effect, MetricsShell};
pub use rehearsal::{Rehearsal, Standing, is_warning};
pub use resolve::Resolve;
