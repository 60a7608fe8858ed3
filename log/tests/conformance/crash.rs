//! Kill -9.
use super::Fixture;
use c360_log::Log;
use std::sync::Arc;

/// What the child process does with the log until it is killed: [`Fixture::child`] makes it run this.
pub fn child(_log: Arc<dyn Log>) {}

pub fn after_kill_9_all_that_was_acknowledged_is_there_once_and_transactions_are_whole(_fixture: &mut dyn Fixture) {}
