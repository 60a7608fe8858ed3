//! What the embedded log tells Prometheus.
use c360_schemas::Topic;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, register};
use std::sync::LazyLock;

/// What became of a group commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteOutcome {
    Written,
    /// Refused or rolled back.
    Failed,
    /// The write failed, and what is on disk is not known yet.
    Unknown,
}

impl WriteOutcome {
    const ALL: [WriteOutcome; 3] = [WriteOutcome::Written, WriteOutcome::Failed, WriteOutcome::Unknown];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            WriteOutcome::Written => "written",
            WriteOutcome::Failed => "failed",
            WriteOutcome::Unknown => "unknown",
        }
    }
}

pub(super) struct Metrics {
    groups: IntCounterVec,
    held: IntGaugeVec,
    pub(super) write_seconds: Histogram,
    pub(super) group_records: Histogram,
}

impl Metrics {
    pub(super) fn group(&self, outcome: WriteOutcome) {
        self.groups.with_label_values(&[outcome.as_str()]).inc();
    }

    /// So much of a topic stays beyond its retention, since a state or a snapshot has not got it.
    pub(super) fn held(&self, topic: Topic, bytes: u64) {
        self.held.with_label_values(&[topic.suffix()]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

pub(super) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let groups = IntCounterVec::new(Opts::new("c360_log_groups_total", "Group commits of the embedded log, by outcome"), &["outcome"])
        .expect("the metric's name and labels are right");
    let held = IntGaugeVec::new(
        Opts::new("c360_log_held_bytes", "Bytes kept beyond the embedded log's retention, since a state or a snapshot has not got them"),
        &["topic"],
    )
    .expect("the metric's name and labels are right");
    let histogram = |name: &str, help: &str, buckets: &[f64]| {
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())).expect("the metric's name and buckets are right")
    };
    let seconds = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 4.0];
    let write_seconds = histogram("c360_log_write_duration_seconds", "Write and sync of one group commit of the embedded log", &seconds);
    let group_records = histogram(
        "c360_log_group_records",
        "Records in one group commit of the embedded log",
        &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0],
    );
    for outcome in WriteOutcome::ALL {
        groups.with_label_values(&[outcome.as_str()]);
    }
    for metric in [
        Box::new(groups.clone()) as Box<dyn prometheus::core::Collector>,
        Box::new(held.clone()),
        Box::new(write_seconds.clone()),
        Box::new(group_records.clone()),
    ] {
        // Registered once: this runs once.
        register(metric).expect("the metric is registered once");
    }
    Metrics { groups, held, write_seconds, group_records }
});
