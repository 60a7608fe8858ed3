//! HTTP in, canonical events out.
//!
//! Owns the public port's requests: Segment-style calls and CloudEvents under `/v1`, and webhooks under `/hooks`. Promises: a 200 stands only for what the log has acknowledged; a bad event
//! never takes its batch down, it goes to the dead letters with its reason; every size, depth and count has a bound from [`IngestConfig`]. Keeps nothing: whatever is in
//! flight when the process dies was not acknowledged, and the sender sends it again with the same id.
//!
//! An event's journey: [`app`] (routes) → `auth` → `body` (read) → `unpack` → `depth` → `segment`, `cloudevents` or `hooks` (parse, normalise) → `outlet` (encode into the batch) →
//! the log → `reply`.
mod answer;
mod app;
mod auth;
mod bad;
mod body;
mod budget;
mod clamp;
mod cloudevents;
mod config;
mod dead_letter;
mod depth;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod hooks;
mod ids;
mod ingest;
mod lenient;
mod metrics;
mod outlet;
mod quota;
mod reply;
mod retake;
pub mod rows;
mod sdk_settings;
mod segment;
mod sources;
mod time;
mod unpack;

pub use app::app;
pub use auth::{WriteKey, WriteKeys};
pub use config::{DeadLetterConfig, IngestConfig, LimitsConfig, SetupError, TimeConfig};
pub use hooks::{AuthName, HmacConfig, JsonHook, MapConfig, providers};
pub use ingest::Ingest;
pub use quota::{Quota, QuotaLimits};
pub use retake::{Letter, RetakeError, Retaken};
pub use sdk_settings::OverTls;
pub use sources::{Secret, Source, Sources};

/// For the benchmark: what a request costs without HTTP and without the log.
#[doc(hidden)]
pub mod bench {
    pub use crate::segment::bench_batch;
}
