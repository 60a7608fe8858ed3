//! Members: who gets what, and from where.
use super::Fixture;

pub fn workers_share_the_partitions_without_overlap(_fixture: &mut dyn Fixture) {}

pub fn a_member_gets_each_record_of_its_partitions_once_and_in_order(_fixture: &mut dyn Fixture) {}

pub fn a_new_group_starts_at_the_first_record(_fixture: &mut dyn Fixture) {}

pub fn a_member_resumes_at_its_committed_offsets(_fixture: &mut dyn Fixture) {}
