//! The whole of ingest, driven through its router, with a log that keeps what it is given.
#![allow(clippy::unwrap_used, reason = "tests")]
mod any_bytes;
mod browser;
mod cloudevents;
mod examples;
mod hooks;
mod json_hooks;
mod limits;
mod quotas;
mod rows;
mod segment;
mod support;
