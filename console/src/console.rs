//! The console as the binary sees it: open, serve, ask how it is, stop.
use crate::app::App;
use crate::auth::Keys;
use crate::config::{ApiToken, ConsoleConfig};
use crate::db::{Pool, schema};
use crate::fold::Folder;
use crate::live::{Changes, Live};
use crate::metrics::METRICS;
use crate::progress::Progress;
use crate::read::today::Lookback;
use crate::{ConsoleError, api, auth, pages};
use axum::Router;
use c360_log::{Clock, Log};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::broadcast;

/// The read model with its fold running, and the routes over it.
pub struct Console {
    app: Arc<App>,
    stop: Arc<AtomicBool>,
    fold: Mutex<Option<JoinHandle<()>>>,
}

impl Console {
    /// Opens (or makes, or remakes) the read model and starts to fold.
    ///
    /// # Errors
    /// Where the file or the thread cannot be had; a log that is not there is no error, the fold waits for it.
    pub fn open(config: ConsoleConfig, log: Arc<dyn Log>, clock: Clock) -> Result<Self, ConsoleError> {
        let connection = schema::open_writer(&config.db_path)?;
        let secret = auth::secret(&connection, &config.db_path)?;
        let (progress, live) = (Arc::new(Progress::new()), Arc::new(Live::new(config.limits.streams_max)));
        let stop = Arc::new(AtomicBool::new(false));
        std::sync::LazyLock::force(&METRICS);
        let folder = Folder {
            log: log.clone(),
            connection,
            progress: progress.clone(),
            live: live.clone(),
            stop: stop.clone(),
            limits: config.limits.clone(),
        };
        let fold = std::thread::Builder::new().name("console-fold".into()).spawn(move || folder.run()).map_err(ConsoleError::Thread)?;
        let pool = Pool::new(config.db_path, config.limits.readers_max, Duration::from_millis(config.limits.read_wait_ms_max));
        let keys = Keys::new(config.tokens, secret, config.console_url.clone(), config.limits.session_s_max);
        let app = App {
            log,
            clock,
            pool,
            progress,
            live,
            keys,
            console_url: config.console_url,
            barrier: config.barrier,
            barrier_turn: tokio::sync::Mutex::new(()),
            rules_turn: tokio::sync::Mutex::new(()),
            lookback: Lookback::default(),
            limits: config.limits,
        };
        Ok(Self { app: Arc::new(app), stop, fold: Mutex::new(Some(fold)) })
    }

    /// All routes of the private port but `/livez`, `/readyz` and `/metrics`, which the binary adds; unknown paths are answered too, so merge those in and set no fallback.
    pub fn router(&self) -> Router {
        let open = auth::routes().merge(pages::assets());
        let closed = api::routes().merge(pages::routes()).route("/events", axum::routing::get(crate::live::events));
        let closed = closed.route_layer(axum::middleware::from_fn_with_state(self.app.clone(), auth::guard));
        open.merge(closed)
            .fallback(api::not_found)
            .method_not_allowed_fallback(api::method_not_allowed)
            .layer(axum::middleware::from_fn(api::finish))
            .layer(axum::extract::DefaultBodyLimit::max(self.app.limits.body_bytes_max))
            .with_state(self.app.clone())
    }

    /// Whether the read model has shown all that was in the log when it was opened; stays true from then on. For `/readyz`.
    pub fn caught_up(&self) -> bool {
        self.app.progress.caught_up()
    }

    /// Time since the fold's loop last went round; about `fold_poll_ms` when all is well. For `/livez`.
    pub fn since_heartbeat(&self) -> Duration {
        self.app.progress.since_beat()
    }

    /// What each commit of the fold changes, for whoever lives in the same process.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.app.live.subscribe()
    }

    /// Puts other API tokens in force, at a reload of the configuration. Sessions of tokens that are gone end.
    pub fn set_tokens(&self, tokens: Vec<ApiToken>) {
        self.app.keys.set_tokens(tokens);
    }

    /// Ends live streams, which would never end by themselves: for a drain that waits for requests under way.
    pub fn end_streams(&self) {
        self.app.live.stop();
    }

    /// Ends live streams and the fold; what was not committed is folded again at the next start. Waits for the batch in hand.
    pub fn stop(&self) {
        self.app.live.stop();
        self.stop.store(true, Ordering::Relaxed);
        if let Some(fold) = self.fold.lock().take()
            && fold.join().is_err()
        {
            tracing::error!("the fold's thread had panicked");
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop();
    }
}
