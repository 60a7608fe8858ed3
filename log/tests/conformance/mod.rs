//! What holds for every log. Each implementation brings a [`Fixture`] and runs [`suite!`]: one test for each property. `outage.rs` is not in it, since breaking a
//! log may need a process of its own: each implementation has a test that calls it.
//!
//! The files are the properties, by what they are about; `kit.rs` has what they share, `crash.rs` the child process that is killed.
#![allow(unreachable_pub, dead_code, clippy::unwrap_used, reason = "each test binary takes what it needs of it, and a test may stop")]
pub mod crash;
pub mod kit;
pub mod members;
pub mod outage;
pub mod reading;
pub mod retention;
pub mod transactions;
pub mod writing;

use c360_log::Log;
use c360_schemas::Topic;
use std::process::Command;
use std::sync::Arc;

/// Partitions of every topic of a fixture's log.
pub const PARTITIONS: u32 = 4;

/// One log of its own for one test, empty at first, with [`PARTITIONS`] partitions. Dropping it takes it away.
pub trait Fixture {
    /// The log. A test drops what it got before it calls [`Fixture::close`] or [`Fixture::reopen`].
    fn log(&self) -> Arc<dyn Log>;

    /// Closes the log, so that another process may open it.
    fn close(&mut self);

    /// Opens it again after [`Fixture::close`].
    fn open(&mut self);

    /// Closes it and opens it again, as a restart of the process does.
    fn reopen(&mut self) {
        self.close();
        self.open();
    }

    /// A process, ready to be spawned, that opens this log and calls [`crash::child`]; usually the test binary itself (`std::env::current_exe()`) with
    /// `--exact`, `--ignored`, `--nocapture` and the name of an ignored test. The test adds environment variables of its own.
    fn child(&self) -> Command;

    /// Makes the log unavailable for writing until [`Fixture::mend`]; used by `outage.rs` only.
    fn breakdown(&mut self);

    /// Ends what [`Fixture::breakdown`] began.
    fn mend(&mut self);

    /// Does one step towards dropping the oldest records of all partitions of `topic` (append to partition 0 beyond the limits, ask the broker); called until the
    /// start of the partition that is looked at has moved.
    fn press_retention(&mut self, topic: Topic);

    /// A log that lacks `topic`; `None` where topics are always there.
    fn log_without(&mut self, topic: Topic) -> Option<Arc<dyn Log>>;
}

/// One `#[test]` for each property; `$fixture` is an expression that makes a fresh [`Fixture`].
#[allow(unused_macros, reason = "each test binary takes what it needs of it")]
macro_rules! suite {
    ($fixture:expr) => {
        $crate::conformance::suite_without_crash!($fixture);
        $crate::conformance::suite_without_crash!(@each $fixture;
            crash::after_kill_9_all_that_was_acknowledged_is_there_once_and_transactions_are_whole,
        );
    };
}
#[allow(unused_imports, reason = "each test binary takes what it needs of it")]
pub(crate) use suite;

/// The same but for what needs a process of its own.
macro_rules! suite_without_crash {
    ($fixture:expr) => {
        $crate::conformance::suite_without_crash!(@each $fixture;
            writing::records_of_a_key_keep_their_order,
            writing::keys_go_to_the_partition_that_kafkas_clients_choose,
            writing::a_record_may_name_its_partition,
            writing::headers_and_empty_values_come_back,
            writing::acknowledgements_name_the_offsets_in_the_order_of_the_batch,
            writing::stamps_never_go_back_in_a_partition,
            writing::a_record_that_is_too_large_is_refused_and_the_rest_goes_on,
            writing::what_was_acknowledged_is_there_after_a_restart,
            reading::a_reader_resumes_exactly_where_it_was_told,
            reading::a_reader_that_goes_on_from_where_it_stood_misses_nothing,
            reading::a_reader_waits_for_what_comes_later,
            reading::an_unknown_topic_is_said_to_be_unknown,
            members::workers_share_the_partitions_without_overlap,
            members::a_member_gets_each_record_of_its_partitions_once_and_in_order,
            members::a_new_group_starts_at_the_first_record,
            members::a_member_resumes_at_its_committed_offsets,
            transactions::outputs_and_offsets_are_committed_together,
            transactions::nothing_of_a_transaction_shows_before_it_is_committed,
            transactions::a_zombie_is_fenced_and_leaves_nothing,
            transactions::a_failed_commit_leaves_outputs_and_offsets_untouched,
            transactions::offsets_alone_can_be_committed,
            transactions::a_note_comes_back_with_its_offset,
            retention::the_start_moves_on_and_a_gone_offset_is_said_to_be_gone,
            retention::offsets_go_on_after_everything_was_dropped_and_a_restart,
        );
    };
    (@each $fixture:expr; $($module:ident::$name:ident,)*) => {
        $(#[test]
        fn $name() {
            let mut fixture = $fixture;
            $crate::conformance::$module::$name(&mut fixture);
        })*
    };
}
pub(crate) use suite_without_crash;
