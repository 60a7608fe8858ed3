//! The whole of ingest, driven through its router, with a log that keeps what it is given.
mod any_bytes;
mod examples;
mod hooks;
mod limits;
mod segment;
mod support;
