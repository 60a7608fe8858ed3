//! What to do about a customer now: at most three, by what takes most off its score, with why.
use super::Scored;
use crate::aggregate::{lifecycle, mrr};
use crate::alert::{AlertType, Asked, For, actions};
use crate::rows::{Hot, IncidentState};
use crate::time::rfc3339;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ActionView<'a> {
    playbook: &'a str,
    why: String,
}

pub(super) fn view<'a>(hot: &'a Hot, now: i64, rules: Scored<'a>) -> Vec<ActionView<'a>> {
    let (by, lifecycle) = (rules.by, lifecycle::lifecycle(hot, hot.calendar.day_of(now)).as_str());
    let at_rest: Vec<&str> = hot.health.at_rest(now).collect();
    let snapshot = hot.health.current.as_ref();
    // What each measure takes off, in millionths of a point times weight; a cap before all.
    let mut lost: Vec<(i128, String, &str)> = snapshot
        .into_iter()
        .flat_map(|s| &s.parts)
        .filter(|part| part.points_milli < 50_000 && !part.missing)
        .filter_map(|part| {
            let measure = by.measures.get(usize::from(part.measure))?;
            Some((i128::from(part.weight) * i128::from(100_000 - part.points_milli), measure.id.clone(), measure.complaint.as_str()))
        })
        .collect();
    if let Some(cap) = snapshot.and_then(|s| by.cap(s.cap)) {
        lost.push((i128::MAX, format!("cap:{}", cap.id), &cap.complaint));
    }
    lost.sort_by_key(|(lost, ..)| std::cmp::Reverse(*lost));
    let open: Vec<AlertType> = hot.health.incidents.iter().filter(|i| i.state == IncidentState::Open).map(|i| i.alert_type).collect();
    if lost.is_empty() && open.is_empty() {
        return Vec::new();
    }
    let reasons: Vec<&str> = lost.iter().map(|(_, id, _)| id.as_str()).collect();
    let asked =
        Asked { alerts: &open, reasons: &reasons, lifecycle, mrr: mrr::account(&hot.billing).map(|(mrr, _)| mrr), at_rest: &at_rest };
    let why = |reason: For| match reason {
        For::Alert(alert_type) => hot
            .health
            .incidents
            .iter()
            .find(|i| i.alert_type == alert_type && i.state == IncidentState::Open)
            .map(|i| i.why.clone())
            .unwrap_or_default(),
        For::Reason(number) => sentence(lost[number].2),
        For::Everybody => lost.first().map(|(.., complaint)| sentence(complaint)).unwrap_or_default(),
    };
    actions(by, &asked).into_iter().map(|(playbook, reason)| ActionView { playbook: &playbook.name, why: why(reason) }).collect()
}

#[derive(Serialize)]
pub(super) struct TakenView<'a> {
    playbook: &'a str,
    outcome: &'a str,
    at: Option<String>,
}

/// What became of actions, newest first.
pub(super) fn taken(hot: &Hot) -> Vec<TakenView<'_>> {
    hot.health.actions.iter().rev().map(|a| TakenView { playbook: &a.playbook, outcome: &a.outcome, at: rfc3339(a.at) }).collect()
}

/// A complaint as a sentence of its own.
fn sentence(complaint: &str) -> String {
    let mut letters = complaint.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
