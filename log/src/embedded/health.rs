//! Whether the log takes writes; asked often, so it costs a lock at most.
use crate::{Clock, LogError};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// Not in a write.
const IDLE: i64 = 0;

pub(super) struct Health {
    trouble: Mutex<Option<String>>,
    /// When the write under way began, real ms.
    writing_since: AtomicI64,
    stall_ms: i64,
}

impl Health {
    pub(super) fn new(stall_ms: i64) -> Self {
        Self { trouble: Mutex::new(None), writing_since: AtomicI64::new(IDLE), stall_ms }
    }

    /// Red where the last write failed, where one hangs, or where the sequencer is gone.
    pub(super) fn check(&self) -> Result<(), LogError> {
        if let Some(trouble) = &*self.trouble.lock() {
            return Err(LogError::Unavailable(trouble.clone()));
        }
        self.check_stall()
    }

    /// Red where a write hangs: the disk does not answer.
    pub(super) fn check_stall(&self) -> Result<(), LogError> {
        let since = self.writing_since.load(Ordering::Relaxed);
        let ms = Clock::real_ms() - since;
        if since != IDLE && ms > self.stall_ms {
            return Err(LogError::Unavailable(format!("the disk has not answered for {ms} ms")));
        }
        Ok(())
    }

    pub(super) fn write_begins(&self) {
        self.writing_since.store(Clock::real_ms(), Ordering::Relaxed);
    }

    pub(super) fn write_ended(&self) {
        self.writing_since.store(IDLE, Ordering::Relaxed);
    }

    pub(super) fn set(&self, trouble: Option<String>) {
        *self.trouble.lock() = trouble;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_hangs_makes_it_red_and_its_end_green() {
        let health = Health::new(-1);
        assert!(health.check().is_ok());
        health.write_begins();
        assert!(matches!(health.check(), Err(LogError::Unavailable(_))));
        health.write_ended();
        assert!(health.check().is_ok());
    }
}
