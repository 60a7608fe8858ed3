//! Next actions: the playbooks of the rules that fit, at most three.
use super::AlertType;
use c360_health::{Playbook, Rules};

/// Next actions of one alert or customer, at most.
pub(crate) const ACTIONS_MAX: usize = 3;

/// What playbooks are chosen by.
pub(crate) struct Asked<'a> {
    /// Alerts that are open.
    pub(crate) alerts: &'a [AlertType],
    /// Measures and caps by what they take off, the most first.
    pub(crate) reasons: &'a [&'a str],
    pub(crate) lifecycle: &'a str,
    pub(crate) mrr: Option<i64>,
    /// Playbooks that are left out.
    pub(crate) at_rest: &'a [&'a str],
}

/// Why a playbook was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Alert(AlertType),
    /// By its number in the reasons.
    Reason(usize),
    Everybody,
}

/// First the playbooks of the alerts' types, then those of the reasons in their order, and only where there are none of these those for everybody.
pub(crate) fn actions<'r>(rules: &'r Rules, asked: &Asked<'_>) -> Vec<(&'r Playbook, For)> {
    let fits = |p: &&Playbook| {
        (p.lifecycle.is_empty() || p.lifecycle.iter().any(|l| l == asked.lifecycle))
            && !asked.at_rest.contains(&p.name.as_str())
            && p.mrr_from.is_none_or(|from| asked.mrr.is_some_and(|mrr| mrr >= from))
    };
    let playbooks = || rules.playbooks.iter().filter(fits);
    let is_of = |p: &Playbook, alert: AlertType| p.alerts.contains(&(alert as usize));
    let allowed = |p: &Playbook| p.alerts.is_empty() || asked.alerts.iter().any(|alert| is_of(p, *alert));
    let of_alerts = asked
        .alerts
        .iter()
        .flat_map(|alert| playbooks().filter(|p| p.reasons.is_empty() && is_of(p, *alert)).map(|p| (p, For::Alert(*alert))));
    let of_reasons = asked.reasons.iter().enumerate().flat_map(|(number, reason)| {
        playbooks().filter(move |p| allowed(p) && p.reasons.iter().any(|r| r == reason)).map(move |p| (p, For::Reason(number)))
    });
    let mut chosen: Vec<(&Playbook, For)> = Vec::new();
    for (playbook, reason) in of_alerts.chain(of_reasons) {
        if chosen.len() < ACTIONS_MAX && chosen.iter().all(|(known, _)| known.name != playbook.name) {
            chosen.push((playbook, reason));
        }
    }
    if chosen.is_empty() {
        chosen.extend(playbooks().filter(|p| p.alerts.is_empty() && p.reasons.is_empty()).take(1).map(|p| (p, For::Everybody)));
    }
    chosen
}
