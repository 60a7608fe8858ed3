//! What every request shares.
use crate::auth::Keys;
use crate::barrier::Stage;
use crate::config::ConsoleLimits;
use crate::db::Pool;
use crate::live::Live;
use crate::progress::Progress;
use crate::read::today::Lookback;
use c360_log::{Clock, Log};
use std::sync::Arc;

pub(crate) struct App {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) pool: Pool,
    pub(crate) progress: Arc<Progress>,
    pub(crate) live: Arc<Live>,
    pub(crate) keys: Keys,
    pub(crate) console_url: String,
    pub(crate) barrier: Vec<Stage>,
    /// Calls that move the clock come one after another.
    pub(crate) barrier_turn: tokio::sync::Mutex<()>,
    /// Rules are applied one after another.
    pub(crate) rules_turn: tokio::sync::Mutex<()>,
    pub(crate) lookback: Lookback,
    pub(crate) limits: ConsoleLimits,
}

impl App {
    /// Now by the one clock, UTC ms.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }
}
