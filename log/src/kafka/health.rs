//! Whether the log takes appends now. Asked often, so the answer is kept at hand: it comes from a question to the brokers every second and from what became of appends.
use crate::LogError;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the brokers are asked.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take before the log counts as away.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// For so long after an append failed the log counts as away, unless another is acknowledged: brokers that answer questions need not take records.
const DISTRUST_FOR: Duration = Duration::from_secs(10);

pub(super) struct Health {
    state: Mutex<State>,
    /// Whether an append failed since the last acknowledgement: looked at for each batch, so without the lock.
    failing: AtomicBool,
}

struct State {
    away: Option<String>,
    failed: Option<(Instant, String)>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { away: Some("the brokers were not reached yet".into()), failed: None }),
            failing: AtomicBool::new(false),
        }
    }

    /// The brokers answered.
    pub(super) fn reached(&self) {
        if self.state.lock().away.take().is_some() {
            tracing::info!("the brokers answer");
        }
    }

    /// The brokers did not answer.
    pub(super) fn lost(&self, reason: &str) {
        if self.state.lock().away.replace(reason.to_owned()).is_none() {
            tracing::warn!(reason, "the brokers do not answer");
        }
    }

    pub(super) fn acknowledged(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            self.state.lock().failed = None;
        }
    }

    pub(super) fn append_failed(&self, reason: &str) {
        self.state.lock().failed = Some((Instant::now(), reason.to_owned()));
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        let state = self.state.lock();
        if let Some(reason) = &state.away {
            return Err(LogError::Unavailable(reason.clone()));
        }
        match &state.failed {
            Some((at, reason)) if at.elapsed() < DISTRUST_FOR => Err(LogError::Unavailable(format!("the last append failed: {reason}"))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_red_until_the_brokers_answer_and_while_appends_fail() {
        let health = Health::new();
        assert!(health.check().is_err(), "not reached yet");
        health.reached();
        health.check().unwrap();
        health.append_failed("timed out");
        health.reached();
        assert!(health.check().is_err(), "an answer to a question does not make up for a failed append");
        health.acknowledged();
        health.check().unwrap();
        health.lost("gone");
        health.acknowledged();
        assert!(health.check().is_err());
    }
}
