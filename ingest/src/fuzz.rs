//! What the fuzzers of `ingest/fuzz` and the tests on their corpus run: whatever the bytes are, no panic, and what is promised of the records holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "what it finds is told by a panic")]
use crate::auth::{WriteKey, WriteKeys};
use crate::budget::Budget;
use crate::config::IngestConfig;
use crate::error::Refusal;
use crate::hooks::{self, HookScene, JsonHook, MapConfig};
use crate::ingest::{Prepared, text};
use crate::segment::{self, CallKind};
use crate::sources::{Secret, Source};
use crate::unpack::{Encoding, unpack};
use crate::{cloudevents, rows};
use bytes::Bytes;
use c360_log::Batch;
use c360_schemas::{DeadLetter, EventsValue, Key, Topic, Wire, decode_events_value};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::LazyLock;

/// 2026-11-22T10:00:00Z: of the time of the examples.
const NOW: i64 = 1_795_341_600_000;
const UNPACKED_BYTES_MAX: usize = 1 << 20;
const TENANT: &str = "t1";

/// What takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The body of `/v1/batch`.
    Batch,
    /// The body of each of the other calls.
    Call,
    /// A provider's payload.
    Hook(&'static str),
    /// A payload that the settings map, as each kind that there is.
    JsonHook,
    CloudEvent,
    CloudEventBatch,
    /// Headers, line by line, an empty line, and the data.
    CloudEventBinary,
    /// The body of `/v1/import/rows`.
    Rows,
    /// The first byte says how the rest is packed.
    Unpack,
}

/// All of them, with the names of the fuzzers.
pub const TARGETS: [(&str, Target); 15] = [
    ("batch", Target::Batch),
    ("call", Target::Call),
    ("stripe", Target::Hook("stripe")),
    ("zendesk", Target::Hook("zendesk")),
    ("intercom", Target::Hook("intercom")),
    ("chargebee", Target::Hook("chargebee")),
    ("hubspot", Target::Hook("hubspot")),
    ("freshdesk", Target::Hook("freshdesk")),
    ("delighted", Target::Hook("delighted")),
    ("json_hook", Target::JsonHook),
    ("cloudevent", Target::CloudEvent),
    ("cloudevent_batch", Target::CloudEventBatch),
    ("cloudevent_binary", Target::CloudEventBinary),
    ("rows", Target::Rows),
    ("unpack", Target::Unpack),
];

struct Stage {
    config: IngestConfig,
    keys: WriteKeys,
    key: WriteKey,
    sources: Vec<Source>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let key = WriteKey::of(TENANT, "api", "wk_test");
    let source = |provider: &str| Source::new(provider, provider, TENANT, [Secret::new("user:secret")]);
    let mut sources: Vec<Source> = hooks::providers().map(source).collect();
    sources.extend(KINDS.map(|kind| Source { json: Some(mapped(kind)), ..source(hooks::JSON) }));
    Stage { config: IngestConfig::default(), keys: WriteKeys::new([key.clone()]).unwrap(), key, sources }
});

const KINDS: [&str; 6] = ["usage", "survey", "ticket", "subscription", "account", "user"];

/// A map with the fields that the kind needs, under their own names.
fn mapped(kind: &str) -> JsonHook {
    let own: &[&str] = match kind {
        "usage" => &["name", "properties"],
        "survey" => &["score", "survey", "comment"],
        "ticket" => &["ticket", "status", "created_at", "subject"],
        "subscription" => &["subscription", "status", "currency", "amount_major", "quantity", "interval"],
        "account" => &["name", "seats", "created_at"],
        _ => &["name", "role"],
    };
    let fields = ["id", "time", "account", "user", "email"].iter().chain(own).map(|name| ((*name).to_owned(), format!("/{name}").into()));
    let mut map: serde_json::Map<String, serde_json::Value> = fields.collect();
    map.insert("kind".into(), kind.into());
    map.insert("each".into(), "".into());
    let map: MapConfig = serde_json::from_value(map.into()).unwrap();
    JsonHook::new("json", Default::default(), None, &map).unwrap()
}

impl Target {
    /// Takes `bytes`, twice.
    ///
    /// # Panics
    /// Where something that is promised does not hold; that is what a fuzzer looks for.
    pub fn check(self, bytes: &[u8]) {
        let stage = &*STAGE;
        match self {
            Self::Batch => {
                let took = || text(bytes, &stage.config).and_then(|body| segment::prepare(&stage.request(None), body));
                let prepared = alike(took);
                if let Ok(prepared) = prepared {
                    each_is_somewhere(bytes, "batch", &prepared);
                }
            }
            Self::Call => CallKind::ALL.into_iter().for_each(|kind| {
                let _ = alike(|| text(bytes, &stage.config).and_then(|body| segment::prepare(&stage.request(Some(kind)), body)));
            }),
            Self::Hook(name) => stage.hook(name, bytes),
            Self::JsonHook => stage.hook(hooks::JSON, bytes),
            Self::CloudEvent => stage.cloudevent(&content_type("application/cloudevents+json"), bytes),
            Self::CloudEventBatch => stage.cloudevent(&content_type("application/cloudevents-batch+json"), bytes),
            Self::CloudEventBinary => {
                let (headers, data) = headers(bytes);
                stage.cloudevent(&headers, data);
            }
            Self::Rows => {
                let took =
                    || text(bytes, &stage.config).and_then(|body| rows::prepare(body, Some(&stage.key), &stage.keys, NOW, &stage.config));
                let refused = took().map_or(0, |(_, refused)| refused.len());
                if let Ok(prepared) = alike(|| took().map(|(prepared, _)| prepared)) {
                    let sent = length(bytes, "rows");
                    assert!(
                        sent.is_none_or(|sent| prepared.events as usize + refused == sent),
                        "{} taken, {refused} refused",
                        prepared.events
                    );
                }
            }
            Self::Unpack => unpacks(bytes),
        }
    }
}

impl Stage {
    fn request(&self, kind: Option<CallKind>) -> segment::Request<'_> {
        segment::Request {
            kind,
            key: Some(&self.key),
            keys: &self.keys,
            config: &self.config,
            strict: false,
            received_at: NOW,
            content_type: None,
            // What is made up is the same each time.
            made_id: Some("made"),
        }
    }

    fn hook(&self, name: &str, bytes: &[u8]) {
        let (provider, headers) = (hooks::provider(name).unwrap(), content_type("application/json"));
        for source in self.sources.iter().filter(|source| source.provider == name) {
            let scene = HookScene { source, received_at: NOW, config: &self.config };
            let _ = alike(|| text(bytes, &self.config).and_then(|body| hooks::normalised(provider, &scene, &headers, body)));
        }
    }

    fn cloudevent(&self, headers: &HeaderMap, bytes: &[u8]) {
        let request =
            cloudevents::Request { headers, source: "app", key: &self.key, config: &self.config, strict: false, received_at: NOW };
        let _ = alike(|| cloudevents::prepare(&request, bytes));
    }
}

fn content_type(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))])
}

/// What can be a header is one.
fn headers(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let (head, data) = (&bytes[..end], bytes.get(end + 2..).unwrap_or_default());
    let pairs = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    });
    (pairs.collect(), data)
}

/// The same bytes come to the same records, and these are what they should be.
fn alike(take: impl Fn() -> Result<Prepared, Refusal>) -> Result<Prepared, Refusal> {
    let (first, second) = (take(), take());
    match (&first, &second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(records(&first.batch), records(&second.batch), "the same bytes, twice");
            sound(first);
        }
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string(), "the same bytes, twice"),
        (first, second) => panic!("{first:?}, and the second time {second:?}"),
    }
    first
}

fn records(batch: &Batch) -> Vec<(Topic, &[u8], &[u8])> {
    batch.entries().iter().map(|entry| (entry.topic, batch.key(entry), batch.value(entry))).collect()
}

/// Each record can be read by who reads it, and says what it must.
fn sound(prepared: &Prepared) {
    let mut letters = 0;
    for (topic, key, value) in records(&prepared.batch) {
        match topic {
            Topic::DeadLetters => {
                let letter = DeadLetter::decode(value).expect("a dead letter");
                assert!(!letter.reason.is_empty() && letter.tenant.as_deref() == Some(TENANT), "{letter:?}");
                letters += 1;
            }
            Topic::Events | Topic::Unresolved => event(key, value),
            other => panic!("a record in {other:?}"),
        }
    }
    assert_eq!(letters, prepared.dead.len(), "a letter for each that is bad");
}

fn event(key: &[u8], value: &[u8]) {
    let Ok(EventsValue::Event(event)) = decode_events_value(value) else { panic!("no event: {value:?}") };
    let key = Key::parse(key).expect("a key");
    assert!(key.tenant == TENANT && event.tenant == TENANT && !key.id.is_empty(), "{key:?}");
    assert!(!event.message_id.is_empty() && !event.source.is_empty(), "{event:?}");
    let config = &STAGE.config;
    assert!((0..=NOW + config.time.future_s_max as i64 * 1000).contains(&event.occurred_at), "{event:?}");
    assert!(event.properties.is_empty() || serde_json::from_str::<IgnoredAny>(event.properties).is_ok(), "{event:?}");
    assert!(value.len() <= config.limits.event_bytes_max, "{} bytes", value.len());
    let mut again = Vec::new();
    event.encode(&mut again);
    assert_eq!(again, value, "what is read is what was written");
}

/// The length of the list in the body; `None` where there is none, or more than one by that name.
fn length(bytes: &[u8], list: &str) -> Option<usize> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(alias = "rows")]
        batch: Vec<IgnoredAny>,
    }
    let quoted = format!("\"{list}\"");
    let once = memchr::memmem::find_iter(bytes, quoted.as_bytes()).count() == 1;
    once.then(|| serde_json::from_slice::<Body>(bytes).ok().map(|body| body.batch.len())).flatten()
}

/// Each call is an event or a dead letter, and a bad one takes no other down.
fn each_is_somewhere(bytes: &[u8], list: &str, prepared: &Prepared) {
    if let Some(sent) = length(bytes, list) {
        assert_eq!(prepared.events as usize + prepared.dead.len(), sent, "calls of a batch");
    }
}

fn unpacks(bytes: &[u8]) {
    let Some((first, packed)) = bytes.split_first() else { return };
    let encodings = [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd];
    let encoding = encodings[usize::from(*first) % encodings.len()];
    let mut limits = STAGE.config.limits.clone();
    limits.unpacked_bytes_max = UNPACKED_BYTES_MAX;
    let mut hold = Budget::new(limits.in_flight_bytes_max).hold();
    if let Ok(unpacked) = unpack(Bytes::copy_from_slice(packed), encoding, &limits, &mut hold) {
        assert!(unpacked.len() <= UNPACKED_BYTES_MAX, "{} bytes", unpacked.len());
    }
}
