//! What the beginning of a day shows, and no single event tells: usage that dropped, a renewal that opens on a customer who is not well.
use super::Work;
use super::lifecycle::RENEWAL_DAYS;
use crate::alert::AlertType;
use crate::rows::{Band, Hot, IncidentState};
use crate::score::drop;
use crate::time::DAY_MS;

/// The facts that are new today. What was told already is not told again: not while its alert is open, and not while it is part of an open fall of health.
pub(crate) fn today(work: &Work<'_>, hot: &Hot) -> Vec<AlertType> {
    // Of a past that was just loaded nobody speaks.
    if !work.new_day || hot.health.quiet {
        return Vec::new();
    }
    let holds = |fact: &AlertType| match fact {
        AlertType::UsageDropped => week(hot, work.today).is_some_and(|week| week.dropped),
        _ => renewal_at_risk(work, hot),
    };
    let facts = [AlertType::UsageDropped, AlertType::RenewalAtRisk].into_iter();
    facts.filter(|fact| !is_told(hot, *fact) && holds(fact)).collect()
}

fn is_told(hot: &Hot, fact: AlertType) -> bool {
    let mut open = hot.health.incidents.iter().filter(|i| i.state == IncidentState::Open);
    open.any(|i| i.alert_type == fact || i.alert_type == AlertType::HealthChanged && i.facts.contains(&fact))
}

/// The last week beside what is usual.
pub(crate) fn week(hot: &Hot, today: i32) -> Option<drop::Week> {
    drop::week(&hot.usage, today, hot.calendar.day_of(hot.usage.first_at?))
}

/// The renewal came near within the last day, and health is not green. One that was near before we knew of it is of the past.
fn renewal_at_risk(work: &Work<'_>, hot: &Hot) -> bool {
    let near_today = |term_end: i64| hot.calendar.day_of(term_end) - work.today >= RENEWAL_DAYS - 1;
    matches!(hot.health.band, Band::Red | Band::Yellow)
        && hot.renewal.is_some_and(|r| work.at.now - r.opened_at <= DAY_MS && near_today(r.term_end))
}
