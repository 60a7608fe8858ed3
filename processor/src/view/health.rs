//! The score with its groups and measures.
use crate::rows::{Hot, Snapshot};
use crate::score::{Group, MEASURES, round_half_up};
use crate::time::rfc3339;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct HealthView {
    pub(super) score: Option<i32>,
    pub(super) band: &'static str,
    coverage: f64,
    groups: Vec<GroupView>,
    overrides: [(); 0],
}

#[derive(Serialize)]
struct GroupView {
    id: &'static str,
    score: i32,
    measures: Vec<MeasureView>,
}

#[derive(Serialize)]
struct MeasureView {
    id: &'static str,
    value: f64,
    score: i32,
    weight: i64,
    as_of: Option<String>,
}

pub(super) fn view(hot: &Hot) -> HealthView {
    let current = hot.health.current.as_ref();
    let as_of = hot.health.evaluated_at.and_then(rfc3339);
    HealthView {
        score: current.map(|s| s.shown),
        band: hot.health.band.as_str(),
        coverage: current.map_or(0.0, |s| f64::from(s.coverage_ppm / 10_000) / 100.0),
        groups: current
            .map(|s| Group::ALL.into_iter().filter_map(|group| group_view(group, s, as_of.as_deref())).collect())
            .unwrap_or_default(),
        overrides: [],
    }
}

fn group_view(group: Group, snapshot: &Snapshot, as_of: Option<&str>) -> Option<GroupView> {
    let of_group = || {
        snapshot
            .parts
            .iter()
            .filter_map(|part| MEASURES.get(usize::from(part.measure)).map(|m| (m, part)))
            .filter(|(m, _)| m.group == group)
    };
    let points = |milli: i128, weight: i128| round_half_up(milli, weight * 1000) as i32;
    let weight: i128 = of_group().map(|(_, part)| i128::from(part.weight)).sum();
    let sum: i128 = of_group().map(|(_, part)| i128::from(part.weight) * i128::from(part.points_milli)).sum();
    let measures = of_group().map(|(measure, part)| MeasureView {
        id: measure.id,
        value: part.value_milli as f64 / 1000.0,
        score: points(i128::from(part.points_milli), 1),
        weight: measure.weight,
        as_of: as_of.map(str::to_owned),
    });
    (weight > 0).then(|| GroupView { id: group.as_str(), score: points(sum, weight), measures: measures.collect() })
}
