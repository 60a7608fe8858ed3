//! What the beginning of a day shows, and no single event tells: usage that dropped, a renewal that opens on a customer who is not well.
use super::Work;
use super::lifecycle::RENEWAL_DAYS;
use crate::alert::AlertType;
use crate::feeds;
use crate::rows::{Band, Hot, Incident, IncidentState};
use crate::score::{Facts, drop};
use crate::time::DAY_MS;
use c360_health::Family;

/// The facts that are new today. What was told already is not told again: not while its alert is open, and not while it is part of an open fall of health.
pub(crate) fn today(work: &Work<'_>, hot: &Hot) -> Vec<AlertType> {
    // Of a past that was just loaded nobody speaks.
    if !work.new_day || hot.health.quiet {
        return Vec::new();
    }
    let holds = |fact: &AlertType| match fact {
        // A source that is silent is no customer that is.
        AlertType::UsageDropped if in_doubt(work, *fact) => false,
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

/// Alert rules whose conditions came to hold. `silent`: what holds is noted and not told.
pub(crate) fn held(work: &Work<'_>, hot: &mut Hot, silent: bool) -> Vec<AlertType> {
    let mut new = Vec::new();
    for (number, rule) in work.rules.rules.alerts.rules.iter().enumerate().take(64) {
        let (bit, alert_type) = (1_u64 << number, AlertType::ALL[rule.alert_type]);
        // Who is not well is not asked for more; that it might be comes up again when it is well.
        if alert_type.is_good() && !is_well(hot) {
            continue;
        }
        if feeds::touches(&rule.when, work.doubt) {
            continue;
        }
        let holds = Facts { hot, now: work.at.now, config: work.config }.hold(&rule.when);
        if holds && hot.health.held & bit == 0 && !silent && !is_told(hot, alert_type) {
            new.push(alert_type);
        }
        hot.health.held = if holds { hot.health.held | bit } else { hot.health.held & !bit };
    }
    new
}

/// Whether an alert of this type must be left as it is: what it rests on is in doubt.
pub(crate) fn in_doubt(work: &Work<'_>, alert_type: AlertType) -> bool {
    match alert_type {
        AlertType::UsageDropped => feeds::bit(Family::Usage) & work.doubt != 0,
        _ => {
            let mut rules = work.rules.rules.alerts.rules.iter();
            rules.any(|rule| rule.alert_type == alert_type as usize && feeds::touches(&rule.when, work.doubt))
        }
    }
}

/// Whether an alert rule's conditions hold.
pub(crate) fn holds(work: &Work<'_>, hot: &Hot, alert_type: AlertType) -> bool {
    let facts = Facts { hot, now: work.at.now, config: work.config };
    let mut rules = work.rules.rules.alerts.rules.iter();
    rules.any(|rule| rule.alert_type == alert_type as usize && facts.hold(&rule.when))
}

fn is_well(hot: &Hot) -> bool {
    let falls = |i: &Incident| i.alert_type == AlertType::HealthChanged && i.state == IncidentState::Open;
    hot.health.band != Band::Red && !hot.health.incidents.iter().any(falls)
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
