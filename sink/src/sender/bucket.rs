//! A token bucket for each destination: no more messages a second than it likes.
use crate::config::{Kind, Limits};
use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// Holds as many tokens as one second gives.
pub(super) struct Bucket(DefaultDirectRateLimiter);

impl Bucket {
    pub(super) fn new(kind: Kind, limits: &Limits) -> Self {
        let per_second = match kind {
            Kind::Slack => limits.slack_per_second,
            Kind::Webhook => limits.webhook_per_second,
        };
        Self(RateLimiter::direct(Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN))))
    }

    /// Takes a token, or says when there is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.0.check().map_err(|not_until| not_until.wait_time_from(self.0.clock().now()))
    }
}
