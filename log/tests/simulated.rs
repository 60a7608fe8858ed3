//! The simulated log keeps what every log promises. What survives kill -9 is not asked of it: it lives in the process, and stands for brokers that do not die.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#[path = "conformance/mod.rs"]
mod conformance;

use c360_log::simulated::SimulatedLog;
use c360_log::{Clock, ClockSpec, Log};
use c360_schemas::Topic;
use conformance::{Fixture, PARTITIONS};
use std::process::Command;
use std::sync::Arc;

struct Simulated(SimulatedLog);

impl Simulated {
    fn new() -> Self {
        Self(SimulatedLog::new(PARTITIONS, Clock::manual(ClockSpec { start: 1_000, rate: 1.0 })))
    }
}

impl Fixture for Simulated {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.0.clone())
    }

    fn close(&mut self) {
        self.0.empty_seats();
    }

    fn open(&mut self) {}

    fn child(&self) -> Command {
        unreachable!("no other process can open it")
    }

    fn breakdown(&mut self) {
        self.0.set_available(false);
    }

    fn mend(&mut self) {
        self.0.set_available(true);
    }

    fn press_retention(&mut self, topic: Topic) {
        for (partition, bounds) in self.0.bounds(topic).unwrap().into_iter().enumerate() {
            self.0.drop_before(topic, partition as u32, bounds.start + 1);
        }
    }

    fn log_without(&mut self, _topic: Topic) -> Option<Arc<dyn Log>> {
        None
    }
}

conformance::suite_without_crash!(Simulated::new());

#[test]
fn a_partition_is_read_anew_from_an_earlier_offset_and_the_others_go_on() {
    conformance::members::a_partition_is_read_anew_from_an_earlier_offset_and_the_others_go_on(&mut Simulated::new());
}

#[test]
fn appends_fail_in_bounded_time_and_health_is_red_until_it_is_back() {
    conformance::outage::appends_fail_in_bounded_time_and_health_is_red_until_it_is_back(&mut Simulated::new());
}
