//! Listening: one accept loop for both ports, with a timer on request heads and bodies, a bound on connections, and an end that lets requests finish.
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A request's head must be there within this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A request's body must be there within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections at a time, for each port.
const CONNECTIONS_MAX: usize = 10_000;
/// How long requests under way may take to finish once it stops.
const FINISH_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: the usual cause is that file handles ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds a port.
///
/// # Errors
/// Where it is taken, saying which.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}: is another c360 running?"))
}

/// Serves `app` until `stop`, then lets requests under way finish.
pub(crate) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30)).max_concurrent_streams(200);
    let builder = Arc::new(builder);
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = connection(&builder, stream, app.clone());
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // Broken connections are the peer's affair.
            let _ = watched.await;
            drop(seat);
        });
    }
    drop(listener);
    if tokio::time::timeout(FINISH_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

fn connection(
    builder: &Arc<Builder<TokioExecutor>>,
    stream: TcpStream,
    app: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let request = request.map(|body| Body::new(Deadline { inner: body, sleep: Box::pin(tokio::time::sleep(BODY_TIMEOUT)) }));
        app.clone().oneshot(request)
    });
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

/// A body that must end before its time is up.
struct Deadline {
    inner: Incoming,
    sleep: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Deadline {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        match self.sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut))))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
