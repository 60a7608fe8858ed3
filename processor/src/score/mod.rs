//! Health: measures give a score, caps hold it down, bands follow it with hysteresis, receipts explain each change of it to the point. Integers only, so a replay is exact.
mod band;
mod card;
pub(crate) mod conditions;
mod default_card;
pub(crate) mod drop;
mod freshness;
pub(crate) mod measures;
mod receipt;

pub(crate) use band::{BandStep, DWELL_MS, points_to, step};
pub(crate) use card::{Cap, Group, round_half_up};
pub(crate) use default_card::{CAPS, CARD_ID, MEASURES};
pub(crate) use receipt::receipt;

use crate::rows::{Hot, Part, Snapshot};
use card::PPM;

/// Scores a customer as of `now`; `None` where nothing at all is known.
pub(crate) fn evaluate(hot: &Hot, now: i64) -> Option<Snapshot> {
    let mut parts = Vec::with_capacity(MEASURES.len());
    let (mut sum, mut weight, mut whole) = (0_i128, 0_i128, 0_i128);
    for (number, measure) in (0_u8..).zip(&MEASURES) {
        whole += i128::from(measure.card_weight() * PPM);
        let Some(found) = (measure.value)(hot, now) else { continue };
        let part = Part {
            measure: number,
            value_milli: found.value_milli,
            points_milli: measure.points_milli(found.value_milli),
            weight: measure.card_weight() * found.freshness_ppm,
        };
        sum += part_sum(&part);
        weight += i128::from(part.weight);
        parts.push(part);
    }
    if weight == 0 {
        return None;
    }
    let raw = round_half_up(sum, weight * 1000) as i32;
    let cap = (0_u8..).zip(&CAPS).filter(|(_, cap)| cap.limit < raw && (cap.holds)(hot, now)).min_by_key(|(_, cap)| cap.limit);
    Some(Snapshot {
        parts,
        raw,
        shown: cap.map_or(raw, |(_, cap)| cap.limit),
        cap: cap.map(|(number, _)| number),
        coverage_ppm: (weight * i128::from(PPM) / whole) as u32,
    })
}

/// What a part adds to the sum of a score: weight x points.
fn part_sum(part: &Part) -> i128 {
    i128::from(part.weight) * i128::from(part.points_milli)
}

/// The cap that holds a score down.
pub(crate) fn cap_of(snapshot: &Snapshot) -> Option<&'static Cap> {
    snapshot.cap.and_then(|number| CAPS.get(usize::from(number)))
}
