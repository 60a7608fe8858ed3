//! `c360 demo`: a made-up software company whose customers live through a year in under a minute, and then on, before one's eyes.
//!
//! From what happens to what is told: `words`, `chance`, `calendar`, `rhythm`; a `story` befalls each `account` of the `company`, with its `billing` and `tickets`; each
//! `happening` takes the shape that a tool gives it (`segment`, `stripe`, `zendesk`), is packed in `parcels` and carried by the `courier`; `run` paces it, `progress`,
//! `report` and `watch` tell of it. All but the last five is pure and follows from the seed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is what the demo is for")]

mod account;
mod billing;
mod calendar;
mod chance;
mod company;
mod courier;
mod happening;
mod ids;
mod parcels;
mod progress;
mod report;
mod rhythm;
mod run;
mod segment;
mod story;
mod stripe;
#[cfg(test)]
mod tests;
mod tickets;
mod told;
mod watch;
mod words;
mod zendesk;

pub(crate) use run::{DemoContext, run};
