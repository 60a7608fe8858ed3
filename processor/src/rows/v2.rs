//! Rows as version 2 had them: scores were made by the built-in rules alone.
use super::{Band, Billing, Contact, Feature, Identity, IncidentState, Line, Pending, Plan, Renewal, Support, Surveys, Usage};
use crate::alert::AlertType;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

/// Weights were parts of 400 x 10^6, and are of 10^12.
const WEIGHT_FACTOR: i64 = 2_500;
/// The number of the measure `nps`, whose value was a share, and is in points.
const NPS: u8 = 9;

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Part {
    pub(super) measure: u8,
    pub(super) value_milli: i64,
    pub(super) points_milli: i32,
    pub(super) weight: i64,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Snapshot {
    pub(super) parts: Vec<Part>,
    pub(super) raw: i32,
    pub(super) shown: i32,
    pub(super) cap: Option<u8>,
    pub(super) coverage_ppm: u32,
}

impl From<Snapshot> for super::Snapshot {
    fn from(old: Snapshot) -> Self {
        let part = |part: Part| super::Part {
            measure: part.measure,
            value_milli: if part.measure == NPS { part.value_milli.saturating_mul(100) } else { part.value_milli },
            points_milli: part.points_milli,
            weight: part.weight.saturating_mul(WEIGHT_FACTOR),
            missing: false,
        };
        Self {
            rules: 0,
            card: 0,
            parts: old.parts.into_iter().map(part).collect(),
            raw: old.raw,
            shown: old.shown,
            cap: old.cap,
            coverage_ppm: old.coverage_ppm,
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize, Default))]
pub(super) struct Health {
    pub(super) current: Option<Snapshot>,
    pub(super) band: Band,
    pub(super) pending: Option<Pending>,
    pub(super) settled: Option<Snapshot>,
    pub(super) evaluated_at: Option<i64>,
    pub(super) stale: bool,
    pub(super) quiet: bool,
    pub(super) history_seq: u64,
    pub(super) incidents: Vec<Incident>,
}

impl From<Health> for super::Health {
    fn from(old: Health) -> Self {
        Self {
            current: old.current.map(Into::into),
            band: old.band,
            pending: old.pending,
            settled: old.settled.map(Into::into),
            evaluated_at: old.evaluated_at,
            stale: old.stale,
            // What holds already is no news.
            held: u64::MAX,
            quiet: old.quiet,
            history_seq: old.history_seq,
            incidents: old.incidents.into_iter().map(Into::into).collect(),
            samples: Vec::new(),
            actions: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Incident {
    alert_type: AlertType,
    alert_id: String,
    revision: i32,
    state: IncidentState,
    status: u8,
    severity: u8,
    band_before: Band,
    band_after: Band,
    baseline: Option<Snapshot>,
    score_after: Option<i32>,
    receipt: Vec<Line>,
    facts: Vec<AlertType>,
    why: String,
    recovered_since: Option<i64>,
    acknowledged_by: Option<String>,
    snoozed_until: Option<i64>,
    verdict: Option<String>,
}

impl From<Incident> for super::Incident {
    fn from(old: Incident) -> Self {
        Self {
            alert_type: old.alert_type,
            alert_id: old.alert_id,
            opened_at: 0,
            revision: old.revision,
            state: old.state,
            status: old.status,
            severity: old.severity,
            band_before: old.band_before,
            band_after: old.band_after,
            baseline: old.baseline.map(Into::into),
            score_after: old.score_after,
            receipt: old.receipt,
            facts: old.facts,
            why: old.why,
            actions: Vec::new(),
            recovered_since: old.recovered_since,
            acknowledged_by: old.acknowledged_by,
            snoozed_until: old.snoozed_until,
            verdict: old.verdict,
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Hot {
    traits: super::hot::Traits,
    first_event_at: Option<i64>,
    usage: Usage,
    features: Vec<Feature>,
    billing: Billing,
    support: Support,
    surveys: Surveys,
    health: Health,
    identities: Vec<Identity>,
    contacts: Vec<Contact>,
    plan: Plan,
    renewal: Option<Renewal>,
    timer: Option<i64>,
}

impl From<Hot> for super::Hot {
    fn from(old: Hot) -> Self {
        Self {
            traits: old.traits,
            first_event_at: old.first_event_at,
            usage: old.usage,
            features: old.features,
            billing: old.billing,
            support: old.support,
            surveys: old.surveys,
            health: old.health.into(),
            identities: old.identities,
            contacts: old.contacts,
            plan: old.plan,
            renewal: old.renewal,
            calendar: Default::default(),
            timer: old.timer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use crate::score::round_half_up;

    #[test]
    fn a_score_of_version_2_is_the_same_score() {
        let part = |measure, value_milli, points_milli, weight| Part { measure, value_milli, points_milli, weight };
        let snapshot = || Snapshot {
            parts: vec![part(0, 4_000, 100_000, 70_000_000), part(9, 300, 100_000, 15_000_000), part(3, 15_000, 0, 40_000_000)],
            raw: 68,
            shown: 49,
            cap: Some(3),
            coverage_ppm: 312_500,
        };
        let old = Hot {
            traits: Default::default(),
            first_event_at: Some(7),
            usage: Usage::default(),
            features: Vec::new(),
            billing: Billing::default(),
            support: Support::default(),
            surveys: Surveys::default(),
            health: Health {
                current: Some(snapshot()),
                settled: Some(snapshot()),
                band: Band::Yellow,
                history_seq: 4,
                ..Health::default()
            },
            identities: Vec::new(),
            contacts: Vec::new(),
            plan: Plan::default(),
            renewal: None,
            timer: Some(3),
        };
        let row: rows::Hot = rows::decode(&postcard::to_extend(&old, vec![2]).unwrap()).unwrap();
        let current = row.health.current.unwrap();
        assert_eq!((current.rules, current.shown, current.cap, row.health.history_seq, row.timer), (0, 49, Some(3), 4, Some(3)));
        assert_eq!(current.parts[1].value_milli, 30_000);
        let sum: i128 = current.parts.iter().map(|p| i128::from(p.weight) * i128::from(p.points_milli)).sum();
        let weight: i128 = current.parts.iter().map(|p| i128::from(p.weight)).sum();
        assert_eq!(round_half_up(sum, weight * 1000), 68);
        let rules = c360_health::Rules::built_in();
        assert_eq!(current.parts[0].weight, rules.card(0).measures[0].weight_ppm * c360_health::PPM, "in the units of today");
    }
}
