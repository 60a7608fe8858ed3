//! The sink: alerts out to the people who must act, each at least once and always under the same id, in order for each customer.
//!
//! An alert's journey: [`Deliver`] (a machine on the engine) plans it for each destination that wants it and keeps one outbox row per (alert revision, destination) in its
//! state; after the commit the [`Sender`] posts it, as a signed webhook or to Slack; the outcome of each attempt is appended to the log and comes back to the machine, which
//! updates the row or takes it away. So what survives a crash is the log and the fold over it: whatever was planned and not yet heard of again is sent again when the
//! partition goes live, and what the log says was delivered is not.
mod config;
mod deliver;
mod error;
mod guard;
mod metrics;
mod outbox;
mod plan;
mod sender;
mod signature;
mod slack;
mod target;
#[cfg(test)]
mod testing;
mod webhook;
mod window;

pub use config::{Destination, Kind, Limits, Match, OneOrMany, Secret, SeverityMatch, SinkConfig};
pub use deliver::{Deliver, DeliverEffect, Outgoing};
pub use error::SinkError;
pub use guard::is_public;
pub use outbox::RowKey;
pub use plan::Routes;
pub use sender::Sender;
pub use signature::SigningKey;
pub use target::Target;
