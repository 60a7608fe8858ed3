//! How bad an alert is: band x what the customer is worth x how near its renewal is.
use super::AlertType;
use crate::aggregate::{lifecycle, mrr};
use crate::config::AlertConfig;
use crate::rows::{Band, Hot};
use c360_health::{Loudness, Rules};
use c360_schemas::Severity;

pub(crate) fn severity(alert_type: AlertType, hot: &Hot, hard: bool, today: i32, rules: &Rules, config: &AlertConfig) -> Severity {
    if let Some(said) = said(alert_type, rules) {
        return said;
    }
    let valuable = mrr::account(&hot.billing).is_some_and(|(mrr, _)| mrr >= config.critical_mrr_minor);
    match alert_type {
        AlertType::HealthChanged => {
            let days = lifecycle::days_to_renewal(hot, today);
            let near = days.is_some_and(|days| i64::from(days) <= rules.alerts.renewal_near_days);
            match hot.health.band {
                Band::Red if hard || valuable || near => Severity::Critical,
                Band::Yellow if !valuable && !near => Severity::Info,
                _ => Severity::Warning,
            }
        }
        AlertType::CancellationScheduled | AlertType::Churned => Severity::Critical,
        _ if alert_type.is_good() => Severity::Info,
        _ => Severity::Warning,
    }
}

/// Of a source that fell silent.
pub(crate) fn severity_of_feed(rules: &Rules) -> Severity {
    said(AlertType::FeedStale, rules).unwrap_or(Severity::Warning)
}

/// As the rules have it.
fn said(alert_type: AlertType, rules: &Rules) -> Option<Severity> {
    Some(match rules.alerts.severity[alert_type as usize]? {
        Loudness::Info => Severity::Info,
        Loudness::Warning => Severity::Warning,
        Loudness::Critical => Severity::Critical,
    })
}

pub(crate) const fn to_byte(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

pub(crate) const fn from_byte(byte: u8) -> Severity {
    match byte {
        0 => Severity::Info,
        1 => Severity::Warning,
        _ => Severity::Critical,
    }
}
