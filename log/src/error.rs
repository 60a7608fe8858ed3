//! What can go wrong with the log.

/// An error of the log. Which ones end a member is said at [`crate::Member`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The bounded queue is full: say so to the sender, and try later.
    #[error("the log's queue is full; try again later")]
    Overloaded,
    /// The log did not answer or did not acknowledge; it may later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    #[error("topic {0} is not there; create it, or let c360 create its topics")]
    UnknownTopic(String),
    /// The offset asked for is no longer kept.
    #[error("{topic}/{partition}: offset {wanted} is gone, the first kept is {start}")]
    OffsetGone { topic: &'static str, partition: u32, wanted: u64, start: u64 },
    /// Another member owns it now; nothing was committed.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The transaction was aborted; nothing was committed. The member can go on.
    #[error("the transaction was aborted: {0}")]
    Aborted(String),
    /// Whether the commit took effect is not known.
    #[error("the outcome of the commit is not known: {0}")]
    Unknown(String),
    /// The client is beyond repair.
    #[error("fatal: {0}")]
    Fatal(String),
    /// A record is larger than the log takes.
    #[error("a record of {0} bytes is larger than the log takes")]
    TooLarge(usize),
    /// The configuration or the data folder is wrong; trying again does not help.
    #[error("{0}")]
    Setup(String),
}
