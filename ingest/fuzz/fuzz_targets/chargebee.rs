#![no_main]
use c360_ingest::fuzz::Target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| Target::Hook("chargebee").check(bytes));
