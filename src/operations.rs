//! `/livez`, `/readyz` and `/metrics`, which need no token.
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use c360_engine::Running;
use c360_log::Log;
use prometheus::{TextEncoder, register_int_gauge_vec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A worker or fold that has not moved for so long is dead: replaying a long log keeps turning, so this can be short.
const HEARTBEAT_MAX: Duration = Duration::from_secs(60);

/// For so long after its state failed a machine is not ready: it is tried again twice a second.
const DISTRUST_MS: i64 = 5_000;

/// What the probes look at.
pub(crate) struct Health {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) machines: Vec<Running>,
    pub(crate) console: Option<Arc<c360_console::Console>>,
    /// Set once everything has started; cleared when it drains.
    pub(crate) ready: AtomicBool,
}

impl Health {
    fn alive(&self) -> Result<(), String> {
        for machine in &self.machines {
            if machine.is_dead() || machine.heartbeat_age_ms() > HEARTBEAT_MAX.as_millis() as i64 {
                return Err(format!("{} stands still", machine.machine()));
            }
        }
        match &self.console {
            Some(console) if console.since_heartbeat() > HEARTBEAT_MAX => Err("the console's fold stands still".into()),
            _ => Ok(()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        if !self.ready.load(Ordering::Relaxed) {
            return Err("starting or draining".into());
        }
        self.log.healthy().map_err(|e| e.to_string())?;
        if let Some(machine) = self.machines.iter().find(|m| m.state_failed_ms_ago().is_some_and(|ms| ms < DISTRUST_MS)) {
            return Err(format!("{} cannot keep its state (is the disk full?); it tries again, and its log says why", machine.machine()));
        }
        self.alive()
    }
}

/// The routes of the probes.
pub(crate) fn routes(health: Arc<Health>) -> Router {
    build_info();
    Router::new()
        .route("/livez", get(|State(health): State<Arc<Health>>| async move { answer(health.alive()) }))
        .route("/readyz", get(|State(health): State<Arc<Health>>| async move { answer(health.ready()) }))
        .route("/metrics", get(metrics))
        .with_state(health)
}

fn answer(result: Result<(), String>) -> (StatusCode, String) {
    match result {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn metrics() -> impl IntoResponse {
    match TextEncoder::new().encode_to_string(&prometheus::gather()) {
        Ok(text) => (StatusCode::OK, [("content-type", prometheus::TEXT_FORMAT)], text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [("content-type", "text/plain")], error.to_string()),
    }
}

fn build_info() {
    if let Ok(info) = register_int_gauge_vec!("c360_build_info", "The running version; always 1.", &["version"]) {
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    }
}
