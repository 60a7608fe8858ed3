//! One connection, from its first byte to its end.
use super::PortOptions;
use super::answered::Answered;
use super::deadline::Deadline;
use super::metrics::{self, Closed, Open};
use super::refuse::TOLD_MAX;
use super::timed::{Patience, Phase, Timed};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use c360_ingest::OverTls;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A peer of an HTTP/2 connection is asked so often whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A request's head with all its fields.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What all connections of a port share.
pub(super) struct Port {
    pub(super) options: PortOptions,
    /// Seats for connections that are being told that there are too many.
    pub(super) told: Arc<Semaphore>,
    app: Router,
    patience: Patience,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    stop: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

impl Port {
    pub(super) fn new(app: Router, options: PortOptions, stop: CancellationToken) -> Self {
        metrics::touch(options.name);
        let seconds = Duration::from_secs;
        let config = &options.config;
        let patience = Patience { head: seconds(config.head_s_max), idle: seconds(config.idle_s_max), write: seconds(config.write_s_max) };
        let mut http1 = http1::Builder::new();
        // Heads stand under the clock of `timed`; hyper's would cost a timer for each request.
        http1.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .max_concurrent_streams(config.streams_max)
            .max_header_list_size(HEAD_BYTES_MAX as u32);
        Self { options, told: Arc::new(Semaphore::new(TOLD_MAX)), app, patience, http1, http2, stop }
    }

    /// Serves one connection to its end. What breaks it is the peer's affair.
    pub(super) async fn run(&self, stream: TcpStream, watcher: Watcher) {
        let _open = Open::new(self.options.name);
        let _ = stream.set_nodelay(true);
        let head_by = Instant::now() + self.patience.head;
        match &self.options.tls {
            Some(tls) => {
                let handshake = self.in_time(head_by, TlsAcceptor::from(tls.current()).accept(stream));
                let Some(stream) = handshake.await.unwrap_or_else(|_| self.failed_handshake()) else { return };
                let version = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Version::Http2 } else { Version::Http1 };
                self.serve(stream, version, Bytes::new(), head_by, watcher).await;
            }
            None => {
                let mut stream = stream;
                let Ok(Some((version, seen))) = self.in_time(head_by, sniff(&mut stream)).await else { return };
                self.serve(stream, version, seen, head_by, watcher).await;
            }
        }
    }

    /// `None` where time ran out or the port stops.
    async fn in_time<T>(&self, deadline: Instant, step: impl Future<Output = io::Result<T>>) -> io::Result<Option<T>> {
        tokio::select! {
            result = tokio::time::timeout_at(deadline, step) => match result {
                Ok(result) => result.map(Some),
                Err(_) => {
                    metrics::closed(self.options.name, Closed::Head);
                    Ok(None)
                }
            },
            () = self.stop.cancelled() => Ok(None),
        }
    }

    fn failed_handshake<T>(&self) -> Option<T> {
        metrics::closed(self.options.name, Closed::Tls);
        None
    }

    async fn serve<S>(&self, stream: S, version: Version, seen: Bytes, head_by: Instant, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The streams of HTTP/2 have clocks of their own: its pings, and those of bodies.
        let phase = if version == Version::Http1 { Phase::head() } else { Phase::busy() };
        let timed = TokioIo::new(Timed::new(stream, seen, phase.clone(), head_by, self.patience, self.options.name));
        let service = self.service((version == Version::Http1).then_some(phase));
        let _ = match version {
            Version::Http1 => watcher.watch(self.http1.serve_connection(timed, service)).await,
            Version::Http2 => watcher.watch(self.http2.serve_connection(timed, service)).await,
        };
    }

    fn service(
        &self,
        phase: Option<Phase>,
    ) -> impl Service<Request<Incoming>, Response = Response<Answered>, Error = Infallible, Future: Send + 'static> + use<> {
        let (app, over_tls) = (self.app.clone(), self.options.tls.is_some());
        let body_within = self.options.bodies_timed.then(|| Duration::from_secs(self.options.config.body_s_max));
        service_fn(move |mut request: Request<Incoming>| {
            if let Some(phase) = &phase {
                phase.begin();
            }
            if over_tls {
                request.extensions_mut().insert(OverTls);
            }
            let request = request.map(|body| match body_within {
                Some(within) => Body::new(Deadline::new(body, within)),
                None => Body::new(body),
            });
            let (answer, phase) = (tower::Service::call(&mut app.clone(), request), phase.clone());
            async move { answer.await.map(|answer| answer.map(|body| Answered::new(body, phase))) }
        })
    }
}

/// Reads as much as is needed to know the protocol, and gives it back with that.
async fn sniff(stream: &mut TcpStream) -> io::Result<(Version, Bytes)> {
    let mut seen = [0; PREFACE.len()];
    let mut len = 0;
    while len < PREFACE.len() && seen[..len] == PREFACE[..len] {
        match stream.read(&mut seen[len..]).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            more => len += more,
        }
    }
    let version = if seen[..len] == PREFACE[..] { Version::Http2 } else { Version::Http1 };
    Ok((version, Bytes::copy_from_slice(&seen[..len])))
}
