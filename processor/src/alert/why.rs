//! One sentence that a person understands.
use super::AlertType;
use crate::rows::{Band, Line};
use crate::score::{CAPS, MEASURES};

/// Reasons named in a sentence.
const REASONS_MAX: usize = 2;

pub(crate) fn why(alert_type: AlertType, before: Band, after: Band, receipt: &[Line]) -> String {
    let fact = match alert_type {
        AlertType::PaymentFailed => "A payment failed.",
        AlertType::CancellationScheduled => "A cancellation is scheduled.",
        AlertType::Churned => "The last subscription has ended.",
        AlertType::Detractor => "Somebody would not recommend the product.",
        AlertType::Backlog => "Open tickets pile up.",
        _ => return health(before, after, receipt),
    };
    fact.to_owned()
}

fn health(before: Band, after: Band, receipt: &[Line]) -> String {
    let mut worst: Vec<&Line> = receipt.iter().filter(|line| line.contribution < 0).collect();
    // A cap is what holds the score where it is, whatever measures fell with it.
    worst.sort_by_key(|line| (!line.measure.starts_with("cap:"), line.contribution));
    let reasons: Vec<&str> = worst.into_iter().filter_map(|line| complaint(&line.measure)).take(REASONS_MAX).collect();
    let moved = match before {
        Band::Unknown => format!("Health is {}", after.as_str()),
        _ => format!("Health went from {} to {}", before.as_str(), after.as_str()),
    };
    if reasons.is_empty() { format!("{moved}.") } else { format!("{moved}: {}.", reasons.join("; ")) }
}

fn complaint(measure: &str) -> Option<&'static str> {
    match measure.strip_prefix("cap:") {
        Some(cap) => CAPS.iter().find(|c| c.id == cap).map(|c| c.complaint),
        None => MEASURES.iter().find(|m| m.id == measure).map(|m| m.complaint),
    }
}
