//! What a run consists of: everything follows from it, so the same scenario is the same run.
use crate::traffic::{self, Planned};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Partitions of every topic.
pub(crate) const PARTITIONS: u32 = 4;
/// Processes that share the work.
pub(crate) const PROCESSES: usize = 2;

/// The kinds of trouble that a run can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Processes die: what was not flushed to disk is lost.
    Crash,
    /// Processes stand still, lose their seats, and go on as if nothing had happened.
    Stall,
    /// Members are taken for dead and lose their seats.
    Expel,
    /// Processes stop and start in good order, so partitions move.
    Move,
    /// Transactions are aborted, answers get lost, commits come late.
    Commit,
    /// The log does not answer polls, or hands over little at a time, in any order.
    Read,
    /// Appends are not acknowledged, and are done again: records come twice, and late.
    Append,
    /// Disks refuse writes, lose what was not flushed, and go bad.
    Disk,
    /// Receivers refuse, or take a delivery and do not say so.
    Receiver,
    /// Time jumps by hours.
    Time,
}

impl Trouble {
    pub(crate) const ALL: [Self; 10] =
        [Self::Crash, Self::Stall, Self::Expel, Self::Move, Self::Commit, Self::Read, Self::Append, Self::Disk, Self::Receiver, Self::Time];
}

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// What comes in.
    pub events: Vec<Planned>,
    /// What goes wrong.
    pub troubles: Vec<Trouble>,
    /// Steps of trouble; after them everything is put right and comes to rest.
    pub steps: usize,
}

impl Scenario {
    /// The scenario of a seed: each kind of trouble comes in two of three.
    pub fn of(seed: u64) -> Self {
        let mut rng = stream(seed, 0);
        let events = traffic::events(&mut rng);
        let troubles = Trouble::ALL.into_iter().filter(|_| rng.random_ratio(2, 3)).collect();
        Self { seed, steps: 200 + events.len() * 8, events, troubles }
    }
}

/// Random numbers for one purpose of a run, whatever the other purposes take.
pub(crate) fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}
