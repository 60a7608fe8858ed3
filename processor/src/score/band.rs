//! Bands at 50 and 75 that noise does not move: a crossing counts only beyond a margin of 5 and after 3 days. A cap is a fact and not noise, so it needs no margin; a hard one no
//! wait either.
use super::cap_of;
use crate::rows::{Band, Health, Pending, Snapshot};
use crate::time::DAY_MS;

const YELLOW_FROM: i32 = 50;
const GREEN_FROM: i32 = 75;
const MARGIN: i32 = 5;
/// How long a crossing must hold.
pub(crate) const DWELL_MS: i64 = 3 * DAY_MS;
/// Coverage below which health is not known.
const KNOWN_FROM_PPM: u32 = 500_000;

/// A change of the shown band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BandStep {
    pub(crate) from: Band,
    pub(crate) to: Band,
}

/// The band that a score is in by the thresholds alone.
fn plain(score: i32) -> Band {
    match score {
        GREEN_FROM.. => Band::Green,
        YELLOW_FROM.. => Band::Yellow,
        _ => Band::Red,
    }
}

/// The band that `snapshot` points to from `band`.
pub(crate) fn points_to(band: Band, snapshot: &Snapshot) -> Band {
    let cap = cap_of(snapshot);
    let hard = cap.is_some_and(|cap| cap.hard);
    if snapshot.coverage_ppm < KNOWN_FROM_PPM && !hard {
        return Band::Unknown;
    }
    let score = snapshot.shown;
    let capped = plain(score);
    if cap.is_some() && capped.worse_than(band) {
        return capped;
    }
    match band {
        Band::Unknown => plain(score),
        Band::Red if score >= GREEN_FROM + MARGIN => Band::Green,
        Band::Red if score >= YELLOW_FROM + MARGIN => Band::Yellow,
        Band::Yellow if score >= GREEN_FROM + MARGIN => Band::Green,
        Band::Yellow | Band::Green if score < YELLOW_FROM - MARGIN => Band::Red,
        Band::Green if score < GREEN_FROM - MARGIN => Band::Yellow,
        same => same,
    }
}

/// Moves the shown band on. `at_once`: what was said of the past, taken as it is.
pub(crate) fn step(health: &mut Health, snapshot: &Snapshot, now: i64, at_once: bool) -> Option<BandStep> {
    let from = health.band;
    let to = points_to(from, snapshot);
    if to == from {
        health.pending = None;
        return None;
    }
    let hard = cap_of(snapshot).is_some_and(|cap| cap.hard) && to.worse_than(from);
    let no_wait = at_once || hard || from == Band::Unknown || to == Band::Unknown;
    let worse = to.worse_than(from);
    let since = match &health.pending {
        Some(pending) if pending.worse == worse => pending.since,
        _ => now,
    };
    if !no_wait && now < since + DWELL_MS {
        health.pending = Some(Pending { worse, since });
        return None;
    }
    health.pending = None;
    health.band = to;
    Some(BandStep { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(points_to(band, &scored(score)), to, "{band:?} {score}");
        }
    }

    #[test]
    fn a_crossing_must_hold_for_three_days() {
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&mut health, &scored(60), 0, false), None);
        assert_eq!(step(&mut health, &scored(74), DAY_MS, false), None, "back within the margin");
        assert_eq!(step(&mut health, &scored(60), 2 * DAY_MS, false), None, "the wait starts anew");
        assert_eq!(step(&mut health, &scored(40), 5 * DAY_MS - 1, false), None);
        let step = step(&mut health, &scored(40), 5 * DAY_MS, false);
        assert_eq!(step, Some(BandStep { from: Band::Green, to: Band::Red }));
    }

    #[test]
    fn little_coverage_is_unknown_unless_a_hard_fact_says_red() {
        let thin = Snapshot { coverage_ppm: 499_999, ..scored(100) };
        assert_eq!(points_to(Band::Green, &thin), Band::Unknown);
        let cancelled = Snapshot { shown: 20, cap: Some(1), ..thin };
        assert_eq!(points_to(Band::Green, &cancelled), Band::Red);
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&mut health, &cancelled, 0, false).map(|s| s.to), Some(Band::Red), "at once");
    }

    #[test]
    fn a_soft_cap_needs_no_margin_but_waits() {
        let overdue = Snapshot { shown: 49, cap: Some(3), raw: 90, coverage_ppm: 900_000, parts: Vec::new() };
        let mut health = Health { band: Band::Green, ..Health::default() };
        assert_eq!(step(&mut health, &overdue, 0, false), None);
        assert_eq!(step(&mut health, &overdue, DWELL_MS, false).map(|s| s.to), Some(Band::Red));
    }
}
