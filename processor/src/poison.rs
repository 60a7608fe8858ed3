//! Records that make no sense and never will.
use c360_engine::ApplyError;

/// Why; the label in metrics and the dead letter's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    BadKey,
    Undecodable,
    Incomplete,
    MoneyOutOfRange,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Reason::BadKey => "bad-key",
            Reason::Undecodable => "undecodable",
            Reason::Incomplete => "incomplete",
            Reason::MoneyOutOfRange => "money-out-of-range",
        }
    }
}

pub(crate) fn poison(reason: Reason, message: impl Into<String>) -> ApplyError {
    ApplyError::Poison { reason: reason.as_str(), message: message.into() }
}
