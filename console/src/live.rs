//! Live updates: what a commit of the fold changed, to whoever looks at it.
//!
//! A stream says which customers and alerts changed, and never what they are now: whoever hears it asks again. So a stream may put changes together, and one that fell
//! behind says `all`.
use crate::app::App;
use crate::auth::Caller;
use crate::metrics::METRICS;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// Commits that a stream may be behind before it says `all`.
const COMMITS_BEHIND_MAX: usize = 256;
/// Ids in one message; beyond it the message says `all`.
const IDS_MAX: usize = 500;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What one commit changed, by tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub tenants: BTreeMap<String, TenantChanges>,
}

/// What changed for one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TenantChanges {
    pub customers: BTreeSet<String>,
    pub alerts: BTreeSet<String>,
    /// More changed than is listed: ask again for all that you show.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

impl Changes {
    pub(crate) fn customer(&mut self, tenant: &str, account_id: &str) {
        self.tenant(tenant).customers.insert(account_id.to_owned());
    }

    pub(crate) fn alert(&mut self, tenant: &str, alert_id: &str) {
        self.tenant(tenant).alerts.insert(alert_id.to_owned());
    }

    fn tenant(&mut self, tenant: &str) -> &mut TenantChanges {
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.to_owned(), TenantChanges::default());
        }
        self.tenants.entry(tenant.to_owned()).or_default()
    }
}

impl TenantChanges {
    fn is_empty(&self) -> bool {
        !self.all && self.customers.is_empty() && self.alerts.is_empty()
    }

    fn add(&mut self, other: &Self) {
        self.all |= other.all;
        self.customers.extend(other.customers.iter().cloned());
        self.alerts.extend(other.alerts.iter().cloned());
        if self.customers.len() + self.alerts.len() > IDS_MAX {
            *self = Self { all: true, ..Self::default() };
        }
    }
}

/// Where the fold says what it changed.
#[derive(Debug)]
pub(crate) struct Live {
    sender: broadcast::Sender<Arc<Changes>>,
    streams: Arc<Semaphore>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Live {
    pub(crate) fn new(streams_max: usize) -> Self {
        Self {
            sender: broadcast::Sender::new(COMMITS_BEHIND_MAX),
            streams: Arc::new(Semaphore::new(streams_max)),
            stop: tokio::sync::watch::Sender::new(false),
        }
    }

    pub(crate) fn publish(&self, changes: Changes) {
        if !changes.tenants.is_empty() {
            // Nobody listening is no error.
            let _ = self.sender.send(Arc::new(changes));
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.sender.subscribe()
    }

    /// Ends all streams, so that they do not hold up a drain.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// One open stream.
struct Listener {
    tenant: Arc<str>,
    receiver: broadcast::Receiver<Arc<Changes>>,
    stop: tokio::sync::watch::Receiver<bool>,
    pause: Duration,
    greeted: bool,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Listener {
    fn drop(&mut self) {
        METRICS.streams.dec();
    }
}

/// `GET /events`.
pub(crate) async fn events(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Response {
    let Ok(permit) = app.live.streams.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "30")], "too many streams of live updates are open").into_response();
    };
    METRICS.streams.inc();
    let listener = Listener {
        tenant: caller.tenant.clone(),
        receiver: app.live.subscribe(),
        stop: app.live.stop.subscribe(),
        pause: Duration::from_millis(app.limits.stream_pause_ms),
        greeted: false,
        _permit: permit,
    };
    Sse::new(stream(listener)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

fn stream(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(listener, |mut listener| async move {
        if !listener.greeted {
            // Says at once that the stream stands, so that a page that was cut off knows to look again.
            listener.greeted = true;
            return Some((Ok(Event::default().event("ready").data("{}")), listener));
        }
        let changes = listener.next().await?;
        let event = Event::default().data(serde_json::to_string(&changes).unwrap_or_default());
        Some((Ok(event), listener))
    })
}

impl Listener {
    /// The next changes of the tenant, put together over the pause; `None` at the end.
    async fn next(&mut self) -> Option<TenantChanges> {
        let mut changes = TenantChanges::default();
        while changes.is_empty() {
            self.receive(&mut changes).await?;
        }
        let pause = tokio::time::sleep(self.pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return Some(changes),
                received = self.receive(&mut changes) => received?,
            }
        }
    }

    async fn receive(&mut self, changes: &mut TenantChanges) -> Option<()> {
        let received = tokio::select! {
            received = self.receiver.recv() => received,
            _ = self.stop.wait_for(|stop| *stop) => return None,
        };
        match received {
            Ok(commit) => {
                if let Some(mine) = commit.tenants.get(&*self.tenant) {
                    changes.add(mine);
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => changes.all = true,
            Err(broadcast::error::RecvError::Closed) => return None,
        }
        Some(())
    }
}
