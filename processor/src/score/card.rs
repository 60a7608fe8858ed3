//! What scorecards are made of.
use crate::rows::Hot;

/// One, in millionths.
pub(crate) const PPM: i64 = 1_000_000;

/// The groups of a card: the customer's outcome (usage) and experience (billing, support, survey).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Usage,
    Billing,
    Support,
    Survey,
}

impl Group {
    pub(crate) const ALL: [Group; 4] = [Group::Usage, Group::Billing, Group::Support, Group::Survey];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Group::Usage => "usage",
            Group::Billing => "billing",
            Group::Support => "support",
            Group::Survey => "survey",
        }
    }
}

/// What a measure found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Thousandths of the measure's unit.
    pub(crate) value_milli: i64,
    /// Millionths; 1 until its TTL, then halved each half-life.
    pub(crate) freshness_ppm: i64,
}

impl Found {
    /// A value as of now.
    pub(crate) fn now(value_milli: i64) -> Self {
        Self { value_milli, freshness_ppm: PPM }
    }
}

/// One measure of a card.
pub(crate) struct Measure {
    pub(crate) id: &'static str,
    pub(crate) group: Group,
    /// Weight in its group.
    pub(crate) weight: i64,
    /// Values that are worth 0 and 100 points, in thousandths.
    pub(crate) red_milli: i64,
    pub(crate) green_milli: i64,
    /// `None`: missing or not applicable; it is left out and coverage falls.
    pub(crate) value: fn(&Hot, i64) -> Option<Found>,
    /// What is wrong when it is low, as it stands in a sentence.
    pub(crate) complaint: &'static str,
}

impl Measure {
    /// 100 x clamp((x - red) / (green - red)), in thousandths of a point.
    pub(crate) fn points_milli(&self, value_milli: i64) -> i32 {
        let span = i128::from(self.green_milli - self.red_milli);
        let x = i128::from(value_milli) - i128::from(self.red_milli);
        (if span == 0 { 0 } else { x * 100_000 / span }).clamp(0, 100_000) as i32
    }
}

/// A limit that holds the score down while a fact holds.
pub(crate) struct Cap {
    pub(crate) id: &'static str,
    pub(crate) group: Group,
    pub(crate) limit: i32,
    /// A hard fact: the band follows at once.
    pub(crate) hard: bool,
    pub(crate) holds: fn(&Hot, i64) -> bool,
    pub(crate) complaint: &'static str,
}

/// `num / den` to the nearest whole number, halves up; `den` is positive.
pub(crate) fn round_half_up(num: i128, den: i128) -> i128 {
    (2 * num + den).div_euclid(2 * den)
}
