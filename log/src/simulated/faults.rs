//! What may go wrong, and who decides whether it does.

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFate {
    Goes,
    /// The brokers abort the transaction; the member may go on.
    Aborted,
    /// The brokers do not answer, and nothing took effect.
    Unavailable,
    /// The answer is lost; whether it took effect only the log knows.
    Unanswered {
        took_effect: bool,
    },
    /// The client is beyond repair, and nothing took effect.
    Fatal,
    /// The member has lost its seat to others in the meantime.
    Expelled,
    /// It is still on its way when its member has given up (or is dead), and comes in with [`super::SimulatedLog::deliver_late`].
    Late,
}

/// What becomes of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFate {
    Goes,
    /// Only so many of its records are written, or all, and no acknowledgement comes.
    Breaks {
        after: usize,
    },
}

/// Decides, each time that something could go wrong, whether it does.
pub trait Faults: Send {
    fn commit(&mut self) -> CommitFate {
        CommitFate::Goes
    }

    fn append(&mut self, records: usize) -> AppendFate {
        let _ = records;
        AppendFate::Goes
    }

    /// How many records a poll hands over at most; `None`: the log does not answer.
    fn poll(&mut self, max: usize) -> Option<usize> {
        Some(max)
    }

    /// Puts the partitions that a poll reads, one after the other, into another order.
    fn reorder(&mut self, partitions: &mut [usize]) {
        let _ = partitions;
    }

    /// Whether partitions move one by one, and not all of a member's at once.
    fn cooperative(&self) -> bool {
        false
    }
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faultless;

impl Faults for Faultless {}
