//! A receiver that answers as it is told, byte for byte.
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) at: Instant,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the receiver does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// Status and further headers, each with its line end.
    With(u16, String),
    Body(u16, &'static str),
    /// Answers only after so long.
    Slow(Duration),
    /// Never answers.
    Hang,
    /// A byte every 20 ms, without end.
    Drip,
    /// As many bytes as the sender takes.
    Endless,
    /// Closes without a word.
    Reset,
}

/// A server on a port of its own. Its script gets the number of the request, from 0, and the request.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// Bytes of endless answers that went out.
    sent: Arc<Mutex<usize>>,
}

impl Receiver {
    pub(crate) async fn start(script: impl Fn(usize, &Got) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (got, sent, script) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)), Arc::new(script));
        let (g, s) = (Arc::clone(&got), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (got, sent, script) = (Arc::clone(&g), Arc::clone(&s), Arc::clone(&script));
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    let number = {
                        let mut got = got.lock();
                        got.push(request.clone());
                        got.len() - 1
                    };
                    answer(stream, script(number, &request), &sent).await;
                });
            }
        });
        Self { url, got, sent }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.got.lock().len()
    }

    pub(crate) fn bytes_sent(&self) -> usize {
        *self.sent.lock()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let headers: HashMap<String, String> =
                head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_lowercase(), v.to_owned())).collect();
            let len: usize = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
            if bytes.len() >= end + 4 + len {
                let body = String::from_utf8(bytes[end + 4..end + 4 + len].to_vec()).unwrap();
                return Some(Got { at: Instant::now(), headers, body });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn answer(mut stream: TcpStream, reply: Reply, sent: &Mutex<usize>) {
    let head = |status: u16, headers: &str, body: &str| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
    };
    let text = match reply {
        Reply::Status(status) => head(status, "", "ok"),
        Reply::With(status, headers) => head(status, &headers, "no"),
        Reply::Body(status, body) => head(status, "", body),
        Reply::Slow(wait) => {
            tokio::time::sleep(wait).await;
            head(200, "", "ok")
        }
        Reply::Hang => std::future::pending().await,
        Reply::Reset => return,
        Reply::Drip => return flood(stream, b"x", Duration::from_millis(20), sent).await,
        Reply::Endless => return flood(stream, &[b'x'; 4096], Duration::ZERO, sent).await,
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn flood(mut stream: TcpStream, piece: &[u8], every: Duration, sent: &Mutex<usize>) {
    if stream.write_all(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n").await.is_err() {
        return;
    }
    while stream.write_all(piece).await.is_ok() {
        *sent.lock() += piece.len();
        if !every.is_zero() {
            tokio::time::sleep(every).await;
        }
    }
}
