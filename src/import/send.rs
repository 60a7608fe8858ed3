//! Sends rows, several requests at a time, and moves the progress on in the file's order once c360 has acknowledged them.
use super::prepare::{Preparer, Ready};
use super::progress::{Progress, ProgressFile};
use super::read::Raw;
use super::refused::{RefusedFile, Why};
use crate::remote::{self, Failure};
use anyhow::{Context, bail};
use futures::{StreamExt, stream};
use indicatif::ProgressBar;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

const PATH: &str = "/v1/import/rows";
/// Rows in one request.
const REQUEST_ROWS_MAX: usize = 2_000;
/// About so many bytes in one request: well below what the server takes.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Requests under way; so many more are ready.
const REQUESTS_MAX: usize = 4;
/// An answer that takes longer is a failed try.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Where rows go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    client: Client,
    url: String,
    write_key: String,
    patience: Duration,
}

/// What all requests of a file say.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) source: String,
    pub(crate) kind: &'static str,
    pub(crate) as_of: i64,
}

impl Target {
    pub(crate) fn new(to: &str, write_key: &str, patience_s: u64) -> anyhow::Result<Self> {
        let url = format!("{}{PATH}", to.trim_end_matches('/'));
        Ok(Self { client: remote::client(ANSWER_TIMEOUT)?, url, write_key: write_key.into(), patience: Duration::from_secs(patience_s) })
    }

    /// Whether c360 is there and knows the key, asked once.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) async fn ask(&self, envelope: &Envelope) -> anyhow::Result<()> {
        remote::once(self.request(&body(envelope, &[])))
            .await
            .with_context(|| format!("nothing was sent: {} does not take rows", self.url))?;
        Ok(())
    }

    fn request(&self, body: &[u8]) -> RequestBuilder {
        self.client.post(&self.url).basic_auth(&self.write_key, Some("")).header("content-type", "application/json").body(body.to_vec())
    }

    async fn send(&self, body: &[u8], bar: &ProgressBar) -> Result<Value, Failure> {
        let notify = |failure: &Failure, wait: Duration| {
            let text = format!("{failure}; trying again in {:.1} s", wait.as_secs_f32());
            bar.suspend(|| complain(&text));
        };
        remote::patiently(|| self.request(body), self.patience, notify).await
    }
}

#[allow(clippy::print_stderr, reason = "this is what the terminal is for")]
fn complain(text: &str) {
    eprintln!("c360: {text}");
}

fn body(envelope: &Envelope, rows: &[Ready]) -> Vec<u8> {
    let rows: Vec<_> = rows.iter().map(|ready| &ready.row).collect();
    json!({"source": envelope.source, "kind": envelope.kind, "as_of": envelope.as_of, "rows": rows}).to_string().into_bytes()
}

/// Rows on their way, with where the file is after them.
struct Chunk {
    rows: Vec<Ready>,
    refused: Vec<(Raw, Why)>,
    end: u64,
    digest: String,
    bytes_read: u64,
}

/// Where what became of rows is kept.
pub(crate) struct Books {
    pub(crate) progress: Progress,
    /// `None`: the folder cannot be written, so a restart begins at the first row.
    pub(crate) file: Option<ProgressFile>,
    pub(crate) refused: RefusedFile,
    pub(crate) bar: ProgressBar,
}

/// Sends all rows that `preparer` has left.
///
/// # Errors
/// Where the file cannot be read on, or c360 does not take the rows; what was acknowledged before is in the books.
pub(crate) async fn send_all(
    preparer: Preparer,
    bytes_read: Arc<AtomicU64>,
    target: &Target,
    envelope: &Envelope,
    books: &mut Books,
) -> anyhow::Result<()> {
    let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
    let reading = tokio::task::spawn_blocking(move || read(preparer, &bytes_read, &sender));
    let bar = books.bar.clone();
    let sent = stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|chunk| (chunk, receiver)))
        .map(|chunk: Chunk| send_one(chunk, target, envelope, bar.clone()))
        .buffered(REQUESTS_MAX);
    let mut sent = std::pin::pin!(sent);
    while let Some(chunk) = sent.next().await {
        enter(chunk?, books)?;
    }
    reading.await.context("reading broke down")?
}

/// Reads on until the end, or until nobody wants it any more.
fn read(mut preparer: Preparer, bytes_read: &AtomicU64, sender: &mpsc::Sender<Chunk>) -> anyhow::Result<()> {
    loop {
        let (mut rows, mut refused, mut bytes, mut ended) = (Vec::new(), Vec::new(), 0, false);
        while rows.len() + refused.len() < REQUEST_ROWS_MAX && bytes < REQUEST_BYTES_MAX {
            match preparer.next()? {
                None => {
                    ended = true;
                    break;
                }
                Some(Err(row)) => refused.push(row),
                Some(Ok(ready)) => {
                    bytes += ready.raw.original.bytes().len() + ready.events.bytes_len();
                    rows.push(ready);
                }
            }
        }
        let chunk =
            Chunk { rows, refused, end: preparer.count(), digest: preparer.digest().hex(), bytes_read: bytes_read.load(Ordering::Relaxed) };
        if sender.blocking_send(chunk).is_err() || ended {
            return Ok(());
        }
    }
}

async fn send_one(mut chunk: Chunk, target: &Target, envelope: &Envelope, bar: ProgressBar) -> anyhow::Result<Chunk> {
    if chunk.rows.is_empty() {
        return Ok(chunk);
    }
    let answer = target.send(&body(envelope, &chunk.rows), &bar).await?;
    let Some(refused) = answer["refused"].as_array() else { bail!("{} does not answer as c360 does: is it the public port?", target.url) };
    // From the last one on, so that the places before it stay.
    for row in refused.iter().rev() {
        let place = row["index"].as_u64().and_then(|index| usize::try_from(index).ok()).filter(|index| *index < chunk.rows.len());
        let place = place.context("c360 refuses a row that was not sent")?;
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let why = Why { reason: text("reason"), message: text("message") };
        chunk.refused.push((chunk.rows.remove(place).raw, why));
    }
    chunk.refused.sort_by_key(|(raw, _)| raw.line);
    Ok(chunk)
}

fn enter(chunk: Chunk, books: &mut Books) -> anyhow::Result<()> {
    books.refused.add(&chunk.refused)?;
    let progress = &mut books.progress;
    progress.rows = chunk.end;
    progress.digest = chunk.digest;
    progress.taken += chunk.rows.len() as u64;
    progress.refused += chunk.refused.len() as u64;
    progress.refused_bytes = books.refused.bytes();
    if let Some(file) = &books.file {
        file.save(progress)?;
    }
    books.bar.set_position(chunk.bytes_read);
    books.bar.set_message(format!("{} rows", progress.rows));
    Ok(())
}
