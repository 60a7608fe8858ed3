//! Segment-style calls, one or a batch of them: from bytes to records, and what was bad about the rest.
//!
//! JSON is parsed once, borrowing from the body; only where something is odd (a bad event, a text that the parser refuses) the body is gone through again, call by call.
mod call;
mod event_time;
mod identity;
mod normalise;
mod parse;
mod survey;

pub(crate) use call::CallKind;

use crate::auth::{WriteKey, WriteKeys};
use crate::bad::Bad;
use crate::config::IngestConfig;
use crate::dead_letter::{BATCH_GROUP_ID, BATCH_SENT_AT, Origin, bury_with};
use crate::error::Refusal;
use crate::ingest::Prepared;
use crate::lenient::{Lenient, Text};
use crate::outlet::Outlet;
use crate::time::parse_ms;
use call::Call;
use normalise::{Scene, normalise};
use parse::Root;
use smallvec::SmallVec;

/// Where a call can be posted to whose kind is not known.
const BATCH_PATH: &str = "/v1/batch";

/// What is known of a request besides its body.
pub(crate) struct Request<'a> {
    /// `None`: the body's calls say what they are (batch, import).
    pub(crate) kind: Option<CallKind>,
    /// The key of the headers; `None`: it must be in the body.
    pub(crate) key: Option<&'a WriteKey>,
    pub(crate) keys: &'a WriteKeys,
    pub(crate) config: &'a IngestConfig,
    /// A bad event refuses its whole batch.
    pub(crate) strict: bool,
    /// UTC ms.
    pub(crate) received_at: i64,
    pub(crate) content_type: Option<&'a str>,
    /// Id of a call without one, where it must be the same each time; else one is made up.
    pub(crate) made_id: Option<&'a str>,
}

/// Turns a body into records for the log.
pub(crate) fn prepare(request: &Request<'_>, body: &str) -> Result<Prepared, Refusal> {
    match request.kind {
        Some(kind) => single(request, kind, body),
        None => batch(request, body),
    }
}

fn single(request: &Request<'_>, kind: CallKind, body: &str) -> Result<Prepared, Refusal> {
    let call = parse::call(body)?;
    let key = key_of(request, &call.write_key)?;
    if let Some(trouble) = call.trouble {
        return Err(Refusal::BadEvent(trouble));
    }
    let charge = key.charge(1)?;
    let scene = scene(request, key, &Text::None, None);
    let mut outlet = Outlet::new(request.config.limits.event_bytes_max);
    normalise(kind, &call, &scene, &mut outlet).map_err(Refusal::BadEvent)?;
    Ok(Prepared { charge, ..Prepared::new(outlet, 1) })
}

fn batch(request: &Request<'_>, body: &str) -> Result<Prepared, Refusal> {
    let root = parse::root(body, request.config.limits.batch_events_max)?;
    let key = key_of(request, &root.write_key)?;
    let charge = key.charge(root.calls.len())?;
    let scene = scene(request, key, &root.sent_at, Some(&root.context.group_id));
    let mut outlet = Outlet::new(request.config.limits.event_bytes_max);
    let mut bad: Vec<(usize, Bad)> = Vec::new();
    for (index, Lenient(call)) in root.calls.iter().enumerate() {
        match take(call, &scene, &mut outlet) {
            Ok(()) => {}
            Err(bad) if request.strict => return Err(Refusal::BadEventInBatch { index, bad }),
            Err(error) => bad.push((index, error)),
        }
    }
    let mut prepared = Prepared { charge, ..Prepared::new(outlet, (root.calls.len() - bad.len()) as u64) };
    if !bad.is_empty() {
        bury_all(request, key, body, &root, &bad, &mut prepared)?;
    }
    Ok(prepared)
}

fn take(call: &Call<'_>, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    if let Some(trouble) = &call.trouble {
        return Err(trouble.clone());
    }
    let kind = CallKind::of_type(&call.kind)?;
    outlet.all_or_nothing(|outlet| normalise(kind, call, scene, outlet))
}

/// The bad ones of a batch become dead letters, each by itself.
fn bury_all(
    request: &Request<'_>,
    key: &WriteKey,
    body: &str,
    root: &Root<'_, Lenient<Call<'_>>>,
    bad: &[(usize, Bad)],
    prepared: &mut Prepared,
) -> Result<(), Refusal> {
    let originals = parse::originals(body, request.config.limits.batch_events_max)?;
    let origin = Origin {
        tenant: &key.tenant,
        source: &key.name,
        received_at: request.received_at,
        content_type: request.content_type,
        original_bytes_max: request.config.dead_letters.original_bytes_max,
    };
    let context = [(BATCH_SENT_AT, root.sent_at.get()), (BATCH_GROUP_ID, root.context.group_id.get())];
    let context: SmallVec<[(&str, &str); 2]> = context.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    for (index, bad) in bad {
        let original = originals.get(*index).map_or("", |raw| raw.get());
        let path = CallKind::of_type(&root.calls[*index].0.kind).map_or(BATCH_PATH, CallKind::path);
        bury_with(&mut prepared.batch, &origin, path, original.as_bytes(), bad, &context);
        prepared.dead.push(bad.reason);
    }
    Ok(())
}

fn key_of<'a>(request: &Request<'a>, in_body: &Text<'_>) -> Result<&'a WriteKey, Refusal> {
    match (request.key, in_body.get()) {
        (Some(key), _) => Ok(key),
        (None, Some(key)) => request.keys.find_either(key).ok_or(Refusal::UnknownWriteKey),
        (None, None) => Err(Refusal::MissingWriteKey),
    }
}

fn scene<'a>(request: &Request<'a>, key: &'a WriteKey, sent_at: &Text<'_>, group: Option<&'a Text<'a>>) -> Scene<'a> {
    Scene {
        tenant: &key.tenant,
        source: &key.name,
        received_at: request.received_at,
        // A time of sending that cannot be read corrects nothing; it is no reason to refuse the event.
        sent_at: sent_at.get().and_then(parse_ms),
        group,
        made_id: request.made_id,
        config: request.config,
    }
}

/// Parses and encodes one batch, as a request does after its body is read: what the benchmark measures. How many records came of it.
#[doc(hidden)]
pub fn bench_batch(body: &[u8], keys: &WriteKeys, config: &IngestConfig, received_at: i64) -> usize {
    let request = Request { kind: None, key: None, keys, config, strict: false, received_at, content_type: None, made_id: None };
    crate::ingest::text(body, config).and_then(|body| prepare(&request, body)).map_or(0, |prepared| prepared.batch.len())
}
