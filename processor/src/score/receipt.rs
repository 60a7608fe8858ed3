//! Why a score changed: contributions in whole points that sum to the change exactly, each for what really changed.
//!
//! A score is S = N / W with N = sum of w p, W = sum of w over measures with weight w (times freshness) and points p. It goes to S' in two steps, each of which is linear in the measures:
//! the weights, S1 - S = sum of (w' - w)(p - S) / W', for what decayed, came or went; then the points, S' - S1 = sum of w'(p' - p) / W'. Who did not change has no part in either.
use super::facts::round_half_up;
use super::{Facts, Held, evaluate, part_sum};
use crate::rows::{Line, Part, Snapshot};
use c360_health::{Family, Rules};
use std::cmp::Ordering;

/// The event that brought a change about: where it came from, and its message id.
pub(crate) type Cause<'a> = Option<(Family, &'a str)>;

/// What a share of a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Its points, or that it came or went.
    Measure,
    /// What is known of it grew old.
    Freshness,
}

/// An exact share of the change, as `whole + rest / den`.
struct Share {
    measure: u8,
    of: For,
    whole: i128,
    rest: i128,
}

/// The receipt for the change from `before` (`None`: there was no score, and it starts from 0) to `after`. Where they were made by different rules or cards, the first is brought up to
/// now by its own, and what is left of the change is the rules'. `then`: the rules of `before`, where they are known still.
pub(crate) fn between(
    before: Option<&Snapshot>,
    then: Option<&Rules>,
    after: &Snapshot,
    rules: &Rules,
    version: u32,
    facts: Facts<'_>,
    cause: Cause<'_>,
) -> Vec<Line> {
    let Some(old) = before.filter(|b| (b.rules, b.card) != (after.rules, after.card)) else {
        return exact(rules, before, after, cause);
    };
    let up_to_now = then.and_then(|then| Some((then, evaluate(then, old.card, facts, Held::default())?)));
    let mut lines = up_to_now.as_ref().map_or_else(Vec::new, |(then, now)| exact(then, before, now, cause));
    let from = up_to_now.map_or(old.shown, |(_, now)| now.shown);
    let (measure, group) = if old.rules == after.rules {
        (format!("card:{}", rules.card(after.card).id), "card")
    } else {
        (format!("rules:{version}"), "rules")
    };
    lines.push(line(measure, group, Some(from), Some(after.shown), after.shown - from));
    lines
}

/// As [`between`], by one card.
pub(crate) fn exact(rules: &Rules, before: Option<&Snapshot>, after: &Snapshot, cause: Cause<'_>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (share, contribution) in apportioned(before, after) {
        let Some(measure) = rules.measures.get(usize::from(share.measure)) else { continue };
        let (was, is) = (points(before, share.measure), points(Some(after), share.measure));
        let name = match share.of {
            For::Measure if contribution == 0 && was == is => continue,
            For::Measure => measure.id.clone(),
            For::Freshness if contribution == 0 => continue,
            For::Freshness => format!("freshness:{}", measure.id),
        };
        let group = rules.groups.get(measure.group).map_or("", |group| group.id.as_str());
        let is = if share.of == For::Freshness { was } else { is };
        let mut line = line(name, group, was, is, contribution);
        attribute(&mut line, [measure.fact.family()], cause);
        lines.push(line);
    }
    lines.extend(cap_lines(rules, before, after, cause));
    lines
}

/// Names the event behind a line that it can be behind.
fn attribute(line: &mut Line, families: impl IntoIterator<Item = Family>, cause: Cause<'_>) {
    if let Some((family, id)) = cause
        && families.into_iter().any(|of| of == family)
    {
        line.events.push(id.to_owned());
    }
}

fn line(measure: String, group: &str, before: Option<i32>, after: Option<i32>, contribution: i32) -> Line {
    Line { measure, group: group.to_owned(), before, after, contribution, events: Vec::new() }
}

/// What caps take off; a cap that stays has one line for what changed, one that came or went a line of its own.
fn cap_lines(rules: &Rules, before: Option<&Snapshot>, after: &Snapshot, cause: Cause<'_>) -> Vec<Line> {
    let effect = |s: &Snapshot| s.shown - s.raw;
    let cap_line = |s: &Snapshot, contribution: i32, was: Option<i32>, is: Option<i32>| {
        rules.cap(s.cap).map(|cap| {
            let group = rules.groups.get(cap.group).map_or("", |group| group.id.as_str());
            let mut line = line(format!("cap:{}", cap.id), group, was, is, contribution);
            attribute(&mut line, cap.when.iter().map(|condition| condition.fact.family()), cause);
            line
        })
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

/// The exact shares of the change before caps, and what they are parts of.
fn shares(before: Option<&Snapshot>, after: &Snapshot) -> (Vec<Share>, i128) {
    let whole_after = weight(after);
    let mut shares = Vec::new();
    let Some(before) = before else {
        let den = whole_after * 1000;
        let parts = after.parts.iter().map(|part| (part.measure, part_sum(part)));
        shares.extend(parts.map(|(measure, sum)| Share {
            measure,
            of: For::Measure,
            whole: sum.div_euclid(den),
            rest: sum.rem_euclid(den),
        }));
        return (shares, den);
    };
    let whole = weight(before);
    let sum: i128 = before.parts.iter().map(part_sum).sum();
    let den = whole * whole_after * 1000;
    let mut push = |measure: u8, of: For, exact: i128| {
        if exact != 0 {
            shares.push(Share { measure, of, whole: exact.div_euclid(den), rest: exact.rem_euclid(den) });
        }
    };
    let (mut old, mut new) = (before.parts.iter().peekable(), after.parts.iter().peekable());
    // Both are ascending by measure.
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(old), Some(new)) => old.measure.cmp(&new.measure),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let (was, is) = match order {
            Ordering::Less => (old.next(), None),
            Ordering::Greater => (None, new.next()),
            Ordering::Equal => (old.next(), new.next()),
        };
        let Some(measure) = was.or(is).map(|part| part.measure) else { break };
        let (w, w2) = (was.map_or(0, |part| part.weight), is.map_or(0, |part| part.weight));
        let p2 = i128::from(is.or(was).map_or(0, |part| part.points_milli));
        let p = was.map_or(p2, |part| i128::from(part.points_milli));
        let by_weight = i128::from(w2 - w) * (p * whole - sum);
        let by_points = i128::from(w2) * (p2 - p) * whole;
        // Of a fact that is known, or known no more, it is the measure itself that speaks.
        let decayed = was.zip(is).is_some_and(|(was, is)| was.missing == is.missing);
        if decayed {
            push(measure, For::Freshness, by_weight);
            push(measure, For::Measure, by_points);
        } else {
            push(measure, For::Measure, by_weight + by_points);
        }
    }
    (shares, den)
}

/// The change of the score before caps in whole points, by largest remainder. Halves are rounded up on both sides, so the sum of the exact shares is less than 1 from the change in whole
/// points, and there are always enough remainders to hand it out.
fn apportioned(before: Option<&Snapshot>, after: &Snapshot) -> Vec<(Share, i32)> {
    let (mut shares, _) = shares(before, after);
    let change = i128::from(after.raw - before.map_or(0, |b| b.raw));
    let left = change - shares.iter().map(|share| share.whole).sum::<i128>();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|index| (-shares[*index].rest, *index));
    for index in order.into_iter().take(left.max(0) as usize) {
        shares[index].whole += 1;
    }
    shares
        .into_iter()
        .map(|share| {
            let whole = share.whole as i32;
            (share, whole)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use c360_health::PPM;
    use proptest::prelude::*;

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        let rules = Rules::built_in();
        let part = (any::<bool>(), 0..=100_000_i32, prop_oneof![Just(PPM), 1..=PPM], prop::bool::weighted(0.1));
        (prop::collection::vec(part, rules.measures.len()), prop::option::of(0..rules.caps.len() as u8)).prop_map(move |(found, cap)| {
            let parts: Vec<Part> = (0_u8..)
                .zip(found)
                .filter(|(measure, (is, ..))| *is || *measure == 0)
                .map(|(measure, (_, points_milli, fresh, missing))| Part {
                    measure,
                    value_milli: 0,
                    points_milli,
                    weight: rules.card(0).measures[usize::from(measure)].weight_ppm * fresh,
                    missing,
                })
                .collect();
            let sum: i128 = parts.iter().map(part_sum).sum();
            let raw = round_half_up(sum, parts.iter().map(|p| i128::from(p.weight)).sum::<i128>() * 1000) as i32;
            let cap = cap.filter(|cap| rules.caps[usize::from(*cap)].limit < raw);
            let shown = cap.map_or(raw, |cap| rules.caps[usize::from(cap)].limit);
            Snapshot { parts, raw, shown, cap, ..Snapshot::default() }
        })
    }

    /// What only one of two did: the other's parts stay as they are.
    fn nudged(mut snapshot: Snapshot, measure: usize, points: i32, fresh: i64) -> Snapshot {
        let index = measure % snapshot.parts.len();
        let part = &mut snapshot.parts[index];
        part.points_milli = points;
        part.weight = (part.weight / 1000 * fresh).max(1);
        let sum: i128 = snapshot.parts.iter().map(part_sum).sum();
        snapshot.raw = round_half_up(sum, weight(&snapshot) * 1000) as i32;
        snapshot.shown = snapshot.raw;
        snapshot.cap = None;
        snapshot
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn contributions_sum_exactly_to_the_change(before in prop::option::of(snapshot()), after in snapshot()) {
            prop_assert!((0..=100).contains(&after.shown));
            let rules = Rules::built_in();
            let sum: i32 = exact(&rules, before.as_ref(), &after, None).iter().map(|line| line.contribution).sum();
            prop_assert_eq!(sum, after.shown - before.as_ref().map_or(0, |b| b.shown));
        }

        #[test]
        fn a_contribution_is_within_one_point_of_its_exact_share(before in snapshot(), after in snapshot()) {
            let (exact, den) = shares(Some(&before), &after);
            let score = |s: &Snapshot| s.parts.iter().map(part_sum).sum::<i128>() as f64 / weight(s) as f64 / 1000.0;
            let of = |share: &Share| share.whole as f64 + share.rest as f64 / den as f64;
            let sum: f64 = exact.iter().map(of).sum();
            prop_assert!((sum - (score(&after) - score(&before))).abs() < 1e-6, "the exact shares are the exact change");
            for (exact, (_, contribution)) in exact.iter().zip(apportioned(Some(&before), &after)) {
                prop_assert!((of(exact) - f64::from(contribution)).abs() <= 1.0 + 1e-6);
            }
        }

        #[test]
        fn who_did_not_change_has_no_line(before in snapshot(), measure in 0..20_usize, points in 0..=100_000_i32, fresh in 1..=1_000_i64) {
            let before = nudged(before, 0, 50_000, 1_000);
            let changed = before.parts[measure % before.parts.len()].measure;
            let after = nudged(before.clone(), measure, points, fresh);
            for (share, _) in apportioned(Some(&before), &after) {
                prop_assert_eq!(share.measure, changed);
            }
        }
    }
}
