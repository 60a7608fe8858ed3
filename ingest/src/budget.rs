//! The bound on all bodies that are held at a time.
use crate::error::Refusal;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies are counted in units of this many bytes.
const UNIT_BYTES: usize = 4096;

/// What all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// One request's part of it; given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    budget: Budget,
    held: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS))))
    }

    pub(crate) fn hold(&self) -> Hold {
        Hold { budget: self.clone(), held: None }
    }
}

impl Hold {
    /// Makes sure that `bytes` in all are covered.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Refusal> {
        let have = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(UNIT_BYTES).saturating_sub(have);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| Refusal::Overloaded)?;
        let permit = Arc::clone(&self.budget.0).try_acquire_many_owned(more).map_err(|_| Refusal::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_request_holds_another_cannot_have_until_it_is_dropped() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let mut first = budget.hold();
        first.cover(1).unwrap();
        first.cover(6 * UNIT_BYTES).unwrap();
        let mut second = budget.hold();
        second.cover(4 * UNIT_BYTES).unwrap();
        assert!(matches!(second.cover(5 * UNIT_BYTES), Err(Refusal::Overloaded)));
        drop(first);
        second.cover(10 * UNIT_BYTES).unwrap();
    }
}
