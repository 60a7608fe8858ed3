//! One partition's place in the schedule: what its worker, the upload beside it and whoever asks for a snapshot know of one another.
use super::SnapshotInfo;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What came of the newest try.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Number of the newest request that it answers.
    pub(super) request: u64,
    pub(super) result: Option<Result<(SnapshotInfo, bool), String>>,
}

pub(super) struct Seat {
    /// A snapshot of it is being taken, or looked for.
    busy: AtomicBool,
    /// A worker of this process has the partition.
    owned: AtomicBool,
    /// Number of the newest request for a snapshot.
    wanted: AtomicU64,
    /// When the next one is due; `None` until the store was asked how old the newest is.
    due: Mutex<Option<Instant>>,
    told: watch::Sender<Told>,
}

impl Seat {
    pub(super) fn new() -> Self {
        let told = watch::Sender::new(Told::default());
        Self { busy: AtomicBool::new(false), owned: AtomicBool::new(true), wanted: AtomicU64::new(0), due: Mutex::new(None), told }
    }

    pub(super) fn set_owned(&self, owned: bool) {
        self.owned.store(owned, Ordering::Release);
        if !owned && self.is_asked() {
            let gone = Err("the partition went to another worker; ask again".into());
            self.told.send_replace(Told { request: self.wanted.load(Ordering::Acquire), result: Some(gone) });
        }
    }

    pub(super) fn is_owned(&self) -> bool {
        self.owned.load(Ordering::Acquire)
    }

    /// Asks for a snapshot; what is told from now on.
    pub(super) fn ask(&self, request: u64) -> watch::Receiver<Told> {
        self.wanted.fetch_max(request, Ordering::AcqRel);
        self.told.subscribe()
    }

    fn is_asked(&self) -> bool {
        self.wanted.load(Ordering::Acquire) > self.told.borrow().request
    }

    /// Takes the seat where a snapshot is due: the request that it answers. Whoever gets it leaves it when he is done.
    pub(super) fn take_if_due(&self) -> Option<u64> {
        let due = self.is_asked() || self.due.lock().is_some_and(|due| Instant::now() >= due);
        (due && self.take()).then(|| self.wanted.load(Ordering::Acquire))
    }

    pub(super) fn take(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    /// The next one is due then.
    pub(super) fn set_due(&self, after: Option<Duration>) {
        *self.due.lock() = after.and_then(|after| Instant::now().checked_add(after));
    }

    pub(super) fn tell(&self, told: Told) {
        self.told.send_replace(told);
    }

    pub(super) fn leave(&self) {
        self.busy.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_when_due_or_asked_for() {
        let seat = Seat::new();
        assert_eq!(seat.take_if_due(), None, "nothing is known of it yet");
        seat.set_due(Some(Duration::ZERO));
        assert_eq!(seat.take_if_due(), Some(0));
        let told = seat.ask(3);
        assert_eq!(seat.take_if_due(), None, "one is under way");
        seat.set_due(Some(Duration::from_secs(3_600)));
        seat.tell(Told { request: 0, result: None });
        seat.leave();
        assert_eq!(seat.take_if_due(), Some(3), "the one under way may have been from before the request");
        seat.tell(Told { request: 3, result: None });
        seat.leave();
        assert_eq!(told.borrow().request, 3);
        assert_eq!(seat.take_if_due(), None);
        let told = seat.ask(4);
        seat.set_owned(false);
        assert!(matches!(&*told.borrow(), Told { request: 4, result: Some(Err(_)) }), "nobody waits for a partition that has gone");
    }
}
