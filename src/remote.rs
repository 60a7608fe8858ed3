//! Talking to a running c360, for the commands that do: requests that are tried again while that can help, and messages that say what to do.
use anyhow::{Context, bail};
use backon::{ExponentialBuilder, Retryable};
use clap::Args;
use reqwest::{Client, Method, RequestBuilder, StatusCode, header};
use serde_json::Value;
use std::time::Duration;

/// The first wait between two tries; it doubles, with jitter.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// The longest wait, but for what `Retry-After` asks for.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// No answer may ask for a longer wait than this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for requests whose answers come within `timeout`.
pub(crate) fn client(timeout: Duration) -> anyhow::Result<Client> {
    // The client wants a TLS provider even where all is plain HTTP; another part of the process may have chosen one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(timeout).build().context("cannot make an HTTP client")
}

/// Where c360 is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Server {
    /// Where c360's private port is; on Kafka that of an `up` or an `ingest` process
    #[arg(long, env = "C360_ADMIN_TO", value_name = "URL", default_value = "http://127.0.0.1:8361")]
    pub(crate) to: String,
    /// API token; the tenant follows from it
    #[arg(long, env = "C360_API_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// How a process is asked at its private port.
pub(crate) struct Desk {
    client: Client,
    /// Of what is asked.
    pub(crate) url: String,
    token: String,
}

impl Desk {
    /// Asks `server` at a path, for answers within `timeout`.
    pub(crate) fn of(server: &Server, path: &str, timeout: Duration) -> anyhow::Result<Self> {
        let Some(token) = server.token.clone().filter(|token| !token.is_empty()) else {
            bail!("an API token is needed: --token or C360_API_TOKEN (`c360 up` shows one at its first start)");
        };
        Ok(Self { client: client(timeout)?, url: format!("{}{path}", server.to.trim_end_matches('/')), token })
    }

    /// A request to the path, or to what stands below it.
    pub(crate) fn request(&self, method: Method, below: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{below}", self.url)).bearer_auth(&self.token)
    }
}

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    message: String,
    /// It may, tried again.
    pub(crate) passing: bool,
    retry_after: Option<Duration>,
}

/// Sends one request, and reads the JSON of its answer.
pub(crate) async fn once(request: RequestBuilder) -> Result<Value, Failure> {
    let answer = request.send().await.map_err(|error| unreached(&error))?;
    let status = answer.status();
    let retry_after =
        answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let body = answer.bytes().await.map_err(|error| unreached(&error))?;
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(body);
    }
    let passing = status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let said = body["message"].as_str().or(body["error"]["message"].as_str()).unwrap_or("no reason was given");
    Err(Failure {
        message: format!("c360 answered {}: {said}", status.as_u16()),
        passing,
        retry_after: retry_after.map(|wait| wait.min(RETRY_AFTER_MAX)),
    })
}

fn unreached(error: &reqwest::Error) -> Failure {
    let mut message = format!("c360 cannot be reached: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Failure { message, passing: true, retry_after: None }
}

/// Sends a request again and again while that can help, for about `patience` in all; `notify` hears of each failed try and of the wait after it.
pub(crate) async fn patiently(
    request: impl Fn() -> RequestBuilder,
    patience: Duration,
    notify: impl FnMut(&Failure, Duration),
) -> Result<Value, Failure> {
    let waits = ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(WAIT_MIN)
        .with_max_delay(WAIT_MAX)
        .without_max_times()
        .with_total_delay(Some(patience));
    (|| once(request()))
        .retry(waits)
        .when(|failure: &Failure| failure.passing)
        .adjust(|failure, wait| wait.map(|wait| failure.retry_after.unwrap_or(wait)))
        .notify(notify)
        .await
}
