//! Carries requests to the public and the private port, signs them when they go, and tries again what is refused for a while.
//! A request that came through was acknowledged by the log; one that is given up ends the demo, so nothing is lost silently.
use super::parcels::Parcel;
use super::{stripe, zendesk};
use anyhow::{Context, bail};
use c360_log::Clock;
use futures::StreamExt;
use futures::stream::{self, TryStreamExt};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Requests under way at once.
const IN_FLIGHT_MAX: usize = 32;
/// Tries of one request, the first included.
const TRIES_MAX: u32 = 40;
/// The longest wait between two tries, whatever `Retry-After` says.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The first wait where there is no `Retry-After`; it doubles.
const WAIT_FIRST: Duration = Duration::from_millis(50);
/// An answer that takes longer is a failed try.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The barrier waits until everything is computed.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(300);

/// Where requests go, and how they prove who they are from.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) ingest_url: String,
    pub(crate) console_url: String,
    pub(crate) write_key: String,
    pub(crate) api_token: String,
    pub(crate) stripe_source: String,
    pub(crate) stripe_secret: String,
    pub(crate) zendesk_source: String,
    pub(crate) zendesk_secret: String,
}

/// Carries requests.
#[derive(Debug)]
pub(crate) struct Courier {
    http: Client,
    to: Addresses,
    clock: Clock,
}

impl Courier {
    /// A courier whose signatures are made at the time of `clock`.
    pub(crate) fn new(to: Addresses, clock: Clock) -> anyhow::Result<Self> {
        // The client wants a TLS provider even where all is plain HTTP; another part of the process may have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build().context("cannot make an HTTP client")?;
        let trimmed = |url: String| url.trim_end_matches('/').to_owned();
        let to = Addresses { ingest_url: trimmed(to.ingest_url), console_url: trimmed(to.console_url), ..to };
        Ok(Self { http, to, clock })
    }

    /// The console's address.
    pub(crate) fn console_url(&self) -> &str {
        &self.to.console_url
    }

    /// The operator's token.
    pub(crate) fn api_token(&self) -> &str {
        &self.to.api_token
    }

    /// Carries all of them, some at once; back when the last is acknowledged.
    pub(crate) async fn carry(&self, parcels: Vec<Parcel>) -> anyhow::Result<()> {
        let carry_one = async |parcel: Parcel| self.insist(|| self.request(&parcel)).await.map(drop);
        stream::iter(parcels).map(Ok).try_for_each_concurrent(IN_FLIGHT_MAX, carry_one).await
    }

    /// `GET` of the private port's API.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.to.console_url);
        let answer = self.insist(|| self.http.get(&url).bearer_auth(&self.to.api_token)).await?;
        answer.json().await.with_context(|| format!("{url} did not answer with JSON"))
    }

    /// Back when everything acknowledged so far shows in the API.
    pub(crate) async fn barrier(&self) -> anyhow::Result<()> {
        let url = format!("{}/api/v1/clock", self.to.console_url);
        let post =
            || self.http.post(&url).bearer_auth(&self.to.api_token).json(&serde_json::json!({"advance_s": 0})).timeout(BARRIER_TIMEOUT);
        self.insist(post).await.map(drop)
    }

    /// Signed with the time of now, so that another try is signed anew.
    fn request(&self, parcel: &Parcel) -> RequestBuilder {
        let Addresses { ingest_url, console_url, .. } = &self.to;
        let now = self.clock.now_ms();
        let post = |url: String, body: &str| self.http.post(url).header("content-type", "application/json").body(body.to_owned());
        match parcel {
            Parcel::Link(body) => post(format!("{console_url}/api/v1/links"), body).bearer_auth(&self.to.api_token),
            Parcel::Batch(body) => post(format!("{ingest_url}/v1/batch"), body).basic_auth(&self.to.write_key, Some("")),
            Parcel::Stripe(body) => post(format!("{ingest_url}/hooks/stripe/{}", self.to.stripe_source), body)
                .header("stripe-signature", stripe::signature(&self.to.stripe_secret, body.as_bytes(), now)),
            Parcel::Zendesk(body) => {
                let (signature, at) = zendesk::signature(&self.to.zendesk_secret, body.as_bytes(), now);
                post(format!("{ingest_url}/hooks/zendesk/{}", self.to.zendesk_source), body)
                    .header("x-zendesk-webhook-signature", signature)
                    .header("x-zendesk-webhook-signature-timestamp", at)
            }
        }
    }

    /// Tries until it succeeds, is refused for good, or has been tried often enough.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Response> {
        let mut wait = WAIT_FIRST;
        for attempt in 1.. {
            let last = attempt >= TRIES_MAX;
            let asked = match request().send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) if !last && is_for_a_while(answer.status()) => retry_after(&answer),
                Ok(answer) => return refused(answer).await,
                Err(error) if last => return Err(error).context("no answer; is c360 still running?"),
                Err(_) => None,
            };
            tokio::time::sleep(asked.unwrap_or(wait).min(WAIT_MAX)).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
        bail!("never tried")
    }
}

fn is_for_a_while(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    )
}

fn retry_after(answer: &Response) -> Option<Duration> {
    answer.headers().get("retry-after")?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

async fn refused(answer: Response) -> anyhow::Result<Response> {
    let (status, url) = (answer.status(), answer.url().clone());
    let said = answer.text().await.unwrap_or_default();
    bail!("{url} answered {status}: {said}")
}
