//! Readers keep their own positions.
use super::Fixture;

pub fn a_reader_resumes_exactly_where_it_was_told(_fixture: &mut dyn Fixture) {}

pub fn a_reader_waits_for_what_comes_later(_fixture: &mut dyn Fixture) {}

pub fn an_unknown_topic_is_said_to_be_unknown(_fixture: &mut dyn Fixture) {}
