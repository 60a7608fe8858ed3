//! Bugs that are planted on purpose, so that the tests can show that each of them is caught. Behind the feature `planted-bugs`, which only tests turn on; without it nothing of this
//! is in the binary, and a process refuses to start where one is asked for. Which bug is planted says the environment, `C360_PLANTED_BUG=offset-plus-one`, or `plant` for the thread
//! at hand.

/// Names the bug that is planted in a process.
pub const VARIABLE: &str = "C360_PLANTED_BUG";
/// Whether this build is one that bugs can be planted in.
pub const POSSIBLE: bool = cfg!(feature = "planted-bugs");

/// A mistake that an engine of this kind could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The rows are written before the log's transaction.
    StateBeforeCommit,
    /// The group's offset is committed one too far.
    OffsetPlusOne,
    /// The group's offset is committed one too short.
    OffsetMinusOne,
    /// A member that lost its partitions may still commit.
    NoFencing,
    /// A message id is not remembered.
    DedupMarkLost,
    /// A replayed tick tells the time of the replay.
    TickFromWallClock,
}

impl Bug {
    pub const ALL: [Self; 6] =
        [Self::StateBeforeCommit, Self::OffsetPlusOne, Self::OffsetMinusOne, Self::NoFencing, Self::DedupMarkLost, Self::TickFromWallClock];

    /// As `C360_PLANTED_BUG` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StateBeforeCommit => "state-before-commit",
            Self::OffsetPlusOne => "offset-plus-one",
            Self::OffsetMinusOne => "offset-minus-one",
            Self::NoFencing => "no-fencing",
            Self::DedupMarkLost => "dedup-mark-lost",
            Self::TickFromWallClock => "tick-from-wall-clock",
        }
    }

    /// The bug of this name.
    ///
    /// # Errors
    /// Where there is none: says which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|bug| bug.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|bug| bug.as_str()).collect();
            format!("{name} is not a bug that can be planted; these are: {}", names.join(", "))
        })
    }
}

/// The bug that the environment asks for.
///
/// # Errors
/// Where this build has none, or none of that name: whoever asked for one must not take the process for something that it is not.
pub fn asked_for() -> Result<Option<Bug>, String> {
    match std::env::var(VARIABLE) {
        Err(_) => Ok(None),
        Ok(name) if POSSIBLE => Bug::named(&name).map(Some).map_err(|problem| format!("{VARIABLE}: {problem}")),
        Ok(_) => {
            Err(format!("{VARIABLE} is set, and no bug can be planted in this build: unset it, or build with the feature planted-bugs"))
        }
    }
}

#[cfg(feature = "planted-bugs")]
mod on {
    use super::Bug;
    use std::cell::Cell;
    use std::sync::LazyLock;

    static OF_THE_ENVIRONMENT: LazyLock<Option<Bug>> = LazyLock::new(|| super::asked_for().ok().flatten());

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = Cell::new(*OF_THE_ENVIRONMENT);
    }

    /// Plants a bug in what this thread runs, or takes it out again.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// The bug that is planted in what this thread runs.
    pub fn planted() -> Option<Bug> {
        PLANTED.get()
    }

    /// Whether a bug is planted in what this thread runs.
    pub fn is_on(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}
#[cfg(feature = "planted-bugs")]
pub use on::{is_on, plant, planted};

/// Whether a bug is planted: never, without the feature.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn is_on(_bug: Bug) -> bool {
    false
}
