//! Decides what goes wrong, and notes it down.
use crate::scenario::{Scenario, Trouble, stream};
use c360_log::simulated::{AppendFate, CommitFate, Faults};
use parking_lot::Mutex;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The one who decides. All of a run share it.
pub(crate) struct Mischief {
    rng: Mutex<ChaCha8Rng>,
    troubles: Vec<Trouble>,
    cooperative: bool,
    over: AtomicBool,
    /// The process whose step is under way; `usize::MAX`: none.
    stepping: AtomicUsize,
    /// It is to die before its next step.
    doomed: AtomicBool,
    /// How many records of the last append were written.
    pub(crate) written: AtomicUsize,
    story: Mutex<Vec<String>>,
}

impl Mischief {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rng = stream(scenario.seed, 1);
        let cooperative = rng.random();
        Self {
            rng: Mutex::new(rng),
            troubles: scenario.troubles.clone(),
            cooperative,
            over: AtomicBool::new(false),
            stepping: AtomicUsize::new(usize::MAX),
            doomed: AtomicBool::new(false),
            written: AtomicUsize::new(0),
            story: Mutex::default(),
        }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.tell("everything is put right");
    }

    /// Notes what happened.
    pub(crate) fn tell(&self, what: impl Into<String>) {
        self.story.lock().push(what.into());
    }

    pub(crate) fn story(&self) -> Vec<String> {
        self.story.lock().clone()
    }

    /// Whether a trouble comes, in `of` of `among` cases.
    pub(crate) fn comes(&self, trouble: Trouble, of: u32, among: u32) -> bool {
        !self.over.load(Ordering::Relaxed) && self.troubles.contains(&trouble) && self.rng.lock().random_ratio(of, among)
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: usize) -> usize {
        self.rng.lock().random_range(0..n.max(1))
    }

    pub(crate) fn begin_step(&self, process: usize) {
        self.stepping.store(process, Ordering::Relaxed);
    }

    /// Whether the process is to die now that its step is over.
    pub(crate) fn end_step(&self) -> bool {
        self.stepping.store(usize::MAX, Ordering::Relaxed);
        self.doomed.swap(false, Ordering::Relaxed)
    }

    /// The process under way dies where it stands: nothing that it does from here on reaches disk or log.
    fn doom(&self, where_: &str) {
        self.tell(format!("process {} dies {where_}", self.stepping.load(Ordering::Relaxed)));
        self.doomed.store(true, Ordering::Relaxed);
    }

    fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Relaxed)
    }

    /// Whether rows may be written.
    pub(crate) fn write(&self, process: usize) -> Result<(), String> {
        if self.is_doomed() {
            return Err("the process is dead".into());
        }
        if self.stepping.load(Ordering::Relaxed) == process && self.comes(Trouble::Crash, 1, 60) {
            self.doom("before its rows are written");
            return Err("the process is dead".into());
        }
        if self.comes(Trouble::Disk, 1, 40) {
            self.tell(format!("process {process}: a write fails"));
            return Err("no space left on device".into());
        }
        Ok(())
    }

    pub(crate) fn disk_goes_bad(&self) -> bool {
        self.comes(Trouble::Disk, 1, 15)
    }

    fn fate_of_commit(&self) -> CommitFate {
        if self.is_doomed() {
            return CommitFate::Unavailable;
        }
        if self.comes(Trouble::Crash, 1, 60) {
            let took_effect = self.below(2) == 0;
            self.doom(if took_effect { "after its commit took effect" } else { "before its commit takes effect" });
            return CommitFate::Unanswered { took_effect };
        }
        if !self.comes(Trouble::Commit, 1, 12) {
            return CommitFate::Goes;
        }
        let fates = [
            CommitFate::Aborted,
            CommitFate::Unavailable,
            CommitFate::Unanswered { took_effect: true },
            CommitFate::Unanswered { took_effect: false },
            CommitFate::Expelled,
            CommitFate::Late,
            CommitFate::Fatal,
        ];
        let fate = fates[self.below(fates.len())];
        self.tell(format!("process {}: a commit, {fate:?}", self.stepping.load(Ordering::Relaxed)));
        if fate == CommitFate::Late && self.comes(Trouble::Crash, 1, 2) {
            self.doom("with a commit on its way");
        }
        fate
    }
}

/// The log's side of it.
pub(crate) struct LogFaults(pub(crate) Arc<Mischief>);

impl Faults for LogFaults {
    fn commit(&mut self) -> CommitFate {
        self.0.fate_of_commit()
    }

    fn append(&mut self, records: usize) -> AppendFate {
        let breaks = self.0.is_doomed() || self.0.comes(Trouble::Append, 1, 10);
        let after = if self.0.is_doomed() { 0 } else { self.0.below(records + 1) };
        self.0.written.store(if breaks { after } else { records }, Ordering::Relaxed);
        if breaks { AppendFate::Breaks { after } } else { AppendFate::Goes }
    }

    fn poll(&mut self, max: usize) -> Option<usize> {
        if self.0.is_doomed() || self.0.comes(Trouble::Read, 1, 50) {
            return None;
        }
        Some(if self.0.comes(Trouble::Read, 1, 2) { 1 + self.0.below(max) } else { max })
    }

    fn reorder(&mut self, partitions: &mut [usize]) {
        if self.0.comes(Trouble::Read, 1, 2) {
            partitions.shuffle(&mut *self.0.rng.lock());
        }
    }

    fn cooperative(&self) -> bool {
        self.0.cooperative
    }
}
