//! Alerts as they are lived through, on a running c360 by its clock: each rule is a story of one customer, from what the tools say to what the receiver hears, on which day. All are lived through side by
//! side, with kill -9 in between, on both logs.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;
#[path = "stories/life.rs"]
mod life;
#[path = "stories/table.rs"]
mod table;
#[path = "stories/told.rs"]
mod told;

use common::LogKind;

#[test]
fn stories_on_the_embedded_log() {
    life::lived_through(LogKind::Embedded);
}

#[test]
fn stories_on_kafka() {
    life::lived_through(LogKind::Kafka);
}
