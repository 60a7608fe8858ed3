//! What the console is told: who may come in, where it keeps its read model, and its bounds.
use crate::Stage;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Everything the binary hands over.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// The SQLite file of the read model; its folder is made if it is not there.
    pub db_path: PathBuf,
    /// Who may come in; the token decides the tenant.
    pub tokens: Vec<ApiToken>,
    /// Where people reach the console, for links in alerts: `http://localhost:8361`.
    pub console_url: String,
    /// Stages that `POST /api/v1/clock` waits for, in the order in which events pass them.
    pub barrier: Vec<Stage>,
    pub limits: ConsoleLimits,
}

/// An API token, by its hash.
#[derive(Clone)]
pub struct ApiToken {
    pub tenant: String,
    /// SHA-256 of the token's text.
    pub sha256: [u8; 32],
}

impl ApiToken {
    /// The entry for a token given in the clear; only its hash is kept.
    pub fn from_secret(tenant: impl Into<String>, token: &str) -> Self {
        Self { tenant: tenant.into(), sha256: Sha256::digest(token.as_bytes()).into() }
    }
}

impl std::fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiToken").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The console's bounds; the `[console]` table of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleLimits {
    /// Most records folded in one transaction.
    pub fold_batch_records_max: usize,
    /// How long the fold waits for records before it says that it lives.
    pub fold_poll_ms: u64,
    /// Reads of the read model at one time.
    pub readers_max: usize,
    /// How long a request waits for one of them before it is refused with 503.
    pub read_wait_ms_max: u64,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// How long acknowledge, snooze and verdict wait for the read model to show them.
    pub command_wait_ms_max: u64,
    /// How long `POST /api/v1/clock` waits for all stages.
    pub barrier_wait_ms_max: u64,
    /// Streams of live updates at one time.
    pub streams_max: usize,
    /// Shortest time between two updates on one stream.
    pub stream_pause_ms: u64,
    /// How long somebody stays logged in.
    pub session_s_max: u64,
}

impl Default for ConsoleLimits {
    fn default() -> Self {
        Self {
            fold_batch_records_max: 5_000,
            fold_poll_ms: 200,
            readers_max: 4,
            read_wait_ms_max: 10_000,
            body_bytes_max: 64 * 1024,
            command_wait_ms_max: 5_000,
            barrier_wait_ms_max: 60_000,
            streams_max: 256,
            stream_pause_ms: 500,
            session_s_max: 7 * 86_400,
        }
    }
}
