//! Settings of both ports: `[http]`.
use anyhow::bail;
use serde::Deserialize;

/// How long a connection may take for what, and how many there may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// From the accept to the end of the first request's head, handshake and all; of a later request, from its first byte.
    pub(crate) head_s_max: u64,
    /// Between two requests of one connection.
    pub(crate) idle_s_max: u64,
    /// For a body of the private port; those of the public one have `ingest.limits.body_read_s_max`.
    pub(crate) body_s_max: u64,
    /// How long a peer may leave an answer unread.
    pub(crate) write_s_max: u64,
    /// For requests under way once it stops.
    pub(crate) finish_s_max: u64,
    /// At a time, for each port; more are answered with 503 and closed.
    pub(crate) connections_max: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) streams_max: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            head_s_max: 10,
            idle_s_max: 75,
            body_s_max: 30,
            write_s_max: 30,
            finish_s_max: 30,
            connections_max: 12_000,
            streams_max: 200,
        }
    }
}

impl HttpConfig {
    /// # Errors
    /// The first bound that makes no sense.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let connections_max = self.connections_max as u64;
        for (name, value) in [
            ("head_s_max", self.head_s_max),
            ("idle_s_max", self.idle_s_max),
            ("body_s_max", self.body_s_max),
            ("write_s_max", self.write_s_max),
            ("connections_max", connections_max),
            ("streams_max", u64::from(self.streams_max)),
        ] {
            if value == 0 {
                bail!("http.{name} must be at least 1");
            }
        }
        Ok(())
    }
}
