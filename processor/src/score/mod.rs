//! Health: measures give a score, caps hold it down, bands follow it with hysteresis, receipts explain each change of it to the point. Integers only, so a replay is exact. What is
//! measured, and how it counts, is said by [`c360_health::Rules`].
mod band;
pub(crate) mod conditions;
pub(crate) mod drop;
mod facts;
mod freshness;
pub(crate) mod measures;
mod receipt;
mod rulebook;
mod samples;

pub(crate) use band::{BandStep, anew, overridden, points_to, step};
pub(crate) use facts::{Facts, Found, round_half_up};
pub(crate) use receipt::{Cause, between};
pub(crate) use rulebook::{InForce, Rulebook};

use crate::feeds::{bit, touches};
use crate::rows::{Part, Snapshot};
use c360_health::{Cap, Compare, Measure, Missing, PPM, Rules};

/// Measures that stay as they were: nothing new is known of what they rest on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held<'a> {
    /// Families of facts, a bit for each.
    pub(crate) families: u8,
    /// The score before, by the same rules and card.
    pub(crate) before: Option<&'a Snapshot>,
}

impl<'a> Held<'a> {
    fn part(self, number: u8, measure: &Measure) -> Option<&'a Part> {
        if self.families == 0 || self.families & bit(measure.fact.family()) == 0 {
            return None;
        }
        self.before?.parts.iter().find(|part| part.measure == number)
    }

    /// Whether a cap that rests on what is in doubt held before; `None` where it does not.
    fn cap(self, number: u8, cap: &Cap) -> Option<bool> {
        touches(&cap.when, self.families).then(|| self.before.is_some_and(|before| before.cap == Some(number)))
    }
}

/// Scores a customer by one card; `None` where nothing at all is known.
pub(crate) fn evaluate(rules: &Rules, card: u8, facts: Facts<'_>, held: Held<'_>) -> Option<Snapshot> {
    let of_card = &rules.card(card).measures;
    let mut parts = Vec::with_capacity(of_card.len());
    let (mut sum, mut weight, mut known, mut whole) = (0_i128, 0_i128, 0_i64, 0_i64);
    for ((number, measure), points) in (0_u8..).zip(&rules.measures).zip(of_card) {
        if points.weight_ppm == 0 {
            continue;
        }
        whole += points.weight_ppm;
        if let Some(part) = held.part(number, measure) {
            sum += part_sum(part);
            weight += i128::from(part.weight);
            if !part.missing || measure.missing == Missing::Zero {
                known += part.weight;
            }
            parts.push(part.clone());
            continue;
        }
        let found = value(measure, facts);
        let (value_milli, points_milli, freshness_ppm) = match (found, measure.missing) {
            (Some(found), _) => (found.value_milli, points.points_milli(found.value_milli), found.freshness_ppm(measure)),
            (None, Missing::Skip) => continue,
            (None, Missing::Neutral) => (0, 50_000, PPM),
            (None, Missing::Zero) => (0, 0, PPM),
        };
        let part = Part { measure: number, value_milli, points_milli, weight: points.weight_ppm * freshness_ppm, missing: found.is_none() };
        sum += part_sum(&part);
        weight += i128::from(part.weight);
        if found.is_some() || measure.missing == Missing::Zero {
            known += part.weight;
        }
        parts.push(part);
    }
    if weight == 0 {
        return None;
    }
    let raw = round_half_up(sum, weight * 1000) as i32;
    let holding = (0_u8..)
        .zip(&rules.caps)
        .filter(|(number, cap)| cap.limit < raw && held.cap(*number, cap).unwrap_or_else(|| facts.hold(&cap.when)));
    let cap = holding.min_by_key(|(_, cap)| cap.limit);
    Some(Snapshot {
        rules: rules.id,
        card,
        parts,
        raw,
        shown: cap.map_or(raw, |(_, cap)| cap.limit),
        cap: cap.map(|(number, _)| number),
        coverage_ppm: (known / whole.max(1)) as u32,
    })
}

fn value(measure: &Measure, facts: Facts<'_>) -> Option<Found> {
    let found = facts.get(&measure.fact)?;
    let before = match measure.compare {
        Compare::Value => return Some(found),
        Compare::Trend => samples::four_weeks_ago(facts, &measure.fact)?,
        Compare::Baseline => samples::usual(facts, &measure.fact)?,
    };
    // A change against nothing, or against less than nothing, says nothing.
    (before > 0).then(|| {
        let change = i128::from(found.value_milli) * 1000 / i128::from(before) - 1000;
        Found { value_milli: change.clamp(-10_000, 10_000) as i64, ..found }
    })
}

pub(crate) use samples::take as take_samples;

/// What a part adds to the sum of a score: weight x points.
fn part_sum(part: &Part) -> i128 {
    i128::from(part.weight) * i128::from(part.points_milli)
}
