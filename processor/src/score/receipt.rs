//! Why a score changed: contributions in whole points that sum to the change exactly.
use super::card::round_half_up;
use super::{MEASURES, cap_of, part_sum};
use crate::rows::{Line, Part, Snapshot};

/// A measure's exact share of the change, as `whole + rest / den`.
struct Share {
    measure: u8,
    whole: i128,
    rest: i128,
}

/// The receipt for the change from `before` (`None`: there was no score, and it starts from 0) to `after`. `event` is what brought the change about, with its group.
pub(crate) fn receipt(before: Option<&Snapshot>, after: &Snapshot, event: Option<(&str, &str)>) -> Vec<Line> {
    let mut lines: Vec<Line> = shares(before, after)
        .into_iter()
        .filter_map(|(measure, contribution)| {
            let (was, is) = (points(before, measure), points(Some(after), measure));
            let measure = MEASURES.get(usize::from(measure))?;
            (contribution != 0 || was != is).then(|| line(measure.id.to_owned(), measure.group.as_str(), was, is, contribution))
        })
        .collect();
    lines.extend(cap_lines(before, after));
    if let Some((group, id)) = event {
        for line in lines.iter_mut().filter(|line| line.group == group) {
            line.events.push(id.to_owned());
        }
    }
    lines
}

fn line(measure: String, group: &str, before: Option<i32>, after: Option<i32>, contribution: i32) -> Line {
    Line { measure, group: group.to_owned(), before, after, contribution, events: Vec::new() }
}

/// What caps take off; a cap that stays has one line for what changed, one that came or went a line of its own.
fn cap_lines(before: Option<&Snapshot>, after: &Snapshot) -> Vec<Line> {
    let effect = |s: &Snapshot| s.shown - s.raw;
    let cap_line = |s: &Snapshot, contribution: i32, was: Option<i32>, is: Option<i32>| {
        cap_of(s).map(|cap| line(format!("cap:{}", cap.id), cap.group.as_str(), was, is, contribution))
    };
    match before {
        Some(b) if b.cap == after.cap => {
            let change = effect(after) - effect(b);
            cap_line(after, change, Some(b.shown), Some(after.shown)).filter(|_| change != 0).into_iter().collect()
        }
        _ => {
            let lifted = before.and_then(|b| cap_line(b, -effect(b), Some(b.shown), None));
            lifted.into_iter().chain(cap_line(after, effect(after), None, Some(after.shown))).collect()
        }
    }
}

fn part(snapshot: Option<&Snapshot>, measure: u8) -> Option<&Part> {
    snapshot?.parts.iter().find(|part| part.measure == measure)
}

/// A measure's points, whole.
fn points(snapshot: Option<&Snapshot>, measure: u8) -> Option<i32> {
    part(snapshot, measure).map(|part| round_half_up(i128::from(part.points_milli), 1000) as i32)
}

fn weight(snapshot: &Snapshot) -> i128 {
    snapshot.parts.iter().map(|part| i128::from(part.weight)).sum::<i128>().max(1)
}

/// The change of the score before caps, apportioned to measures by largest remainder. Halves are rounded up on both sides, so the sum of the exact shares is less than 1 from the
/// change in whole points, and there are always enough remainders to hand it out.
fn shares(before: Option<&Snapshot>, after: &Snapshot) -> Vec<(u8, i32)> {
    let (den_before, den_after) = (before.map_or(1, weight), weight(after));
    let den = den_before * den_after * 1000;
    let measures = 0..MEASURES.len() as u8;
    let mut shares: Vec<Share> = measures
        .filter(|measure| part(before, *measure).is_some() || part(Some(after), *measure).is_some())
        .map(|measure| {
            let of = |s, den| part(s, measure).map_or(0, |p| part_sum(p) * den);
            let exact = of(Some(after), den_before) - of(before, den_after);
            Share { measure, whole: exact.div_euclid(den), rest: exact.rem_euclid(den) }
        })
        .collect();
    let change = i128::from(after.raw - before.map_or(0, |b| b.raw));
    let left = change - shares.iter().map(|share| share.whole).sum::<i128>();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|index| (-shares[*index].rest, *index));
    for index in order.into_iter().take(left.max(0) as usize) {
        shares[index].whole += 1;
    }
    shares.into_iter().map(|share| (share.measure, share.whole as i32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::CAPS;
    use proptest::prelude::*;

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        let part = (any::<bool>(), 0..=100_000_i32, 1..=1_000_000_i64);
        (prop::collection::vec(part, MEASURES.len()), prop::option::of(0..CAPS.len() as u8)).prop_map(|(found, cap)| {
            let parts: Vec<Part> = (0_u8..)
                .zip(found)
                .filter(|(measure, (is, _, _))| *is || *measure == 0)
                .map(|(measure, (_, points_milli, fresh))| Part {
                    measure,
                    value_milli: 0,
                    points_milli,
                    weight: MEASURES[usize::from(measure)].card_weight() * fresh,
                })
                .collect();
            let sum: i128 = parts.iter().map(part_sum).sum();
            let raw = round_half_up(sum, parts.iter().map(|p| i128::from(p.weight)).sum::<i128>() * 1000) as i32;
            let cap = cap.filter(|cap| CAPS[usize::from(*cap)].limit < raw);
            let shown = cap.map_or(raw, |cap| CAPS[usize::from(cap)].limit);
            Snapshot { parts, raw, shown, cap, coverage_ppm: 0 }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn contributions_sum_exactly_to_the_change(before in prop::option::of(snapshot()), after in snapshot()) {
            prop_assert!((0..=100).contains(&after.shown));
            let sum: i32 = receipt(before.as_ref(), &after, None).iter().map(|line| line.contribution).sum();
            prop_assert_eq!(sum, after.shown - before.as_ref().map_or(0, |b| b.shown));
        }

        #[test]
        fn a_contribution_is_within_one_point_of_its_exact_share(before in snapshot(), after in snapshot()) {
            for (measure, contribution) in shares(Some(&before), &after) {
                let exact = |s: &Snapshot| part(Some(s), measure).map_or(0.0, |p| part_sum(p) as f64 / weight(s) as f64 / 1000.0);
                prop_assert!((exact(&after) - exact(&before) - f64::from(contribution)).abs() < 1.0 + 1e-6);
            }
        }
    }
}
