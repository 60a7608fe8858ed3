//! What the machines count, and the shell that counts it after the commit.
use c360_engine::Shell;
use c360_schemas::Severity;
use prometheus::{IntCounterVec, Opts};
use std::sync::LazyLock;

use crate::alert::AlertType;

/// What the shell does after a commit. It is only counted, so a crash may lose a count and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An alert was opened, updated or resolved, and is to be sent.
    AlertRaised { alert_type: &'static str, severity: Severity },
}

static ALERTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let opts = Opts::new("c360_alerts_total", "Alerts decided on, by type and severity");
    let counter = IntCounterVec::new(opts, &["type", "severity"]).unwrap_or_else(|error| unreachable!("fixed name and labels: {error}"));
    for alert_type in AlertType::ALL {
        for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
            counter.with_label_values(&[alert_type.as_str(), severity_str(severity)]);
        }
    }
    // Registered once here; a second registration in a process cannot happen.
    let _ = prometheus::default_registry().register(Box::new(counter.clone()));
    counter
});

fn severity_str(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Counts effects in the process's metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetricsShell;

impl MetricsShell {
    /// Makes every series exist, at 0.
    pub fn new() -> Self {
        LazyLock::force(&ALERTS);
        Self
    }
}

impl Shell<Effect> for MetricsShell {
    fn perform(&self, _partition: u32, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::AlertRaised { alert_type, severity } => ALERTS.with_label_values(&[alert_type, severity_str(severity)]).inc(),
            }
        }
    }
}
