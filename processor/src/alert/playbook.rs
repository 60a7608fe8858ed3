//! The built-in next actions, by the reason that weighs most.
use super::AlertType;
use crate::rows::Line;

/// The name of the playbook for an alert.
pub(crate) fn playbook(alert_type: AlertType, receipt: &[Line]) -> &'static str {
    match alert_type {
        AlertType::PaymentFailed => return "Ask for a working payment method",
        AlertType::CancellationScheduled => return "Hear why they leave, and make an offer",
        AlertType::Churned => return "Hold an exit interview",
        AlertType::Detractor => return "Call the person who answered",
        AlertType::Backlog => return "Review the open tickets with support",
        AlertType::UsageDropped => return "Find out what stopped them, and train the users",
        AlertType::ChampionGone => return "Find a new champion",
        AlertType::RenewalAtRisk => return "Plan the renewal: purpose, people, promises, results",
        _ => {}
    }
    let worst = receipt.iter().filter(|line| line.contribution < 0).min_by_key(|line| line.contribution);
    match worst.map(|line| line.measure.as_str()) {
        Some("cap:subscription_ended") => "Hold an exit interview",
        Some("cap:cancellation_scheduled") => "Hear why they leave, and make an offer",
        Some("cap:payment_failed" | "payment_failures" | "past_due" | "cap:past_due") => "Ask for a working payment method",
        Some("mrr_trend") => "Review the plan and its value with the owner",
        Some("last_seen" | "usage_trend" | "active_users_trend" | "cap:silent") => "Find out what stopped them, and train the users",
        Some("oldest_open_ticket" | "open_tickets" | "reopened_tickets") => "Review the open tickets with support",
        Some("nps" | "csat") => "Call the people who answered",
        _ => "Check in with the customer",
    }
}
