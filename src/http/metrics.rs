//! What the ports count.
use prometheus::{IntCounterVec, IntGaugeVec, register_int_counter_vec, register_int_gauge_vec};
use std::sync::LazyLock;

/// Why we ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// There were too many.
    TooMany,
    /// No request's head in time.
    Head,
    /// No further request in time.
    Idle,
    /// The answer was not read in time.
    Write,
    /// The handshake failed.
    Tls,
}

impl Closed {
    const ALL: [Closed; 5] = [Closed::TooMany, Closed::Head, Closed::Idle, Closed::Write, Closed::Tls];

    const fn as_str(self) -> &'static str {
        match self {
            Closed::TooMany => "too_many",
            Closed::Head => "head_timeout",
            Closed::Idle => "idle",
            Closed::Write => "write_timeout",
            Closed::Tls => "tls",
        }
    }
}

pub(super) struct Metrics {
    connections: IntGaugeVec,
    closed: IntCounterVec,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::register);

impl Metrics {
    #[expect(clippy::expect_used, reason = "a metric registered twice is a mistake in this file, found by the first test that runs")]
    fn register() -> Self {
        Self {
            connections: register_int_gauge_vec!("c360_http_connections", "Open connections.", &["port"]).expect("once"),
            closed: register_int_counter_vec!("c360_http_closed_total", "Connections that we ended, by why.", &["port", "reason"])
                .expect("once"),
        }
    }
}

/// Makes all series of a port.
pub(super) fn touch(port: &str) {
    METRICS.connections.with_label_values(&[port]);
    for reason in Closed::ALL {
        METRICS.closed.with_label_values(&[port, reason.as_str()]);
    }
}

pub(super) fn closed(port: &str, reason: Closed) {
    METRICS.closed.with_label_values(&[port, reason.as_str()]).inc();
}

/// Counts a connection for as long as it lives.
pub(super) struct Open(&'static str);

impl Open {
    pub(super) fn new(port: &'static str) -> Self {
        METRICS.connections.with_label_values(&[port]).inc();
        Self(port)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        METRICS.connections.with_label_values(&[self.0]).dec();
    }
}
