//! The console over a fake log: every endpoint, the pages, the fold and the door.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
mod api;
mod auth;
mod clock;
mod facts;
mod fake_log;
mod fold;
mod live;
mod pages;
mod paging;
mod rules;
mod today;
mod world;
