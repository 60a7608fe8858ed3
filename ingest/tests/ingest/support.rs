//! A log in memory, and a client without a network.
use axum::Router;
use axum::body::Body;
use c360_ingest::{Ingest, IngestConfig, Secret, Source, Sources, WriteKey, WriteKeys, app};
use c360_log::{Appended, Batch, Bounds, Clock, ClockSpec, Consumed, Log, LogError, Member, MemberSpec, Reader};
use c360_schemas::{DeadLetter, Event, Topic, Wire};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tower::ServiceExt;

/// 2026-11-22T10:00:00Z.
pub(crate) const NOW: i64 = 1_795_341_600_000;
pub(crate) const KEY: &str = "wk_test";
/// Name, provider and secret of each source.
pub(crate) const SOURCES: [(&str, &str, &str); 7] = [
    ("stripe-eu", "stripe", "whsec_test"),
    ("zd", "zendesk", "zd_test"),
    ("ic", "intercom", "ic_test"),
    ("cb", "chargebee", "cb_user:cb_password"),
    ("hs", "hubspot", "hs_test"),
    ("fd", "freshdesk", "fd_user:fd_password"),
    ("del", "delighted", "del_test"),
];

/// Keeps batches; refuses or waits on demand.
pub(crate) struct FakeLog {
    batches: Mutex<Vec<Batch>>,
    error: Mutex<Option<LogError>>,
    open: watch::Sender<bool>,
}

impl Log for FakeLog {
    fn partitions(&self) -> u32 {
        8
    }

    fn append(&self, batch: Batch) -> BoxFuture<'static, Result<Vec<Appended>, LogError>> {
        if let Some(error) = self.error.lock().unwrap().clone() {
            return async { Err(error) }.boxed();
        }
        let appended = batch.entries().iter().map(|e| Appended { topic: e.topic, partition: 0, offset: 0 }).collect();
        self.batches.lock().unwrap().push(batch);
        let mut open = self.open.subscribe();
        async move {
            open.wait_for(|open| *open).await.unwrap();
            Ok(appended)
        }
        .boxed()
    }

    fn member(&self, _: &MemberSpec) -> Result<Box<dyn Member>, LogError> {
        Err(LogError::Setup("there are no members of this log".into()))
    }

    fn reader(&self, _: &[Topic], _: &[(Topic, u32, u64)]) -> Result<Box<dyn Reader>, LogError> {
        Err(LogError::Setup("there are no readers of this log".into()))
    }

    fn standing(&self, _: &str, _: Topic) -> Result<Vec<Option<Consumed>>, LogError> {
        Ok(Vec::new())
    }

    fn bounds(&self, _: Topic) -> Result<Vec<Bounds>, LogError> {
        Ok(Vec::new())
    }

    fn healthy(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// One record of the log.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) topic: Topic,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Kept {
    pub(crate) fn event(&self) -> Event<'_> {
        Event::decode(&self.value).unwrap()
    }

    pub(crate) fn dead_letter(&self) -> DeadLetter {
        assert_eq!(self.topic, Topic::DeadLetters);
        DeadLetter::decode(&self.value).unwrap()
    }
}

/// Ingest as a whole.
pub(crate) struct Bench {
    pub(crate) app: Router,
    pub(crate) ingest: Ingest,
    log: Arc<FakeLog>,
}

/// What a client hears.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        assert!(self.body["message"].is_string(), "{self:?}");
        self.body["code"].as_str().unwrap_or_default()
    }
}

pub(crate) fn keys() -> WriteKeys {
    WriteKeys::new([WriteKey::of("t1", "api", KEY)]).unwrap()
}

pub(crate) fn sources() -> Sources {
    let source = |name, provider, secret| Source::new(name, provider, "t1", [Secret::new(secret)]);
    Sources::new(SOURCES.map(|(name, provider, secret)| source(name, provider, secret))).unwrap()
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(IngestConfig::default())
    }

    pub(crate) fn with(config: IngestConfig) -> Self {
        Self::with_keys(config, keys())
    }

    pub(crate) fn with_keys(config: IngestConfig, keys: WriteKeys) -> Self {
        let log = Arc::new(FakeLog { batches: Mutex::default(), error: Mutex::default(), open: watch::Sender::new(true) });
        let clock = Clock::manual(ClockSpec { start: NOW, rate: 0.0 });
        let ingest = Ingest::new(config, keys, sources(), log.clone(), clock);
        Self { app: app(ingest.clone()), ingest, log }
    }

    /// From now on the log refuses with `error`.
    pub(crate) fn break_log(&self, error: LogError) {
        *self.log.error.lock().unwrap() = Some(error);
    }

    pub(crate) fn mend_log(&self) {
        *self.log.error.lock().unwrap() = None;
    }

    /// Whether the log acknowledges what it is given.
    pub(crate) fn acknowledge(&self, open: bool) {
        self.log.open.send_replace(open);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A call with the key in its header.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Answer {
        self.post(path, &[("x-write-key", KEY)], body.to_string()).await
    }

    /// All records that the log was given since the last look.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let batches = std::mem::take(&mut *self.log.batches.lock().unwrap());
        let records = batches.iter().flat_map(|batch| {
            batch.entries().iter().map(|entry| Kept {
                topic: entry.topic,
                key: text(batch.key(entry)),
                value: batch.value(entry).to_vec(),
                headers: batch.headers(entry).iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            })
        });
        records.collect()
    }

    /// How many appends the log was given since the last look.
    pub(crate) fn appends(&self) -> usize {
        self.log.batches.lock().unwrap().len()
    }

    /// Takes a good call and gives the one record of it.
    pub(crate) async fn one(&self, path: &str, body: &Value) -> Kept {
        let answer = self.call(path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut kept = self.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept.remove(0)
    }
}
