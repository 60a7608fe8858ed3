//! The sink's metrics. Every label's series exists from the start.
use crate::config::Kind;
use c360_schemas::DeliveryOutcome;
use prometheus::{IntCounterVec, IntGauge, register_int_counter_vec, register_int_gauge};
use std::sync::LazyLock;

/// Why the machine refuses a record.
pub(crate) const REASONS: [&str; 3] = ["malformed", "key_mismatch", "unexpected"];

pub(crate) struct Metrics {
    attempts: IntCounterVec,
    pub(crate) pending: IntGauge,
    pub(crate) oldest_pending_seconds: IntGauge,
}

#[allow(clippy::expect_used, reason = "names and labels are constants; a clash is a bug that the first test finds")]
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let attempts = register_int_counter_vec!(
        "c360_delivery_attempts_total",
        "Delivery attempts by kind of destination and outcome.",
        &["kind", "outcome"]
    )
    .expect("metric");
    for kind in Kind::ALL {
        for outcome in [DeliveryOutcome::Delivered, DeliveryOutcome::Retry, DeliveryOutcome::Dead] {
            attempts.with_label_values(&[kind.as_str(), outcome.as_str()]);
        }
    }
    Metrics {
        attempts,
        pending: register_int_gauge!("c360_delivery_pending", "Deliveries planned and neither delivered nor given up.").expect("metric"),
        oldest_pending_seconds: register_int_gauge!(
            "c360_delivery_oldest_pending_seconds",
            "Age of the oldest pending delivery, by c360's clock."
        )
        .expect("metric"),
    }
});

impl Metrics {
    pub(crate) fn attempt(&self, kind: Kind, outcome: DeliveryOutcome) {
        self.attempts.with_label_values(&[kind.as_str(), outcome.as_str()]).inc();
    }
}
