//! What all requests share, and the steps that they have in common: read, unpack, prepare, append.
use crate::auth::{Charge, WriteKeys};
use crate::bad::{Bad, Reason};
use crate::body;
use crate::budget::Budget;
use crate::config::IngestConfig;
use crate::dead_letter::{Origin, bury};
use crate::depth::is_deeper;
use crate::error::Refusal;
use crate::metrics::{EventOutcome, METRICS};
use crate::outlet::Outlet;
use crate::sources::Sources;
use crate::unpack::{Encoding, unpack};
use axum::body::Body;
use bytes::Bytes;
use c360_log::{Batch, Clock, Log};
use http::HeaderMap;
use parking_lot::RwLock;
use std::sync::Arc;
use tracing::warn;

/// What a byte of a packed body may cost, in bytes of a plain one.
const PACKED_FACTOR: usize = 16;

/// The ingest stage. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: IngestConfig,
    pub(crate) clock: Clock,
    access: RwLock<Arc<Access>>,
    budget: Budget,
    log: Arc<dyn Log>,
}

/// Who may send.
pub(crate) struct Access {
    pub(crate) keys: WriteKeys,
    pub(crate) sources: Sources,
}

/// The records of one request, before the log has them.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) batch: Batch,
    /// Events that were good.
    pub(crate) events: u64,
    pub(crate) clamped: u64,
    /// Events of a type that we do not use.
    pub(crate) ignored: u64,
    /// Reasons of those that were not.
    pub(crate) dead: Vec<Reason>,
    /// Given back where the log does not take it.
    pub(crate) charge: Charge,
}

impl Prepared {
    pub(crate) fn new(outlet: Outlet, events: u64) -> Self {
        Self { clamped: outlet.clamped, batch: outlet.batch, events, ignored: 0, dead: Vec::new(), charge: Charge::default() }
    }

    /// Adds a dead letter.
    pub(crate) fn bury(&mut self, origin: &Origin<'_>, path: &str, original: &[u8], bad: &Bad) {
        bury(&mut self.batch, origin, path, original, bad);
        self.dead.push(bad.reason);
    }
}

impl Ingest {
    /// An ingest stage that writes into `log`, and takes its time from `clock`.
    pub fn new(config: IngestConfig, keys: WriteKeys, sources: Sources, log: Arc<dyn Log>, clock: Clock) -> Self {
        METRICS.touch();
        let budget = Budget::new(config.limits.in_flight_bytes_max);
        let access = RwLock::new(Arc::new(Access { keys, sources }));
        Self { shared: Arc::new(Shared { config, clock, access, budget, log }) }
    }

    /// Puts other keys and sources in force, for the requests that come from now on.
    pub fn reload(&self, mut keys: WriteKeys, sources: Sources) {
        let mut access = self.shared.access.write();
        keys.keep_quotas(&access.keys);
        *access = Arc::new(Access { keys, sources });
    }
}

impl Shared {
    pub(crate) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read())
    }

    /// Reads a body and hands its bytes, as sent and how they are packed, to `work`; on a thread of its own where that may take long.
    pub(crate) async fn read_and<T: Send + 'static>(
        self: &Arc<Self>,
        body: Body,
        headers: &HeaderMap,
        work: impl FnOnce(&Shared, Incoming) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let encoding = Encoding::of(headers)?;
        let mut hold = self.budget.hold();
        let sent = body::read(body, headers, &self.config.limits, &mut hold).await?;
        let cost = if encoding == Encoding::Identity { sent.len() } else { sent.len().saturating_mul(PACKED_FACTOR) };
        let incoming = Incoming { sent, encoding, hold };
        if cost <= self.config.limits.inline_bytes_max {
            return work(self, incoming);
        }
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&shared, incoming)).await.unwrap_or(Err(Refusal::Internal))
    }

    /// Appends what a request became; returns when the log has acknowledged it.
    pub(crate) async fn append(&self, prepared: Prepared) -> Result<(), Refusal> {
        let Prepared { batch, events, clamped, ignored, dead, charge } = prepared;
        if !batch.is_empty()
            && let Err(error) = self.log.append(batch).await
        {
            METRICS.events(EventOutcome::Unacknowledged, events + dead.len() as u64);
            charge.give_back();
            warn!(%error, events, "the log did not take a request; its sender was told to try again");
            return Err(error.into());
        }
        METRICS.events(EventOutcome::Accepted, events);
        METRICS.events(EventOutcome::Ignored, ignored);
        METRICS.events(EventOutcome::DeadLetter, dead.len() as u64);
        METRICS.clamped(clamped);
        dead.iter().for_each(|reason| METRICS.dead_letter(*reason));
        Ok(())
    }
}

/// A body as it was sent, and the part of the budget that it holds.
pub(crate) struct Incoming {
    pub(crate) sent: Bytes,
    encoding: Encoding,
    hold: crate::budget::Hold,
}

impl Incoming {
    /// The unpacked body.
    pub(crate) fn unpacked(&mut self, config: &IngestConfig) -> Result<Bytes, Refusal> {
        unpack(self.sent.clone(), self.encoding, &config.limits, &mut self.hold)
    }
}

/// A body as text that is not nested too deep.
pub(crate) fn text<'a>(body: &'a [u8], config: &IngestConfig) -> Result<&'a str, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::InvalidUtf8)?;
    let depth_max = config.limits.json_depth_max;
    if is_deeper(text, depth_max) {
        return Err(Refusal::TooDeep(depth_max));
    }
    Ok(text)
}
