//! Bands that noise does not move: a crossing counts only beyond a margin and after it has held. A cap is a fact and not noise, so it needs no margin; a hard one no wait either. The
//! band that somebody answers for stands beside the score, and only a hard cap is stronger.
use crate::rows::{Band, Health, Pending, Snapshot};
use c360_health::{Bands, OverrideBand, Rules};

/// A change of the shown band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BandStep {
    pub(crate) from: Band,
    pub(crate) to: Band,
}

/// The band that a score is in by the borders alone.
fn plain(bands: &Bands, score: i32) -> Band {
    if score >= bands.green_from {
        Band::Green
    } else if score >= bands.yellow_from {
        Band::Yellow
    } else {
        Band::Red
    }
}

fn is_hard(rules: &Rules, snapshot: &Snapshot) -> bool {
    rules.cap(snapshot.cap).is_some_and(|cap| cap.hard)
}

/// The band that a customer is in whose past says nothing: it is new, or is scored by other rules now.
pub(crate) fn anew(rules: &Rules, snapshot: &Snapshot) -> Band {
    points_to(rules, Band::Unknown, snapshot)
}

/// The band that `snapshot` points to from `band`.
pub(crate) fn points_to(rules: &Rules, band: Band, snapshot: &Snapshot) -> Band {
    let bands = &rules.bands;
    if snapshot.coverage_ppm < bands.known_from_ppm && !is_hard(rules, snapshot) {
        return Band::Unknown;
    }
    let (score, margin) = (snapshot.shown, bands.margin);
    let capped = plain(bands, score);
    if snapshot.cap.is_some() && capped.worse_than(band) {
        return capped;
    }
    match band {
        Band::Unknown => capped,
        Band::Red | Band::Yellow if score >= bands.green_from + margin => Band::Green,
        Band::Red if score >= bands.yellow_from + margin => Band::Yellow,
        Band::Yellow | Band::Green if score < bands.yellow_from - margin => Band::Red,
        Band::Green if score < bands.green_from - margin => Band::Yellow,
        same => same,
    }
}

/// Moves the shown band on. `at_once`: what was said of the past, taken as it is.
pub(crate) fn step(rules: &Rules, health: &mut Health, snapshot: &Snapshot, now: i64, at_once: bool) -> Option<BandStep> {
    let from = health.band;
    let to = points_to(rules, from, snapshot);
    if to == from {
        health.pending = None;
        return None;
    }
    let hard = is_hard(rules, snapshot) && to.worse_than(from);
    let no_wait = at_once || hard || from == Band::Unknown || to == Band::Unknown;
    let worse = to.worse_than(from);
    let since = match &health.pending {
        Some(pending) if pending.worse == worse => pending.since,
        _ => now,
    };
    if !no_wait && now < since + rules.bands.dwell_ms {
        health.pending = Some(Pending { worse, since });
        return None;
    }
    health.pending = None;
    health.band = to;
    Some(BandStep { from, to })
}

/// The band that somebody answers for, where it holds: nothing is stronger but a hard cap.
pub(crate) fn overridden(rules: &Rules, account: &str, snapshot: &Snapshot, now: i64) -> Option<Band> {
    let held = rules.override_of(account, now).filter(|_| !is_hard(rules, snapshot))?;
    Some(match held.band {
        OverrideBand::Red => Band::Red,
        OverrideBand::Yellow => Band::Yellow,
        OverrideBand::Green => Band::Green,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;
    use std::sync::Arc;

    const DWELL_MS: i64 = 3 * DAY_MS;

    fn rules() -> Arc<Rules> {
        Rules::built_in()
    }

    fn scored(shown: i32) -> Snapshot {
        Snapshot { shown, raw: shown, coverage_ppm: 900_000, ..Snapshot::default() }
    }

    #[test]
    fn a_crossing_counts_only_beyond_the_margin() {
        for (band, score, to) in [
            (Band::Green, 70, Band::Green),
            (Band::Green, 69, Band::Yellow),
            (Band::Green, 45, Band::Yellow),
            (Band::Green, 44, Band::Red),
            (Band::Yellow, 79, Band::Yellow),
            (Band::Yellow, 80, Band::Green),
            (Band::Yellow, 45, Band::Yellow),
            (Band::Red, 54, Band::Red),
            (Band::Red, 55, Band::Yellow),
            (Band::Red, 80, Band::Green),
            (Band::Unknown, 75, Band::Green),
            (Band::Unknown, 49, Band::Red),
        ] {
            assert_eq!(points_to(&rules(), band, &scored(score)), to, "{band:?} {score}");
        }
    }

    #[test]
    fn a_crossing_must_hold_for_three_days() {
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&rules(), &mut health, &scored(60), 0, false), None);
        assert_eq!(step(&rules(), &mut health, &scored(74), DAY_MS, false), None, "back within the margin");
        assert_eq!(step(&rules(), &mut health, &scored(60), 2 * DAY_MS, false), None, "the wait starts anew");
        assert_eq!(step(&rules(), &mut health, &scored(40), 5 * DAY_MS - 1, false), None);
        let step = step(&rules(), &mut health, &scored(40), 5 * DAY_MS, false);
        assert_eq!(step, Some(BandStep { from: Band::Green, to: Band::Red }));
    }

    #[test]
    fn little_coverage_is_unknown_unless_a_hard_fact_says_red() {
        let thin = Snapshot { coverage_ppm: 499_999, ..scored(100) };
        assert_eq!(points_to(&rules(), Band::Green, &thin), Band::Unknown);
        let cancelled = Snapshot { shown: 20, cap: Some(1), ..thin };
        assert_eq!(points_to(&rules(), Band::Green, &cancelled), Band::Red);
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&rules(), &mut health, &cancelled, 0, false).map(|s| s.to), Some(Band::Red), "at once");
    }

    #[test]
    fn a_soft_cap_needs_no_margin_but_waits() {
        let overdue = Snapshot { shown: 49, cap: Some(3), raw: 90, coverage_ppm: 900_000, ..Snapshot::default() };
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&rules(), &mut health, &overdue, 0, false), None);
        assert_eq!(step(&rules(), &mut health, &overdue, DWELL_MS, false).map(|s| s.to), Some(Band::Red));
    }
}
