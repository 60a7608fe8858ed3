//! Metrics of the engine.
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, register_histogram_vec, register_int_counter_vec, register_int_gauge_vec};
use std::sync::LazyLock;

/// The engine's metrics, in the default registry.
pub(crate) struct Metrics {
    pub(crate) records: IntCounterVec,
    pub(crate) lag: IntGaugeVec,
    pub(crate) commit: HistogramVec,
    pub(crate) rebuilds: IntCounterVec,
    pub(crate) gone: IntCounterVec,
}

pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let buckets = vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
    #[allow(clippy::expect_used, reason = "names are constants; a clash is a bug that the first test finds")]
    Metrics {
        records: register_int_counter_vec!("c360_processor_records_total", "Records folded in, replayed ones too.", &["machine"])
            .expect("metric"),
        lag: register_int_gauge_vec!("c360_processor_lag_records", "Records not yet committed.", &["machine", "partition"])
            .expect("metric"),
        commit: register_histogram_vec!(
            "c360_processor_commit_duration_seconds",
            "Time of a batch's transaction and of the state's write.",
            &["machine"],
            buckets
        )
        .expect("metric"),
        rebuilds: register_int_counter_vec!(
            "c360_processor_rebuilds_total",
            "Times that a worker was made anew, by what for.",
            &["machine", "reason"]
        )
        .expect("metric"),
        gone: register_int_counter_vec!(
            "c360_processor_gone_records_total",
            "Records that a state lacks and the log no longer keeps.",
            &["machine"]
        )
        .expect("metric"),
    }
});

/// Makes every series of a machine exist from the start.
pub(crate) fn init(machine: &str) {
    METRICS.records.with_label_values(&[machine]);
    METRICS.commit.with_label_values(&[machine]);
    for reason in ["aborted", "fenced", "unknown", "offset", "fatal", "state", "panic"] {
        METRICS.rebuilds.with_label_values(&[machine, reason]);
    }
    METRICS.gone.with_label_values(&[machine]);
    crate::snapshot::init_metrics(machine);
}
