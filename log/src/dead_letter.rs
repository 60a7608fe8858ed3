//! The count of dead letters: one metric for all stages.
use prometheus::{IntCounterVec, register_int_counter_vec};
use std::sync::LazyLock;

#[allow(clippy::expect_used, reason = "the name is a constant; a clash is a bug that the first test finds")]
static DEAD_LETTERS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("c360_dead_letters_total", "What could not be taken, by reason.", &["reason"]).expect("metric")
});

/// Counts one dead letter.
pub fn count_dead_letter(reason: &str) {
    DEAD_LETTERS.with_label_values(&[reason]).inc();
}

/// Makes the series of `reasons` exist from the start.
pub fn init_dead_letters(reasons: &[&str]) {
    for reason in reasons {
        DEAD_LETTERS.with_label_values(&[reason]);
    }
}
