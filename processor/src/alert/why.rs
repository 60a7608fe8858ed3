//! One sentence that a person understands.
use super::AlertType;
use crate::aggregate::noticed;
use crate::rows::{Band, Hot, Incident, Line};
use crate::score::conditions;
use c360_health::Rules;

/// Reasons named in a sentence.
const REASONS_MAX: usize = 2;
/// Facts that are told beside a fall of health.
const TOLD: [AlertType; 3] = [AlertType::UsageDropped, AlertType::ChampionGone, AlertType::AdoptionStalled];

pub(crate) fn why(incident: &Incident, hot: &Hot, rules: &Rules, today: i32) -> String {
    if incident.alert_type != AlertType::HealthChanged {
        return fact(incident.alert_type, hot, rules, today);
    }
    let mut text = health(incident.band_before, incident.band_after, &incident.receipt, rules);
    // What no measure says in so many words.
    for told in TOLD.into_iter().filter(|told| incident.facts.contains(told)) {
        text.push(' ');
        text.push_str(&fact(told, hot, rules, today));
    }
    text
}

/// A fact that stands alone.
fn fact(alert_type: AlertType, hot: &Hot, rules: &Rules, today: i32) -> String {
    let fact = match alert_type {
        AlertType::PaymentFailed => "A payment failed.",
        AlertType::CancellationScheduled => "A cancellation is scheduled.",
        AlertType::Churned => "The last subscription has ended.",
        AlertType::Detractor => "Somebody would not recommend the product.",
        AlertType::Backlog if hot.support.escalated_28d > 0 => "A ticket was escalated, or open tickets pile up.",
        AlertType::Backlog => "Open tickets pile up.",
        AlertType::ChampionGone if conditions::has_champion(hot) => "A champion has left; another one is there.",
        AlertType::ChampionGone => "The champion has left, and nobody else is known to speak for the product.",
        AlertType::UsageDropped => return usage(hot, today),
        AlertType::RenewalAtRisk => return renewal(hot, today),
        other => {
            let mut by_rule = rules.alerts.rules.iter();
            by_rule.find(|rule| rule.alert_type == other as usize).map_or("Something changed.", |rule| rule.why.as_str())
        }
    };
    fact.to_owned()
}

/// The last week as the test saw it.
fn usage(hot: &Hot, today: i32) -> String {
    let Some(week) = noticed::week(hot, today) else { return "Usage is not what it was.".to_owned() };
    let people = match week.usual_user_days {
        0 => String::new(),
        usual => format!(", and people came on {} days of theirs where {usual} are usual", week.user_days),
    };
    let (percent, events, usual) = (week.share_milli() / 10, week.events, week.usual_events);
    format!("Usage of the last 7 days is {percent}% of what is usual for this customer: {events} events where {usual} are usual{people}.")
}

fn renewal(hot: &Hot, today: i32) -> String {
    let days = hot.renewal.map_or(0, |renewal| hot.calendar.day_of(renewal.term_end) - today);
    format!("The term ends in {days} days, and health is {}.", hot.health.band.as_str())
}

fn health(before: Band, after: Band, receipt: &[Line], rules: &Rules) -> String {
    let mut worst: Vec<&Line> = receipt.iter().filter(|line| line.contribution < 0).collect();
    // A cap is what holds the score where it is, whatever measures fell with it.
    worst.sort_by_key(|line| (!line.measure.starts_with("cap:"), line.contribution));
    let reasons: Vec<&str> = worst.into_iter().filter_map(|line| complaint(rules, &line.measure)).take(REASONS_MAX).collect();
    let moved = match before {
        Band::Unknown => format!("Health is {}", after.as_str()),
        same if same == after => format!("Health is {} again", after.as_str()),
        _ => format!("Health went from {} to {}", before.as_str(), after.as_str()),
    };
    if reasons.is_empty() { format!("{moved}.") } else { format!("{moved}: {}.", reasons.join("; ")) }
}

fn complaint<'r>(rules: &'r Rules, measure: &str) -> Option<&'r str> {
    if let Some(cap) = measure.strip_prefix("cap:") {
        return rules.caps.iter().find(|c| c.id == cap).map(|c| c.complaint.as_str());
    }
    rules.measures.iter().find(|m| m.id == measure).map(|m| m.complaint.as_str())
}
