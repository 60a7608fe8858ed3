//! What is told of snapshots: metrics.
use super::SnapshotInfo;
use c360_schemas::Topic;
use prometheus::{IntCounterVec, IntGaugeVec, register_int_counter_vec, register_int_gauge_vec};
use std::sync::LazyLock;

/// What became of a snapshot that was begun, or of one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// The newest one is of the very same state.
    Unchanged,
    Failed,
    Restored,
    /// A better one than that which was restored, but broken or of another log.
    PassedOver,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Taken, Self::Unchanged, Self::Failed, Self::Restored, Self::PassedOver];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Restored => "restored",
            Self::PassedOver => "passed_over",
        }
    }
}

struct Metrics {
    snapshots: IntCounterVec,
    uploaded: IntCounterVec,
    newest: IntGaugeVec,
    retention_short: IntGaugeVec,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    #[allow(clippy::expect_used, reason = "names are constants; a clash is a bug that the first test finds")]
    Metrics {
        snapshots: register_int_counter_vec!("c360_processor_snapshots_total", "Snapshots by outcome.", &["machine", "outcome"])
            .expect("metric"),
        uploaded: register_int_counter_vec!("c360_processor_snapshot_uploaded_bytes_total", "Bytes that snapshots uploaded.", &["machine"])
            .expect("metric"),
        newest: register_int_gauge_vec!(
            "c360_processor_snapshot_newest_timestamp_seconds",
            "When the newest good snapshot was taken, or last found to be of the state as it is; its age is time() less this.",
            &["machine", "partition"]
        )
        .expect("metric"),
        retention_short: register_int_gauge_vec!(
            "c360_processor_retention_short",
            "1 where the log may drop records that a restore from a snapshot would need.",
            &["machine", "topic", "partition"]
        )
        .expect("metric"),
    }
});

/// Makes every series of a machine exist from the start.
pub(crate) fn init(machine: &str) {
    METRICS.uploaded.with_label_values(&[machine]);
    for outcome in Outcome::ALL {
        METRICS.snapshots.with_label_values(&[machine, outcome.as_str()]);
    }
}

pub(super) fn count(machine: &str, outcome: Outcome) {
    METRICS.snapshots.with_label_values(&[machine, outcome.as_str()]).inc();
}

pub(super) fn uploaded(snapshot: &SnapshotInfo) {
    METRICS.uploaded.with_label_values(&[&snapshot.machine]).inc_by(snapshot.new_bytes);
}

/// The newest snapshot of a partition is as good as one that was taken then, UTC ms.
pub(super) fn newest(machine: &str, partition: u32, at_ms: i64) {
    METRICS.newest.with_label_values(&[machine, &partition.to_string()]).set(at_ms / 1_000);
}

/// The partition is another's now.
pub(super) fn forget(machine: &str, inputs: &[Topic], partition: u32) {
    let partition = partition.to_string();
    // What was never told is fine.
    let _ = METRICS.newest.remove_label_values(&[machine, &partition]);
    for topic in inputs {
        let _ = METRICS.retention_short.remove_label_values(&[machine, topic.suffix(), &partition]);
    }
}

pub(super) fn retention_short(machine: &str, topic: Topic, partition: u32, short: bool) {
    METRICS.retention_short.with_label_values(&[machine, topic.suffix(), &partition.to_string()]).set(i64::from(short));
}
