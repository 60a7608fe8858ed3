//! Events a second from HTTP to the aggregate through the embedded log, all in one process, beside a bare axum handler that parses the same bodies and keeps nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and breaks loudly")]
#[path = "support/mod.rs"]
mod support;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use reqwest::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Cpu, env_number, print_row, track_batch};

const CONNECTIONS: usize = 16;
const BATCH: usize = 100;

/// Posts all bodies over `CONNECTIONS` connections.
async fn load(url: &str, bodies: Arc<Vec<Bytes>>) {
    let next = Arc::new(AtomicUsize::new(0));
    let client = Client::builder().no_proxy().pool_max_idle_per_host(CONNECTIONS).build().unwrap();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, bodies, client, url) = (Arc::clone(&next), Arc::clone(&bodies), client.clone(), url.to_owned());
        senders.spawn(async move {
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                loop {
                    let answer = client.post(&url).basic_auth(support::WRITE_KEY, Some("")).body(body.clone()).send().await.unwrap();
                    if answer.status() == 200 {
                        answer.bytes().await.unwrap();
                        break;
                    }
                    assert_eq!(answer.status(), 429, "{:?}", answer.text().await);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
    }
    senders.join_all().await;
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let events = env_number("EVENTS", 1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bodies: Arc<Vec<Bytes>> = Arc::new((0..events / BATCH).map(|n| track_batch(n, BATCH)).collect());
    println!("{events} track events in batches of {BATCH}, {CONNECTIONS} connections");

    let baseline = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/batch", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/batch", post(support::bare::handle))).await });
        let started = Instant::now();
        load(&url, Arc::clone(&bodies)).await;
        events as f64 / started.elapsed().as_secs_f64()
    });
    print_row("bare handler (load and server in one process)", &[("events/s", baseline)]);

    let server = support::Server::up(&[]);
    let url = server.url("/v1/batch");
    let (started, cpu) = (Instant::now(), Cpu::of(server.pid()));
    runtime.block_on(load(&url, Arc::clone(&bodies)));
    let acknowledged = started.elapsed();
    server.wait_for_metric("c360_processor_records_total{machine=\"aggregate\"}", events as f64);
    let (folded, cpu) = (started.elapsed(), Cpu::of(server.pid()) - cpu);
    let rate = events as f64 / folded.as_secs_f64();
    print_row(
        "c360 up, embedded log, HTTP to aggregate",
        &[
            ("events/s", rate),
            ("acknowledged/s", events as f64 / acknowledged.as_secs_f64()),
            ("events per CPU-second", events as f64 / cpu),
            ("of the bare handler's rate", rate / baseline),
            ("peak MB", server.peak_mb()),
        ],
    );
}
