//! What the crate's bytes promise: they are Avro, they stay readable, and broken ones are refused.
mod agrees;
mod broken;
mod golden;
mod samples;
mod tape;
