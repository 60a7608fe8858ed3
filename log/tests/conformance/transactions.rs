//! Transactions: all or nothing.
use super::Fixture;

pub fn outputs_and_offsets_are_committed_together(_fixture: &mut dyn Fixture) {}

pub fn nothing_of_a_transaction_shows_before_it_is_committed(_fixture: &mut dyn Fixture) {}

pub fn a_zombie_is_fenced_and_leaves_nothing(_fixture: &mut dyn Fixture) {}

pub fn a_failed_commit_leaves_outputs_and_offsets_untouched(_fixture: &mut dyn Fixture) {}

pub fn offsets_alone_can_be_committed(_fixture: &mut dyn Fixture) {}
