//! Listening: one accept loop for each port, a bound on its connections, and an end that lets requests finish.
//!
//! A connection's way: `connection` (TLS, HTTP/1.1 or 2) → `timed` (a clock on what it reads and writes) → the router. Nothing that a peer does or leaves undone holds more than its own
//! connection: each stands under a clock from the moment that it is accepted.
mod answered;
mod config;
mod connection;
mod deadline;
mod metrics;
mod refuse;
mod timed;
mod tls;

pub(crate) use config::HttpConfig;
pub(crate) use tls::{Tls, TlsFiles};

use anyhow::Context;
use axum::Router;
use connection::Port;
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Pause after a failed accept: the usual cause is that file handles ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// File handles that are not for connections: the log's and the state's files.
const HANDLES_KEPT: u64 = 1_024;
/// However few handles there are.
const CONNECTIONS_MIN: usize = 64;

/// Binds a port.
///
/// # Errors
/// Where it is taken, saying which.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}: is another c360 running?"))
}

/// What a port is told besides its routes.
#[derive(Clone)]
pub(crate) struct PortOptions {
    /// `public` or `private`: the metric's label.
    pub(crate) name: &'static str,
    pub(crate) config: HttpConfig,
    /// Its share of the file handles where there are not enough for all.
    pub(crate) eighths: u64,
    pub(crate) tls: Option<Arc<Tls>>,
    /// Whether bodies stand under a clock here; whoever reads them may have one of its own.
    pub(crate) bodies_timed: bool,
}

/// Serves `app` until `stop`, then lets requests under way finish.
pub(crate) async fn serve(listener: TcpListener, app: Router, options: PortOptions, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let finish = Duration::from_secs(options.config.finish_s_max);
    let seats = Arc::new(Semaphore::new(seats(&options)));
    let port = Arc::new(Port::new(app, options, stop.clone()));
    while let Some(stream) = next(&listener, &stop).await {
        match Arc::clone(&seats).try_acquire_owned() {
            Ok(seat) => {
                let (port, watcher) = (Arc::clone(&port), graceful.watcher());
                tokio::spawn(async move {
                    port.run(stream, watcher).await;
                    drop(seat);
                });
            }
            Err(_) => port.refuse(stream),
        }
    }
    drop(listener);
    if tokio::time::timeout(finish, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// The next connection; `None` once it is to stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How many connections there may be: as set, or as many as there are file handles for.
fn seats(options: &PortOptions) -> usize {
    let wanted = options.config.connections_max;
    let handles = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX).saturating_sub(HANDLES_KEPT);
    let room = usize::try_from(handles / 8 * options.eighths).unwrap_or(usize::MAX).max(CONNECTIONS_MIN);
    if room < wanted {
        tracing::info!(port = options.name, wanted, room, "fewer connections than set: raise the limit on open files for more");
    }
    wanted.min(room)
}

/// As many file handles as the machine lets us have: where it starts us with 1,024, they would be gone before the connections that are allowed.
pub(crate) fn raise_handles() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
}
