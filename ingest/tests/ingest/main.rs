//! The whole of ingest, driven through its router, with a log that keeps what it is given.
#![allow(clippy::unwrap_used, reason = "tests")]
mod any_bytes;
mod examples;
mod hooks;
mod limits;
mod segment;
mod support;
