//! Why a whole request is refused: status, code and message of each case.
use crate::bad::Bad;
use c360_log::LogError;
use http::StatusCode;

/// A refusal. `code` is stable: clients may act on it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the body is not json: {0}")]
    Malformed(String),
    #[error("the body is not utf-8")]
    InvalidUtf8,
    #[error("the json is nested deeper than {0}")]
    TooDeep(usize),
    #[error(
        "events in the format {0:?} are not read; use application/cloudevents+json, application/cloudevents-batch+json, or binary mode"
    )]
    UnknownFormat(String),
    #[error("the content encoding {0:?} is not known; use gzip, deflate, br or zstd")]
    UnknownEncoding(String),
    #[error("the body cannot be unpacked: {0}")]
    BrokenEncoding(String),
    #[error("the body is larger than {0} bytes; send smaller batches")]
    BodyTooLarge(usize),
    #[error("the unpacked body is larger than {0} bytes; send smaller batches")]
    UnpackedTooLarge(usize),
    #[error("the batch has more than {0} events; send smaller batches")]
    TooManyEvents(usize),
    #[error("the body did not come within {0} s")]
    BodyTimeout(u64),
    #[error("the body broke off: {0}")]
    BodyBroken(String),
    #[error("there is no write key: send it as the user name of basic auth, as x-write-key, or as writeKey in the body")]
    MissingWriteKey,
    #[error("the write key is not known")]
    UnknownWriteKey,
    #[error("the signature is not good: {0}")]
    BadSignature(&'static str),
    #[error("the request names no host")]
    MissingHost,
    #[error("there is no such source; name it in the settings")]
    UnknownSource,
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes post only")]
    MethodNotAllowed,
    #[error("{0}")]
    BadEvent(Bad),
    #[error("event {index} of the batch: {bad}")]
    BadEventInBatch { index: usize, bad: Bad },
    #[error("an event is larger than the log takes")]
    LogTooLarge,
    #[error("too much is on its way; try again")]
    Overloaded,
    #[error("the write key has sent more than its {events_per_s} events a second; go on in {retry_after_s} s")]
    QuotaExceeded { events_per_s: u32, retry_after_s: u32 },
    #[error("the log does not acknowledge; try again")]
    LogUnavailable,
    #[error("something went wrong here; try again")]
    Internal,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::Malformed(_)
            | Refusal::InvalidUtf8
            | Refusal::TooDeep(_)
            | Refusal::UnknownFormat(_)
            | Refusal::UnknownEncoding(_)
            | Refusal::BrokenEncoding(_)
            | Refusal::BodyBroken(_)
            | Refusal::MissingHost
            | Refusal::BadEvent(_)
            | Refusal::BadEventInBatch { .. } => StatusCode::BAD_REQUEST,
            Refusal::MissingWriteKey | Refusal::UnknownWriteKey | Refusal::BadSignature(_) => StatusCode::UNAUTHORIZED,
            Refusal::UnknownSource | Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyTooLarge(_) | Refusal::UnpackedTooLarge(_) | Refusal::TooManyEvents(_) | Refusal::LogTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Refusal::Overloaded | Refusal::QuotaExceeded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::LogUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "malformed_json",
            Refusal::InvalidUtf8 => "invalid_utf8",
            Refusal::TooDeep(_) => "json_too_deep",
            Refusal::UnknownFormat(_) => "unknown_format",
            Refusal::UnknownEncoding(_) => "unknown_encoding",
            Refusal::BrokenEncoding(_) => "broken_encoding",
            Refusal::BodyTooLarge(_) => "body_too_large",
            Refusal::UnpackedTooLarge(_) => "unpacked_too_large",
            Refusal::TooManyEvents(_) => "too_many_events",
            Refusal::BodyTimeout(_) => "body_timeout",
            Refusal::BodyBroken(_) => "body_broken",
            Refusal::MissingWriteKey => "missing_write_key",
            Refusal::UnknownWriteKey => "unknown_write_key",
            Refusal::BadSignature(_) => "bad_signature",
            Refusal::MissingHost => "missing_host",
            Refusal::UnknownSource => "unknown_source",
            Refusal::NotFound => "not_found",
            Refusal::MethodNotAllowed => "method_not_allowed",
            Refusal::BadEvent(bad) | Refusal::BadEventInBatch { bad, .. } => bad.reason.as_str(),
            Refusal::LogTooLarge => "event_too_large",
            Refusal::Overloaded => "overloaded",
            Refusal::QuotaExceeded { .. } => "quota_exceeded",
            Refusal::LogUnavailable => "log_unavailable",
            Refusal::Internal => "internal",
        }
    }

    /// Seconds after which to try again, where that helps.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        match self {
            Refusal::Overloaded => Some(1),
            Refusal::QuotaExceeded { retry_after_s, .. } => Some(*retry_after_s),
            Refusal::LogUnavailable => Some(5),
            _ => None,
        }
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Overloaded => Refusal::Overloaded,
            LogError::TooLarge(_) => Refusal::LogTooLarge,
            _ => Refusal::LogUnavailable,
        }
    }
}
