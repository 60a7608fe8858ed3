//! The baseline of ingest: an axum handler, in a process of its own, that does a typed, borrowed parse of a batch and keeps nothing.
use super::free_port;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a typed parse of a batch costs at least: borrowed strings, properties left raw.
#[derive(Deserialize)]
pub(crate) struct BareBatch<'a> {
    #[serde(borrow)]
    pub(crate) batch: Vec<BareCall<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BareCall<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    properties: &'a RawValue,
    #[serde(borrow)]
    context: &'a RawValue,
}

pub(crate) async fn handle(body: Bytes) -> &'static str {
    let batch: BareBatch<'_> = serde_json::from_slice(&body).unwrap();
    std::hint::black_box(&batch.batch);
    "{\"success\":true}"
}

/// Serves until it is killed; see [`Bare`].
pub(crate) fn serve(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        axum::serve(listener, Router::new().route("/v1/batch", post(handle))).await.unwrap();
    });
}

/// The benchmark's own binary, started again as the bare handler.
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: String,
}

impl Bare {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command.env("BENCH_BARE", port.to_string()).stdin(Stdio::null()).spawn().unwrap();
        let bare = Self { child, address: format!("127.0.0.1:{port}") };
        let started = Instant::now();
        while TcpStream::connect(&bare.address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "the bare handler does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        bare
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
