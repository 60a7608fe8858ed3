//! The score with its groups and measures, by which rules it was made, and what somebody answers for instead.
use super::Scored;
use crate::config::AggregateConfig;
use crate::rows::{Hot, Snapshot};
use crate::score::{Facts, round_half_up};
use crate::time::rfc3339;
use c360_health::{Group, Rules};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct HealthView<'a> {
    pub(super) score: Option<i32>,
    pub(super) band: &'static str,
    coverage: f64,
    card: Option<&'a str>,
    rules: RulesView<'a>,
    groups: Vec<GroupView<'a>>,
    cap: Option<CapView<'a>>,
    overrides: Vec<OverrideView<'a>>,
}

/// The rules in force; a score of others is made anew within moments.
#[derive(Serialize)]
struct RulesView<'a> {
    name: &'a str,
    version: u32,
}

#[derive(Serialize)]
struct GroupView<'a> {
    id: &'a str,
    side: &'static str,
    score: i32,
    measures: Vec<MeasureView<'a>>,
}

#[derive(Serialize)]
struct MeasureView<'a> {
    id: &'a str,
    /// `None`: the fact is not known.
    value: Option<f64>,
    score: i32,
    weight: f64,
    as_of: Option<String>,
}

#[derive(Serialize)]
struct CapView<'a> {
    id: &'a str,
    limit: i32,
    why: &'a str,
}

#[derive(Serialize)]
struct OverrideView<'a> {
    band: &'static str,
    owner: &'a str,
    reason: &'a str,
    expires_at: Option<String>,
}

pub(super) fn view<'a>(hot: &'a Hot, account: &str, now: i64, config: &AggregateConfig, rules: Scored<'a>) -> HealthView<'a> {
    let current = hot.health.current.as_ref();
    let facts = Facts { hot, now: hot.health.evaluated_at.unwrap_or(now), config };
    let in_force = &rules.in_force.rules;
    let held = in_force.override_of(account, now);
    let groups = current.map(|s| (0..rules.by.groups.len()).filter_map(|group| group_view(group, s, rules.by, facts)).collect());
    HealthView {
        score: current.map(|s| s.shown),
        band: hot.health.band.as_str(),
        coverage: current.map_or(0.0, |s| f64::from(s.coverage_ppm / 10_000) / 100.0),
        card: current.map(|s| rules.by.card(s.card).id.as_str()),
        rules: RulesView { name: &in_force.name, version: rules.in_force.version },
        groups: groups.unwrap_or_default(),
        cap: current.and_then(|s| rules.by.cap(s.cap)).map(|cap| CapView { id: &cap.id, limit: cap.limit, why: &cap.complaint }),
        overrides: held
            .map(|o| OverrideView { band: o.band.as_str(), owner: &o.owner, reason: &o.reason, expires_at: rfc3339(o.expires_at) })
            .into_iter()
            .collect(),
    }
}

fn group_view<'a>(number: usize, snapshot: &Snapshot, rules: &'a Rules, facts: Facts<'_>) -> Option<GroupView<'a>> {
    let group: &Group = rules.groups.get(number)?;
    let of_group = || {
        let parts = snapshot.parts.iter().filter_map(|part| rules.measures.get(usize::from(part.measure)).map(|m| (m, part)));
        parts.filter(|(m, _)| m.group == number)
    };
    let points = |milli: i128, weight: i128| round_half_up(milli, weight * 1000) as i32;
    let weight: i128 = of_group().map(|(_, part)| i128::from(part.weight)).sum();
    let sum: i128 = of_group().map(|(_, part)| i128::from(part.weight) * i128::from(part.points_milli)).sum();
    let measures = of_group().map(|(measure, part)| {
        let age_days = facts.age_days(&measure.fact);
        MeasureView {
            id: &measure.id,
            value: (!part.missing).then_some(part.value_milli as f64 / 1000.0),
            score: points(i128::from(part.points_milli), 1),
            weight: measure.weight_milli as f64 / 1000.0,
            as_of: rfc3339(facts.now - age_days * crate::time::DAY_MS),
        }
    });
    (weight > 0).then(|| GroupView { id: &group.id, side: group.side.as_str(), score: points(sum, weight), measures: measures.collect() })
}
