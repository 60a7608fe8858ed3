//! The console's metrics.
use c360_schemas::Topic;
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, histogram_opts, register_histogram, register_histogram_vec,
    register_int_counter, register_int_counter_vec, register_int_gauge,
};
use std::sync::LazyLock;

/// The topics that the read model is folded from.
pub(crate) const FOLDED: [Topic; 4] = [Topic::Profiles, Topic::Alerts, Topic::Deliveries, Topic::History];

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Redirected,
    Unauthorized,
    Refused,
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Redirected, Self::Unauthorized, Self::Refused, Self::Failed];

    /// The outcome that an HTTP status stands for.
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            ..300 => Self::Ok,
            300..400 => Self::Redirected,
            401 | 403 => Self::Unauthorized,
            400..500 => Self::Refused,
            _ => Self::Failed,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Redirected => "redirected",
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// All of them.
pub(crate) struct Metrics {
    pub(crate) folded: IntCounterVec,
    pub(crate) unreadable: IntCounterVec,
    pub(crate) commit_seconds: Histogram,
    pub(crate) lag: IntGauge,
    pub(crate) requests: IntCounterVec,
    pub(crate) request_seconds: HistogramVec,
    pub(crate) streams: IntGauge,
    pub(crate) unbalanced: IntCounter,
}

/// Registered once in the default registry.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::register().expect("names of metrics are unique in the process"));

impl Metrics {
    fn register() -> prometheus::Result<Self> {
        let buckets = vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let metrics = Self {
            folded: register_int_counter_vec!("c360_console_folded_records_total", "Records folded into the read model", &["topic"])?,
            unreadable: register_int_counter_vec!(
                "c360_console_unreadable_records_total",
                "Records that could not be read and were passed over",
                &["topic"]
            )?,
            commit_seconds: register_histogram!(histogram_opts!(
                "c360_console_commit_duration_seconds",
                "Time to write one batch into the read model",
                buckets.clone()
            ))?,
            lag: register_int_gauge!("c360_console_lag_records", "Records in the log that the read model does not show yet")?,
            requests: register_int_counter_vec!("c360_console_requests_total", "Requests to the console, by how they ended", &["outcome"])?,
            request_seconds: register_histogram_vec!(
                histogram_opts!("c360_console_request_duration_seconds", "Time to answer a request", buckets),
                &["outcome"]
            )?,
            unbalanced: register_int_counter!(
                "c360_console_unbalanced_total",
                "Reads of the portfolio in which movements of MRR did not add up to what customers pay"
            )?,
            streams: register_int_gauge!("c360_console_streams", "Streams of live updates that are open")?,
        };
        for topic in FOLDED {
            metrics.folded.with_label_values(&[topic.suffix()]);
            metrics.unreadable.with_label_values(&[topic.suffix()]);
        }
        for outcome in Outcome::ALL {
            metrics.requests.with_label_values(&[outcome.as_str()]);
            metrics.request_seconds.with_label_values(&[outcome.as_str()]);
        }
        Ok(metrics)
    }
}
