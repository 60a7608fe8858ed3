//! Where webhooks go: it remembers each request, and refuses some, so that they must come again.
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Each request of this number is refused.
const REFUSED: u64 = 17;

/// What came under one `webhook-id`.
#[derive(Clone, Debug, Default)]
pub struct Got {
    pub taken: u64,
    pub bodies: BTreeSet<Vec<u8>>,
}

#[derive(Default)]
struct Seen {
    requests: u64,
    by_id: BTreeMap<String, Got>,
}

/// Listens until it is dropped.
pub struct Receiver {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let app = Router::new().route("/alerts", post(receive)).with_state(Arc::clone(&seen));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, seen, _runtime: runtime }
    }

    pub fn got(&self) -> BTreeMap<String, Got> {
        self.seen.lock().unwrap().by_id.clone()
    }
}

async fn receive(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or("without an id").to_owned();
    let mut seen = seen.lock().unwrap();
    seen.requests += 1;
    let refused = seen.requests % REFUSED == 0;
    let got = seen.by_id.entry(id).or_default();
    got.bodies.insert(body.to_vec());
    if refused {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    got.taken += 1;
    StatusCode::OK
}
