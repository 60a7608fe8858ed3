//! One attempt: the request out, the answer in, each within its bounds.
use super::retry::{self, Answer};
use crate::config::{Kind, Limits};
use crate::deliver::Outgoing;
use crate::guard::{self, Guard};
use crate::target::Target;
use crate::{SinkError, slack, webhook};
use c360_log::Clock;
use c360_schemas::{Alert, Wire};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use std::error::Error;
use std::time::Duration;

/// Characters of an answer's body or of an error that go into the log.
const DETAIL_CHARS_MAX: usize = 300;

/// Posts alerts.
pub(super) struct Poster {
    client: Client,
    console_url: String,
    allow_private: bool,
    answer_timeout: Duration,
    answer_bytes_max: usize,
}

impl Poster {
    /// A client with the bounds of `limits`: no redirects, no proxy out of the environment, no retries of its own.
    pub(super) fn new(console_url: &str, allow_private: bool, limits: &Limits) -> Result<Self, SinkError> {
        // Another part of the process may have installed one already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("c360/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(limits.concurrency)
            .dns_resolver(Guard { allow_private })
            .build()
            .map_err(|e| SinkError::Client(causes(&e)))?;
        Ok(Self {
            client,
            console_url: console_url.to_owned(),
            allow_private,
            answer_timeout: Duration::from_millis(limits.answer_timeout_ms),
            answer_bytes_max: limits.answer_bytes_max,
        })
    }

    /// Sends `what` to `target` once.
    pub(super) async fn post(&self, target: &Target, what: &Outgoing) -> Answer {
        let (headers, body) = match self.render(target, what) {
            Ok(request) => request,
            Err(detail) => return Answer::Unsendable { detail },
        };
        if let Err(detail) = guard::check_literal(&target.url, self.allow_private) {
            return Answer::Failed { detail };
        }
        let exchange = async {
            let response =
                self.client.post(target.url.clone()).headers(headers).body(body).send().await.map_err(|e| causes(&e.without_url()))?;
            self.read(target.kind, response).await
        };
        match tokio::time::timeout(self.answer_timeout, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(detail)) => Answer::Failed { detail },
            Err(_) => Answer::Failed { detail: format!("no whole answer within {} ms", self.answer_timeout.as_millis()) },
        }
    }

    fn render(&self, target: &Target, what: &Outgoing) -> Result<(HeaderMap, Vec<u8>), String> {
        let alert = Alert::decode(&what.alert).map_err(|e| format!("the alert's record cannot be read: {e}"))?;
        match target.kind {
            Kind::Webhook => {
                let body = webhook::body(&alert, &self.console_url)?;
                let headers = webhook::headers(&target.keys, &webhook::id(&alert), Clock::real_ms() / 1_000, &body)?;
                Ok((headers, body))
            }
            Kind::Slack => {
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
                Ok((headers, slack::body(&alert, &self.console_url).to_string().into_bytes()))
            }
        }
    }

    async fn read(&self, kind: Kind, mut response: Response) -> Result<Answer, String> {
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry::retry_after(value.to_str().ok()?, Clock::real_ms()));
        let mut body = Vec::new();
        while body.len() < self.answer_bytes_max
            && let Some(chunk) = response.chunk().await.map_err(|e| causes(&e.without_url()))?
        {
            body.extend_from_slice(&chunk[..chunk.len().min(self.answer_bytes_max - body.len())]);
        }
        let status_code = status.as_u16();
        if status.is_success() && !(kind == Kind::Slack && says_not_ok(&body)) {
            return Ok(Answer::Taken { status: status_code });
        }
        Ok(Answer::Refused {
            status: status_code,
            retry_after,
            detail: excerpt(&format!("{status_code} {}", String::from_utf8_lossy(&body))),
        })
    }
}

/// Slack's Web API says 200 and `{"ok":false,"error":...}`.
fn says_not_ok(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|answer| answer.get("ok") == Some(&serde_json::Value::Bool(false)))
}

/// An error with what is behind it; without the URL, which may be a secret.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    excerpt(&text)
}

fn excerpt(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_CHARS_MAX).collect::<String>().trim().to_owned()
}
