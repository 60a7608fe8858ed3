//! Dead letters of this stage, taken again: through the same normalisers, as of the time at which they came.
//!
//! A letter came from somebody who was let in: its write key was known, its signature was good. So neither is asked for again, and taking again is no request that anybody could send: it is a call of
//! the process, on an operator's word. A letter whose event has no id of its own has one that follows from the letter, so however often it is taken, it counts once.
use crate::auth::{WriteKey, WriteKeys};
use crate::bad::Bad;
use crate::cloudevents;
use crate::dead_letter::{BATCH_GROUP_ID, BATCH_SENT_AT, STAGE};
use crate::error::Refusal;
use crate::hooks::{self, HookScene, Trouble, Use};
use crate::ingest::{Ingest, Prepared, Shared, text};
use crate::outlet::Outlet;
use crate::segment;
use c360_log::Headers;
use c360_schemas::DeadLetter;
use http::{HeaderMap, HeaderValue, header};
use serde_json::value::RawValue;

/// What a letter's path begins with.
const CALLS: &str = "/v1/";
const CLOUD_EVENTS: &str = "/v1/cloudevents/";
const HOOKS: &str = "/hooks/";

/// A dead letter that is taken again.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub letter: &'a DeadLetter,
    /// Of its record.
    pub headers: Headers<'a>,
    /// Id of an event that has none; the same each time.
    pub made_id: &'a str,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retaken {
    /// 0 where it is of a type that is not used.
    pub events: u64,
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetakeError {
    /// As before, or for another reason.
    #[error("{message}")]
    Refused { reason: &'static str, message: String },
    /// The log does not acknowledge: it may be tried again.
    #[error("{0}")]
    Unacknowledged(String),
}

impl From<Refusal> for RetakeError {
    fn from(refusal: Refusal) -> Self {
        let message = match &refusal {
            Refusal::BadEventInBatch { bad, .. } => bad.message.clone(),
            other => other.to_string(),
        };
        match refusal {
            Refusal::Overloaded | Refusal::LogUnavailable | Refusal::Internal => RetakeError::Unacknowledged(message),
            refusal => RetakeError::Refused { reason: refusal.code(), message },
        }
    }
}

impl From<Bad> for RetakeError {
    fn from(bad: Bad) -> Self {
        RetakeError::Refused { reason: bad.reason.as_str(), message: bad.message }
    }
}

impl Ingest {
    /// Whether a letter is one of this stage.
    pub fn is_mine(letter: &DeadLetter) -> bool {
        letter.stage == STAGE
    }

    /// What would come of a letter; nothing is done.
    ///
    /// # Errors
    /// Why it would not be taken.
    pub fn try_letter(&self, letter: Letter<'_>) -> Result<Retaken, RetakeError> {
        prepare(&self.shared, letter).map(|prepared| Retaken { events: prepared.events })
    }

    /// Takes a letter again; returns when the log has acknowledged what it became.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn retake(&self, letter: Letter<'_>) -> Result<Retaken, RetakeError> {
        let prepared = prepare(&self.shared, letter)?;
        let retaken = Retaken { events: prepared.events };
        self.shared.append(prepared).await?;
        Ok(retaken)
    }
}

fn prepare(shared: &Shared, letter: Letter<'_>) -> Result<Prepared, RetakeError> {
    match letter.letter.path.as_deref() {
        Some(path) if path.starts_with(CLOUD_EVENTS) => cloud_event(shared, letter.letter, &path[CLOUD_EVENTS.len()..]),
        Some(path) if path.starts_with(CALLS) => call(shared, letter),
        Some(path) => match path.strip_prefix(HOOKS).and_then(|rest| rest.split_once('/')) {
            Some((provider, source)) => hook(shared, letter.letter, provider, source),
            None => Err(no_way(format!("nothing is taken at {path}"))),
        },
        None => Err(no_way("the letter does not say where it came in")),
    }
}

fn no_way(message: impl Into<String>) -> RetakeError {
    RetakeError::Refused { reason: "no_way_back", message: message.into() }
}

/// A call of a batch: in a batch of its own that says what its batch said.
fn call(shared: &Shared, Letter { letter, headers, made_id }: Letter<'_>) -> Result<Prepared, RetakeError> {
    let original = text(&letter.original, &shared.config)?;
    let call: &RawValue = serde_json::from_str(original).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let said = |name: &str| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let body = serde_json::json!({"sentAt": said(BATCH_SENT_AT), "context": {"groupId": said(BATCH_GROUP_ID)}}).to_string();
    // Byte for byte: a second parse could read numbers otherwise.
    let body = format!("{{\"batch\":[{}],{}", call.get(), &body[1..]);
    let key = sender(letter);
    let request = segment::Request {
        kind: None,
        key: Some(&key),
        keys: &WriteKeys::default(),
        config: &shared.config,
        strict: true,
        received_at: letter.at,
        content_type: letter.content_type.as_deref(),
        made_id: Some(made_id),
    };
    Ok(segment::prepare(&request, &body)?)
}

/// A webhook of a source that still is in the settings.
fn hook(shared: &Shared, letter: &DeadLetter, provider: &str, source: &str) -> Result<Prepared, RetakeError> {
    let access = shared.access();
    let known = hooks::find(&access, provider, source).ok().filter(|(_, known)| letter.tenant.as_deref() == Some(&*known.tenant));
    let (provider, source) =
        known.ok_or_else(|| no_way(format!("there is no source {provider}/{source} any more; name it in the settings")))?;
    let scene = HookScene { source, received_at: letter.at, config: &shared.config };
    let mut outlet = Outlet::new(shared.config.limits.event_bytes_max);
    let body = text(&letter.original, &shared.config)?;
    let (used, ignored) = match outlet.all_or_nothing(|outlet| provider.normalise(body, &scene, outlet)) {
        Ok(Use::Used) => (1, 0),
        Ok(Use::Unused) => (0, 1),
        Ok(Use::Each(each)) => match each.bad.into_iter().next() {
            Some((_, bad)) => return Err(bad.into()),
            None => (each.used, each.unused),
        },
        Err(Trouble::Json(error)) => return Err(Refusal::Malformed(error.to_string()).into()),
        Err(Trouble::TooMany(max)) => return Err(Refusal::TooManyEvents(max).into()),
        Err(Trouble::Bad(bad)) => return Err(bad.into()),
    };
    Ok(Prepared { ignored, ..Prepared::new(outlet, used) })
}

/// An event of a batch: as a structured one.
fn cloud_event(shared: &Shared, letter: &DeadLetter, source: &str) -> Result<Prepared, RetakeError> {
    let content_type = letter.content_type.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
    let headers = HeaderMap::from_iter(content_type.map(|value| (header::CONTENT_TYPE, value)));
    let key = sender(letter);
    let request =
        cloudevents::Request { headers: &headers, source, key: &key, config: &shared.config, strict: true, received_at: letter.at };
    Ok(cloudevents::prepare(&request, &letter.original)?)
}

/// Who sent it: the tenant and the name that a key had, and no key.
fn sender(letter: &DeadLetter) -> WriteKey {
    let (tenant, name) = (letter.tenant.as_deref().unwrap_or_default().into(), letter.source.as_str().into());
    WriteKey { tenant, name, hash: [0; 32], quota: None }
}
