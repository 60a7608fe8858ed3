//! A client that costs little: requests that are rendered before, over connections that stay open.
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Times of requests.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// In milliseconds; 0 where there are none.
    pub(crate) fn quantile_ms(&mut self, quantile: f64) -> f64 {
        self.0.sort_unstable();
        let index = ((self.0.len() as f64 * quantile) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The request that posts `body`.
pub(crate) fn request(body: &Bytes) -> Bytes {
    let head = format!(
        "POST /v1/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-write-key: {}\r\ncontent-length: {}\r\n\r\n",
        super::WRITE_KEY,
        body.len()
    );
    [head.as_bytes(), body].concat().into()
}

pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, answer: vec![0; 16 << 10] }
    }

    /// From an address of one's own.
    pub(crate) async fn open_from(from: &str, address: &str) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        Self { stream, answer: vec![0; 1024] }
    }

    /// Sends a request and reads its answer; the status.
    pub(crate) async fn send(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        let mut len = 0;
        loop {
            let more = self.stream.read(&mut self.answer[len..]).await.unwrap();
            assert!(more > 0, "the server closed a connection");
            len += more;
            if let Some((status, whole)) = parse(&self.answer[..len]) {
                assert!(whole >= len, "an answer to nothing");
                if whole == len {
                    return status;
                }
            }
        }
    }
}

/// Status and length of an answer whose head is there.
fn parse(answer: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?.0;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap()));
    Some((head.split(' ').nth(1)?.parse().ok()?, head.len() + 4 + length.unwrap_or(0_usize)))
}

/// Posts all requests over so many connections, each as soon as the one before it is answered; 429 is tried again.
pub(crate) async fn flood(address: &str, requests: Arc<Vec<Bytes>>, connections: usize) -> Times {
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (next, requests, mut connection) = (Arc::clone(&next), Arc::clone(&requests), Connection::open(address).await);
        senders.spawn(async move {
            let mut times = Vec::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let began = Instant::now();
                while connection.send(request).await != 200 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                times.push(began.elapsed());
            }
            times
        });
    }
    Times(senders.join_all().await.into_iter().flatten().collect())
}

/// Posts requests one after another at a fixed pace for so long, over so many connections; the time counts from when a request was due.
pub(crate) async fn pace(address: &str, requests: Arc<Vec<Bytes>>, connections: usize, per_s: usize, lasts: Duration) -> Times {
    let every = Duration::from_secs_f64(connections as f64 / per_s as f64);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..connections {
        let (requests, mut connection) = (Arc::clone(&requests), Connection::open(address).await);
        senders.spawn(async move {
            let mut times = Vec::new();
            let began = Instant::now() + every * sender as u32 / connections as u32;
            for n in 0..(lasts.as_secs_f64() / every.as_secs_f64()) as u32 {
                let due = began + every * n;
                tokio::time::sleep_until(due.into()).await;
                let request = &requests[(sender + n as usize * connections) % requests.len()];
                assert_eq!(connection.send(request).await, 200);
                times.push(due.elapsed());
            }
            times
        });
    }
    Times(senders.join_all().await.into_iter().flatten().collect())
}
