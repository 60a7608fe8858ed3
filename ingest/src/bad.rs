//! Why one event is not taken.

/// A label out of a fixed set: `reason` of a dead letter, `code` of a refused single call, label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// JSON, but not to be read as a call: a lone surrogate, a number beyond all bounds.
    MalformedEvent,
    NotAnObject,
    UnknownType,
    /// Neither a user nor an account.
    MissingId,
    BadId,
    BadMessageId,
    MissingName,
    BadName,
    MissingGroupId,
    BadTimestamp,
    BadProperties,
    BadTraits,
    BadAnswer,
    TooLarge,
    /// A webhook whose object does not have the shape that its type promises.
    BadPayload,
    /// A webhook that names no customer.
    NoCustomer,
}

impl Reason {
    pub(crate) const ALL: [Reason; 16] = [
        Reason::MalformedEvent,
        Reason::NotAnObject,
        Reason::UnknownType,
        Reason::MissingId,
        Reason::BadId,
        Reason::BadMessageId,
        Reason::MissingName,
        Reason::BadName,
        Reason::MissingGroupId,
        Reason::BadTimestamp,
        Reason::BadProperties,
        Reason::BadTraits,
        Reason::BadAnswer,
        Reason::TooLarge,
        Reason::BadPayload,
        Reason::NoCustomer,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Reason::MalformedEvent => "malformed_event",
            Reason::NotAnObject => "not_an_object",
            Reason::UnknownType => "unknown_type",
            Reason::MissingId => "missing_id",
            Reason::BadId => "bad_id",
            Reason::BadMessageId => "bad_message_id",
            Reason::MissingName => "missing_name",
            Reason::BadName => "bad_name",
            Reason::MissingGroupId => "missing_group_id",
            Reason::BadTimestamp => "bad_timestamp",
            Reason::BadProperties => "bad_properties",
            Reason::BadTraits => "bad_traits",
            Reason::BadAnswer => "bad_answer",
            Reason::TooLarge => "event_too_large",
            Reason::BadPayload => "bad_payload",
            Reason::NoCustomer => "no_customer",
        }
    }
}

/// An event that is not taken, and what to do about it in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Bad {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Bad {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
