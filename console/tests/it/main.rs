//! The console over a fake log: every endpoint, the pages, the fold and the door.
mod api;
mod auth;
mod clock;
mod fake_log;
mod fold;
mod live;
mod pages;
mod paging;
mod world;
