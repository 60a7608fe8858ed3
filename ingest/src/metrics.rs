//! What ingest counts. Registered once in the default registry, every series there from the start.
use crate::bad::Reason;
use c360_log::{count_dead_letter, init_dead_letters};
use prometheus::{
    Histogram, IntCounter, IntCounterVec, exponential_buckets, register_histogram, register_int_counter, register_int_counter_vec,
};
use std::sync::LazyLock;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventOutcome {
    /// The log has it.
    Accepted,
    /// The log has it as a dead letter.
    DeadLetter,
    /// The sender was told that it is not taken.
    Rejected,
    /// A webhook of a type that we do not use.
    Ignored,
    /// The log did not acknowledge; the sender was told to try again.
    Unacknowledged,
}

impl EventOutcome {
    const ALL: [EventOutcome; 5] =
        [EventOutcome::Accepted, EventOutcome::DeadLetter, EventOutcome::Rejected, EventOutcome::Ignored, EventOutcome::Unacknowledged];

    const fn as_str(self) -> &'static str {
        match self {
            EventOutcome::Accepted => "accepted",
            EventOutcome::DeadLetter => "dead_letter",
            EventOutcome::Rejected => "rejected",
            EventOutcome::Ignored => "ignored",
            EventOutcome::Unacknowledged => "unacknowledged",
        }
    }
}

/// The statuses that we answer with; any other counts as `other`.
const CODES: [&str; 11] = ["200", "400", "401", "404", "405", "408", "413", "429", "500", "503", "other"];

/// Series of one metric, looked up once: they are counted with each request.
pub(crate) struct Metrics {
    /// In the order of [`EventOutcome::ALL`].
    events: Vec<IntCounter>,
    /// In the order of [`CODES`].
    requests: Vec<IntCounter>,
    clamped: IntCounter,
    quota_exceeded: IntCounterVec,
    duration: Histogram,
}

pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::register);

impl Metrics {
    /// Makes all series; done when the first `Ingest` is made.
    pub(crate) fn touch(&self) {}

    #[expect(clippy::expect_used, reason = "a metric registered twice is a mistake in this file, found by the first test that runs")]
    fn register() -> Self {
        let buckets = exponential_buckets(0.0005, 2.0, 16).expect("constants");
        let events = register_int_counter_vec!("c360_ingest_events_total", "Events by what became of them.", &["outcome"]).expect("once");
        let requests =
            register_int_counter_vec!("c360_ingest_requests_total", "Requests by the status of the answer.", &["code"]).expect("once");
        init_dead_letters(&Reason::ALL.map(Reason::as_str));
        Self {
            events: EventOutcome::ALL.iter().map(|outcome| events.with_label_values(&[outcome.as_str()])).collect(),
            requests: CODES.iter().map(|code| requests.with_label_values(&[*code])).collect(),
            clamped: register_int_counter!("c360_ingest_clamped_total", "Events that were dated too far ahead and became now.")
                .expect("once"),
            quota_exceeded: register_int_counter_vec!(
                "c360_ingest_quota_exceeded_total",
                "Requests refused because their write key had sent more than its quota.",
                &["tenant", "write_key"]
            )
            .expect("once"),
            duration: register_histogram!(
                "c360_ingest_request_duration_seconds",
                "Time from a request's head to its answer, the log's acknowledgement awaited.",
                buckets
            )
            .expect("once"),
        }
    }

    pub(crate) fn events(&self, outcome: EventOutcome, count: u64) {
        if count > 0 {
            self.events[outcome as usize].inc_by(count);
        }
    }

    pub(crate) fn dead_letter(&self, reason: Reason) {
        count_dead_letter(reason.as_str());
    }

    pub(crate) fn clamped(&self, count: u64) {
        self.clamped.inc_by(count);
    }

    /// Keys with a quota have their series from the start.
    pub(crate) fn touch_quota(&self, tenant: &str, key: &str) {
        self.quota_exceeded.with_label_values(&[tenant, key]);
    }

    pub(crate) fn quota_exceeded(&self, tenant: &str, key: &str) {
        self.quota_exceeded.with_label_values(&[tenant, key]).inc();
    }

    pub(crate) fn request(&self, code: &str, seconds: f64) {
        let index = CODES.iter().position(|known| *known == code).unwrap_or(CODES.len() - 1);
        self.requests[index].inc();
        self.duration.observe(seconds);
    }
}
