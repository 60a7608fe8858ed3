//! The oldest records go.
use super::Fixture;

pub fn the_start_moves_on_and_a_gone_offset_is_said_to_be_gone(_fixture: &mut dyn Fixture) {}

pub fn offsets_go_on_after_everything_was_dropped_and_a_restart(_fixture: &mut dyn Fixture) {}
