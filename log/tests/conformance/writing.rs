//! What is appended, and how it comes back.
use super::Fixture;

pub fn records_of_a_key_keep_their_order(_fixture: &mut dyn Fixture) {}

pub fn keys_go_to_the_partition_that_kafkas_clients_choose(_fixture: &mut dyn Fixture) {}

pub fn a_record_may_name_its_partition(_fixture: &mut dyn Fixture) {}

pub fn headers_and_empty_values_come_back(_fixture: &mut dyn Fixture) {}

pub fn acknowledgements_name_the_offsets_in_the_order_of_the_batch(_fixture: &mut dyn Fixture) {}

pub fn stamps_never_go_back_in_a_partition(_fixture: &mut dyn Fixture) {}

pub fn a_record_that_is_too_large_is_refused_and_the_rest_goes_on(_fixture: &mut dyn Fixture) {}

pub fn what_was_acknowledged_is_there_after_a_restart(_fixture: &mut dyn Fixture) {}
