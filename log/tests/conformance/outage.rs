//! The log cannot be written.
use super::Fixture;

pub fn appends_fail_in_bounded_time_and_health_is_red_until_it_is_back(_fixture: &mut dyn Fixture) {}
