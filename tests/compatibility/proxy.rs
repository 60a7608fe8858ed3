//! What stands between a client and c360 and does one fault: to the first request that carries events. Everything else, and all that comes after, goes through as it is.
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What happens to the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It is answered so, in c360's place and words.
    Answer(u16),
    /// c360 takes it, and the connection breaks before the client hears of it.
    Dropped,
}

pub const FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::Answer(400),
    Fault::Answer(401),
    Fault::Answer(413),
    Fault::Answer(429),
    Fault::Answer(500),
    Fault::Answer(503),
    Fault::Dropped,
];

/// In the `Retry-After` of a 429.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Fault {
    /// In names of accounts.
    pub fn slug(self) -> String {
        match self {
            Self::None => "ok".into(),
            Self::Answer(status) => status.to_string(),
            Self::Dropped => "dropped".into(),
        }
    }
}

/// One client's way to c360, on a port of its own. It ends with the runtime.
pub struct Proxy {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What came by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Requests that carried events.
    pub posts: usize,
    /// From the fault to the next request.
    pub waited: Option<Duration>,
    struck_at: Option<Instant>,
}

struct Way {
    fault: Fault,
    /// Of c360.
    target: String,
    seen: Arc<Mutex<Seen>>,
    client: reqwest::Client,
}

impl Proxy {
    /// `target` is c360's public address, `http://host:port`.
    pub async fn start(fault: Fault, target: String, client: reqwest::Client) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::default());
        let way = Arc::new(Way { fault, target, seen: Arc::clone(&seen), client });
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let way = Arc::clone(&way);
                let service = service_fn(move |request| {
                    let way = Arc::clone(&way);
                    async move { way.pass(request).await }
                });
                // An error is the fault itself, or a client that went.
                connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }
}

impl Way {
    /// An error breaks the connection.
    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let strikes = request.method() == Method::POST && self.strikes();
        match self.fault {
            Fault::Answer(status) if strikes => {
                // A client may hang up on an answer that comes before it has sent all.
                request.into_body().collect().await.map_err(io::Error::other)?;
                Ok(refusal(status, origin))
            }
            fault => {
                let response = self.forward(request).await?;
                if strikes && fault == Fault::Dropped {
                    assert_eq!(response.status(), StatusCode::OK, "c360 took it");
                    return Err(io::Error::other("dropped"));
                }
                Ok(response)
            }
        }
    }

    /// Counts a request that carries events; whether the fault is for it.
    fn strikes(&self) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.posts += 1;
        if seen.posts == 1 {
            seen.struck_at = Some(Instant::now());
        } else if seen.waited.is_none() {
            seen.waited = seen.struck_at.map(|at| at.elapsed());
        }
        seen.posts == 1
    }

    async fn forward(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        // The host stays as the client named it: c360's answers name it too.
        let request = self.client.request(head.method, format!("{}{path}", self.target)).headers(end_to_end(head.headers)).body(body);
        let answer = request.send().await.map_err(io::Error::other)?;
        let mut response = Response::builder().status(answer.status());
        *response.headers_mut().unwrap() = end_to_end(answer.headers().clone());
        let body = answer.bytes().await.map_err(io::Error::other)?;
        response.body(Full::new(body)).map_err(io::Error::other)
    }
}

/// Without what is of one connection only.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(name);
    }
    headers
}

/// As c360 refuses: `code` and `message`, readable for the browser's scripts too.
fn refusal(status: u16, origin: Option<HeaderValue>) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"code": "planted_fault", "message": "a fault of the tests' own"}).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    }
    if status == 429 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER.as_secs()));
    }
    response
}
