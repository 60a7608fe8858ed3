//! Incidents: one open alert of each type for a customer, opened, updated and resolved.
//!
//! A fall of the band opens `health.changed`; while it is open, hard facts update it and do not stand alone, and what stood alone before is resolved into it silently. Without a
//! fall a fact stands alone. What recovers within 14 days and comes back is the same alert, open again.
use super::severity::{from_byte, severity, to_byte};
use super::{AlertType, Asked, Happened, actions, why};
use crate::aggregate::{Work, lifecycle, mrr, noticed};
use crate::hash;
use crate::metrics::Effect;
use crate::rows::{Band, Hot, Incident, IncidentState, Line};
use crate::score::{self, Facts, conditions, points_to};
use c360_health::Rules;
use c360_schemas::{Alert, AlertStatus, Contribution, Topic, Wire};

/// Message ids kept for one line of a receipt.
const EVENTS_MAX: usize = 16;

const OPEN: u8 = 0;
const UPDATED: u8 = 1;
const RESOLVED: u8 = 2;
const RETRACTED: u8 = 3;

/// Puts what a decision found into alerts.
pub(crate) fn react(work: &mut Work<'_>, hot: &mut Hot, happened: &Happened<'_>) {
    forget(work, hot);
    let off = &work.rules.rules.alerts.off;
    let fell = !off[AlertType::HealthChanged as usize] && happened.step.is_some_and(|step| step.to.worse_than(step.from));
    match open_index(hot, AlertType::HealthChanged) {
        Some(index) => update_health(work, hot, index, happened, fell),
        None if fell => {
            let facts = [happened.facts, &open_types(hot)].concat();
            open(work, hot, AlertType::HealthChanged, happened, &facts);
            absorb(work, hot, happened);
        }
        None => {
            for fact in happened.facts {
                stand_alone(work, hot, *fact, happened);
            }
        }
    }
    recover(work, hot, happened);
    wake(work, hot);
}

fn open_index(hot: &Hot, alert_type: AlertType) -> Option<usize> {
    hot.health.incidents.iter().position(|i| i.alert_type == alert_type && i.state == IncidentState::Open)
}

fn open_types(hot: &Hot) -> Vec<AlertType> {
    hot.health.incidents.iter().filter(|i| i.state == IncidentState::Open).map(|i| i.alert_type).collect()
}

/// Resolved incidents past the time in which they may open again.
fn forget(work: &Work<'_>, hot: &mut Hot) {
    let since = work.at.now - work.rules.alerts.reopen_within_ms;
    hot.health.incidents.retain(|i| !matches!(i.state, IncidentState::Resolved { at } if at < since));
}

/// Opens an incident, or the one of its type again that was resolved lately.
fn open(work: &mut Work<'_>, hot: &mut Hot, alert_type: AlertType, happened: &Happened<'_>, facts: &[AlertType]) {
    let old = hot.health.incidents.iter().position(|i| i.alert_type == alert_type);
    let old = old.map(|index| hot.health.incidents.remove(index));
    let (now, band) = (work.at.now, hot.health.band);
    // Of one type only one is open at a time, so the moment tells it from all others; where in the log that was would tell a replay of one customer from that of all.
    let fresh = || hash::id_of(&[work.key_bytes, alert_type.as_str().as_bytes(), &now.to_le_bytes()]);
    let mut incident = Incident {
        alert_type,
        alert_id: old.as_ref().map_or_else(fresh, |old| old.alert_id.clone()),
        opened_at: now,
        revision: old.as_ref().map_or(0, |old| old.revision),
        state: IncidentState::Open,
        status: OPEN,
        severity: 0,
        band_before: happened.step.filter(|_| alert_type == AlertType::HealthChanged).map_or(band, |step| step.from),
        band_after: band,
        baseline: happened.baseline.cloned(),
        score_after: None,
        receipt: Vec::new(),
        facts: facts.to_vec(),
        why: String::new(),
        actions: Vec::new(),
        recovered_since: None,
        acknowledged_by: None,
        snoozed_until: None,
        verdict: old.and_then(|old| old.verdict),
    };
    fill(work, hot, &mut incident, happened);
    revise(work, hot, &mut incident, OPEN, true);
    hot.health.incidents.push(incident);
}

/// The contents of an alert as of now: receipt from where it began, severity, sentence.
fn fill(work: &Work<'_>, hot: &Hot, incident: &mut Incident, happened: &Happened<'_>) {
    let (rules, baseline) = (&work.rules.rules, incident.baseline.as_ref());
    let then = baseline.and_then(|baseline| work.book.known(baseline.rules));
    let facts = Facts { hot, now: work.at.now, config: work.config };
    let mut receipt = score::between(baseline, then.as_deref(), happened.snapshot, rules, work.rules.version, facts, happened.cause);
    for line in &mut receipt {
        let old = incident.receipt.iter().find(|old| old.measure == line.measure);
        let known = old.map(|old| old.events.as_slice()).unwrap_or_default();
        let new: Vec<String> = line.events.iter().filter(|id| !known.contains(id)).cloned().collect();
        line.events = [known, &new].concat();
        line.events.truncate(EVENTS_MAX);
    }
    incident.receipt = receipt;
    incident.score_after = Some(happened.snapshot.shown);
    let hard = rules.cap(happened.snapshot.cap).is_some_and(|cap| cap.hard);
    incident.severity = to_byte(severity(incident.alert_type, hot, hard, work.today, rules, &work.rules.alerts));
    incident.why = why::why(incident, hot, rules, work.today);
    incident.actions = next_actions(incident, hot, rules, work.today, work.at.now);
}

/// What to do about it, by its type and by what weighs most in its receipt.
fn next_actions(incident: &Incident, hot: &Hot, rules: &Rules, today: i32, now: i64) -> Vec<String> {
    let mut worst: Vec<&Line> = incident.receipt.iter().filter(|line| line.contribution < 0).collect();
    worst.sort_by_key(|line| line.contribution);
    let reasons: Vec<&str> = worst.into_iter().map(|line| line.measure.as_str()).collect();
    let lifecycle = lifecycle::lifecycle(hot, today).as_str();
    let at_rest: Vec<&str> = hot.health.at_rest(now).collect();
    // What stands alone is about itself, and not about what happens to have moved the score.
    let reasons = if incident.alert_type == AlertType::HealthChanged { reasons.as_slice() } else { &[] };
    let asked = Asked {
        alerts: &[incident.alert_type],
        reasons,
        lifecycle,
        mrr: mrr::account(&hot.billing).map(|(mrr, _)| mrr),
        at_rest: &at_rest,
    };
    actions(rules, &asked).into_iter().map(|(playbook, _)| playbook.name.clone()).collect()
}

/// Says the next revision; while it is snoozed, only for the record.
fn revise(work: &mut Work<'_>, hot: &Hot, incident: &mut Incident, status: u8, notify: bool) {
    incident.revision += 1;
    incident.status = status;
    let snoozed = incident.snoozed_until.is_some_and(|until| until > work.at.now);
    say(work, hot, incident, notify && !snoozed);
}

fn update_health(work: &mut Work<'_>, hot: &mut Hot, index: usize, happened: &Happened<'_>, fell: bool) {
    let mut incident = hot.health.incidents.remove(index);
    let new: Vec<AlertType> = happened.facts.iter().filter(|fact| !incident.facts.contains(fact)).copied().collect();
    let band = hot.health.band;
    let moved = happened.step.is_some() && band != Band::Unknown && band != incident.band_after;
    // After an acknowledgement the same reason again is not worth a word.
    let told_again = !happened.facts.is_empty() && incident.acknowledged_by.is_none();
    let loud = fell || !new.is_empty() || told_again;
    if loud || moved {
        if moved {
            incident.band_after = band;
        }
        incident.facts.extend(&new);
        fill(work, hot, &mut incident, happened);
        revise(work, hot, &mut incident, UPDATED, loud);
    }
    hot.health.incidents.insert(index, incident);
}

/// A fact whose band did not change.
fn stand_alone(work: &mut Work<'_>, hot: &mut Hot, fact: AlertType, happened: &Happened<'_>) {
    let Some(index) = open_index(hot, fact) else {
        open(work, hot, fact, happened, &[fact]);
        return;
    };
    let mut incident = hot.health.incidents.remove(index);
    fill(work, hot, &mut incident, happened);
    let loud = incident.acknowledged_by.is_none();
    revise(work, hot, &mut incident, UPDATED, loud);
    hot.health.incidents.insert(index, incident);
}

/// What stood alone is part of the fall now.
fn absorb(work: &mut Work<'_>, hot: &mut Hot, happened: &Happened<'_>) {
    end_where(work, hot, Some(happened), false, |_, incident| (incident.alert_type != AlertType::HealthChanged).then_some(RESOLVED));
}

/// The customer turned out to be another one: its alerts end without a word.
pub(crate) fn end_silently(work: &mut Work<'_>, hot: &mut Hot) {
    end_where(work, hot, None, false, |_, _| Some(RESOLVED));
}

/// What does not hold any more is resolved, once: a fact at once, health after 7 days beyond its margin. What never held, since it was undone by something that happened before it, is
/// retracted at once.
fn recover(work: &mut Work<'_>, hot: &mut Hot, happened: &Happened<'_>) {
    let (now, wait) = (work.at.now, work.rules.alerts.resolve_after_ms);
    let undone = |incident: &Incident| happened.late || happened.happened_at.is_some_and(|at| at < incident.opened_at);
    let mut retracted: Vec<AlertType> = Vec::new();
    let target = points_to(&work.rules.rules, hot.health.band, happened.snapshot);
    if let Some(index) = open_index(hot, AlertType::HealthChanged) {
        let incident = &mut hot.health.incidents[index];
        let goal = if incident.band_before == Band::Unknown { Band::Yellow } else { incident.band_before };
        let back = target != Band::Unknown && !target.worse_than(goal);
        if back && incident.recovered_since.is_none() && undone(incident) {
            retracted.push(incident.alert_type);
        }
        incident.recovered_since = if back { incident.recovered_since.or(Some(now)) } else { None };
    }
    // It is of whole days: another one each day, unless the past changes.
    if (work.new_day || happened.late)
        && !noticed::in_doubt(work, AlertType::UsageDropped)
        && let Some(index) = open_index(hot, AlertType::UsageDropped)
    {
        let whole = noticed::week(hot, work.today).is_some_and(|week| week.is_whole());
        let incident = &mut hot.health.incidents[index];
        if whole && incident.recovered_since.is_none() && undone(incident) {
            retracted.push(incident.alert_type);
        }
        incident.recovered_since = if whole { incident.recovered_since.or(Some(now)) } else { None };
    }
    for alert_type in [AlertType::AdoptionStalled, AlertType::ExpansionReady, AlertType::AdvocateFound] {
        let Some(index) = open_index(hot, alert_type) else { continue };
        if noticed::in_doubt(work, alert_type) {
            continue;
        }
        let over = !noticed::holds(work, hot, alert_type);
        let incident = &mut hot.health.incidents[index];
        if over && incident.recovered_since.is_none() && undone(incident) {
            retracted.push(incident.alert_type);
        }
        incident.recovered_since = if over { incident.recovered_since.or(Some(now)) } else { None };
    }
    let (backlog, today) = (work.rules.alerts.backlog_tickets, work.today);
    end_where(work, hot, Some(happened), true, |hot, incident| {
        if retracted.contains(&incident.alert_type) {
            return Some(RETRACTED);
        }
        let over = match incident.alert_type {
            AlertType::HealthChanged
            | AlertType::UsageDropped
            | AlertType::AdoptionStalled
            | AlertType::ExpansionReady
            | AlertType::AdvocateFound => return incident.recovered_since.is_some_and(|since| now >= since + wait).then_some(RESOLVED),
            AlertType::PaymentFailed => !conditions::payment_failed(hot),
            AlertType::CancellationScheduled => !conditions::cancellation_scheduled(hot),
            AlertType::Churned => !conditions::churned(hot),
            AlertType::Detractor => hot.surveys.detractors == 0,
            AlertType::Backlog => hot.support.open <= backlog / 2 && hot.support.open_by_priority[3..].iter().all(|open| *open == 0),
            AlertType::ChampionGone => conditions::has_champion(hot) || conditions::champions_gone(hot) == 0,
            AlertType::RenewalAtRisk => {
                hot.health.band == Band::Green || hot.renewal.is_none_or(|r| hot.calendar.day_of(r.term_end) < today)
            }
            AlertType::FeedStale => false,
        };
        over.then(|| if undone(incident) { RETRACTED } else { RESOLVED })
    });
}

fn end_where(
    work: &mut Work<'_>,
    hot: &mut Hot,
    happened: Option<&Happened<'_>>,
    notify: bool,
    over: impl Fn(&Hot, &Incident) -> Option<u8>,
) {
    let mut incidents = std::mem::take(&mut hot.health.incidents);
    for incident in &mut incidents {
        if incident.state != IncidentState::Open {
            continue;
        }
        let Some(status) = over(hot, incident) else { continue };
        incident.state = IncidentState::Resolved { at: work.at.now };
        if let Some(happened) = happened {
            if hot.health.band != Band::Unknown {
                incident.band_after = hot.health.band;
            }
            fill(work, hot, incident, happened);
        }
        // That good news is over is no news.
        revise(work, hot, incident, status, notify && !incident.alert_type.is_good());
        incident.recovered_since = None;
        incident.snoozed_until = None;
    }
    hot.health.incidents = incidents;
}

/// A snooze is over: one update, where it still holds.
fn wake(work: &mut Work<'_>, hot: &mut Hot) {
    let mut incidents = std::mem::take(&mut hot.health.incidents);
    for incident in &mut incidents {
        if incident.snoozed_until.is_none_or(|until| until > work.at.now) {
            continue;
        }
        incident.snoozed_until = None;
        if incident.state == IncidentState::Open {
            revise(work, hot, incident, UPDATED, true);
        }
    }
    hot.health.incidents = incidents;
}

/// Puts an incident into the log as it stands.
pub(crate) fn say(work: &mut Work<'_>, hot: &Hot, incident: &Incident, notify: bool) {
    let severity = from_byte(incident.severity);
    let band = |band: Band| Some(band.as_str().to_owned());
    let alert = Alert {
        alert_id: incident.alert_id.clone(),
        revision: incident.revision,
        alert_type: incident.alert_type.as_str().to_owned(),
        status: match incident.status {
            OPEN => AlertStatus::Open,
            UPDATED => AlertStatus::Updated,
            RETRACTED => AlertStatus::Retracted,
            _ => AlertStatus::Resolved,
        },
        severity,
        at: work.at.now,
        notify,
        tenant: work.key.tenant.into(),
        account_id: work.key.id.into(),
        account_name: hot.traits.name.get().cloned(),
        owner_name: hot.traits.owner_name.get().cloned(),
        owner_email: hot.traits.owner_email.get().cloned(),
        band_before: band(incident.band_before),
        band_after: band(incident.band_after),
        score_before: incident.baseline.as_ref().map(|b| b.shown),
        score_after: incident.score_after,
        receipt: incident.receipt.iter().map(contribution).collect(),
        playbook: incident.actions.first().cloned(),
        actions: incident.actions.clone(),
        why: Some(incident.why.clone()),
        acknowledged_by: incident.acknowledged_by.clone(),
        snoozed_until: incident.snoozed_until,
        verdict: incident.verdict.clone(),
    };
    let key = work.key;
    work.out.outputs.push(Topic::Alerts, |b| key.write(b), |b| alert.encode(b));
    if notify {
        work.out.effects.push(Effect::AlertRaised { alert_type: incident.alert_type.as_str(), severity });
    }
}

fn contribution(line: &Line) -> Contribution {
    Contribution {
        measure: line.measure.clone(),
        group: line.group.clone(),
        before: line.before,
        after: line.after,
        contribution: line.contribution,
        events: line.events.clone(),
    }
}
