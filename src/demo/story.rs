//! What befalls a customer: how much it uses the product, how its people feel, what it does about it, day by day of the story.
//! Pure: a story and a day in, numbers and beats out.
use super::chance::Dice;

/// A kind of story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Story {
    /// Nothing special.
    Steady,
    /// Buys more seats, twice.
    Growing,
    /// Uses it less and less, and leaves.
    DeclineAndLeave,
    /// Uses it less, gives seats back, and comes round.
    DeclineAndReturn,
    /// Its champion goes, and with them nearly all use; it leaves.
    ChampionGoneAndLeave,
    /// Its champion goes; somebody else takes over.
    ChampionGoneAndReturn,
    /// Onboarding never gets going; it leaves.
    StalledAndLeave,
    /// Onboarding gets going late.
    StalledAndReturn,
    /// Payments fail, and succeed at one of the next tries.
    PaymentsRecover,
    /// Payments fail to the last try.
    PaymentsLost,
    /// Tickets pile up, and it leaves.
    SupportAndLeave,
    /// Tickets pile up, and are worked off.
    SupportAndReturn,
    /// Leaves from one day to the next, with nothing to be seen before.
    SuddenChurn,
}

/// Something that the customer does on a day of its story.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Beat {
    /// Seats to be bought, as a share of those that it has; negative gives back.
    ChangeSeats(f64),
    /// Leaves at the end of its term.
    ScheduleCancellation { feedback: &'static str },
    /// Leaves now.
    CancelNow { feedback: &'static str },
    /// From the next invoice on, payments fail; `recovers_at` is the try that succeeds, 5 being a payment by hand after the last try.
    PaymentsFail { recovers_at: Option<u8> },
    /// The person who brought the product in is gone.
    ChampionGoes,
}

impl Story {
    /// How long it goes on, in days.
    pub(crate) fn days(self, dice: &mut Dice) -> i64 {
        match self {
            Story::Steady => dice.whole(90, 320),
            Story::Growing => 140,
            Story::DeclineAndLeave | Story::ChampionGoneAndLeave | Story::SupportAndLeave | Story::StalledAndLeave => 400,
            Story::DeclineAndReturn => 165,
            Story::ChampionGoneAndReturn | Story::StalledAndReturn => 110,
            Story::PaymentsRecover | Story::PaymentsLost => 65,
            Story::SupportAndReturn => 80,
            Story::SuddenChurn => 30,
        }
    }

    /// The share of its usual use on day `t` of the story.
    pub(crate) fn usage(self, t: i64) -> f64 {
        match self {
            Story::Steady | Story::PaymentsRecover | Story::PaymentsLost | Story::SuddenChurn => 1.0,
            Story::Growing => 1.0 + 0.15 * slope(t, 0, 60),
            Story::DeclineAndLeave => 1.0 - 0.85 * slope(t, 0, 85),
            Story::DeclineAndReturn => 1.0 - 0.65 * slope(t, 0, 75) + 0.6 * slope(t, 110, 160),
            Story::ChampionGoneAndLeave => 1.0 - 0.92 * slope(t, 0, 3),
            Story::ChampionGoneAndReturn => 1.0 - 0.85 * slope(t, 0, 3) + 0.8 * slope(t, 45, 90),
            Story::StalledAndLeave => 0.2 - 0.15 * slope(t, 30, 70),
            Story::StalledAndReturn => 0.2 + 0.8 * slope(t, 45, 90),
            Story::SupportAndLeave => 1.0 - 0.35 * slope(t, 15, 60),
            Story::SupportAndReturn => 1.0 - 0.15 * slope(t, 10, 30) + 0.15 * slope(t, 50, 75),
        }
    }

    /// How people feel about it, 0 to 1, where `usual` is how they feel with nothing special.
    pub(crate) fn mood(self, t: i64, usual: f64) -> f64 {
        let worse = match self {
            Story::Steady => 0.0,
            Story::Growing => -0.06,
            Story::PaymentsRecover | Story::PaymentsLost => 0.05,
            Story::SuddenChurn => 0.02,
            Story::DeclineAndLeave | Story::StalledAndLeave => 0.55 * slope(t, 0, 80),
            Story::DeclineAndReturn => 0.35 * slope(t, 0, 70) - 0.3 * slope(t, 110, 150),
            Story::ChampionGoneAndLeave => 0.35 * slope(t, 0, 30),
            Story::ChampionGoneAndReturn => 0.2 * slope(t, 0, 20) - 0.2 * slope(t, 45, 90),
            Story::StalledAndReturn => 0.3 - 0.3 * slope(t, 45, 90),
            Story::SupportAndLeave => 0.65 * slope(t, 0, 20),
            Story::SupportAndReturn => 0.5 * slope(t, 0, 15) - 0.45 * slope(t, 45, 75),
        };
        (usual - worse).clamp(0.0, 1.0)
    }

    /// How many times its usual number of tickets, and how badly help comes: 0 as usual, 1 not for weeks.
    pub(crate) fn trouble(self, t: i64) -> (f64, f64) {
        match self {
            Story::SupportAndLeave => (1.0 + 6.0 * slope(t, 0, 10), slope(t, 0, 3)),
            Story::SupportAndReturn if t < 40 => (1.0 + 6.0 * slope(t, 0, 10), slope(t, 0, 3)),
            Story::StalledAndLeave | Story::StalledAndReturn => (1.6, 0.2),
            Story::DeclineAndLeave => (1.0 - 0.6 * slope(t, 0, 60), 0.1),
            _ => (1.0, 0.0),
        }
    }

    /// What it does on day `t`; days when nothing is done are most.
    pub(crate) fn beat(self, t: i64, dice: &mut Dice) -> Option<Beat> {
        match (self, t) {
            (Story::Growing, 30 | 100) => Some(Beat::ChangeSeats(dice.between(0.15, 0.35))),
            (Story::DeclineAndLeave, 80) => Some(Beat::ScheduleCancellation { feedback: "unused" }),
            (Story::DeclineAndReturn, 70) => Some(Beat::ChangeSeats(-dice.between(0.1, 0.3))),
            (Story::ChampionGoneAndLeave | Story::ChampionGoneAndReturn, 0) => Some(Beat::ChampionGoes),
            (Story::ChampionGoneAndLeave, 40) => Some(Beat::ScheduleCancellation { feedback: "switched_service" }),
            (Story::StalledAndLeave, 75) => Some(Beat::CancelNow { feedback: "too_complex" }),
            (Story::PaymentsRecover, 0) => Some(Beat::PaymentsFail { recovers_at: Some(dice.pick(&[2, 2, 3, 4, 5])) }),
            (Story::PaymentsLost, 0) => Some(Beat::PaymentsFail { recovers_at: None }),
            (Story::SupportAndLeave, 45) => Some(Beat::ScheduleCancellation { feedback: "customer_service" }),
            (Story::SuddenChurn, 4) => Some(Beat::CancelNow { feedback: "too_expensive" }),
            _ => None,
        }
    }

    /// The story that comes after a steady time. Payments by the year fail too seldom to tell of.
    pub(crate) fn next(pays_monthly: bool, dice: &mut Dice) -> Story {
        let roll = dice.unit();
        let table: [(f64, Story); 11] = [
            (0.20, Story::Growing),
            (0.04, Story::DeclineAndLeave),
            (0.05, Story::DeclineAndReturn),
            (0.03, Story::ChampionGoneAndLeave),
            (0.04, Story::ChampionGoneAndReturn),
            (if pays_monthly { 0.08 } else { 0.0 }, Story::PaymentsRecover),
            (if pays_monthly { 0.03 } else { 0.0 }, Story::PaymentsLost),
            (0.03, Story::SupportAndLeave),
            (0.06, Story::SupportAndReturn),
            (0.03, Story::SuddenChurn),
            (1.0, Story::Steady),
        ];
        let mut sum = 0.0;
        for (share, story) in table {
            sum += share;
            if roll < sum {
                return story;
            }
        }
        Story::Steady
    }

    /// How a new customer starts.
    pub(crate) fn first(dice: &mut Dice) -> Story {
        match dice.unit() {
            u if u < 0.09 => Story::StalledAndLeave,
            u if u < 0.20 => Story::StalledAndReturn,
            _ => Story::Steady,
        }
    }
}

/// 0 before day `from`, 1 from day `to` on, straight in between.
fn slope(t: i64, from: i64, to: i64) -> f64 {
    ((t - from) as f64 / (to - from) as f64).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Story; 13] = [
        Story::Steady,
        Story::Growing,
        Story::DeclineAndLeave,
        Story::DeclineAndReturn,
        Story::ChampionGoneAndLeave,
        Story::ChampionGoneAndReturn,
        Story::StalledAndLeave,
        Story::StalledAndReturn,
        Story::PaymentsRecover,
        Story::PaymentsLost,
        Story::SupportAndLeave,
        Story::SupportAndReturn,
        Story::SuddenChurn,
    ];

    #[test]
    fn use_mood_and_trouble_stay_in_their_bounds_on_every_day_of_every_story() {
        for story in ALL {
            for t in 0..500 {
                let (tickets, slowness) = story.trouble(t);
                assert!((0.0..=1.5).contains(&story.usage(t)), "{story:?} {t}");
                assert!((0.0..=1.0).contains(&story.mood(t, 0.9)), "{story:?} {t}");
                assert!((0.0..=8.0).contains(&tickets) && (0.0..=1.0).contains(&slowness), "{story:?} {t}");
            }
        }
    }

    #[test]
    fn whoever_comes_round_is_back_at_nearly_the_usual_use_at_the_end() {
        for story in [Story::DeclineAndReturn, Story::ChampionGoneAndReturn, Story::StalledAndReturn, Story::SupportAndReturn] {
            let end = story.days(&mut Dice::new(1, &[]));
            assert!(story.usage(end) >= 0.9, "{story:?} ends at {}", story.usage(end));
            let lowest = (0..end).map(|t| story.usage(t)).fold(f64::MAX, f64::min);
            assert!(lowest < 0.9, "{story:?} never fell");
        }
    }

    #[test]
    fn whoever_leaves_says_so_within_the_story_and_the_others_never_do() {
        for story in ALL {
            let mut dice = Dice::new(1, &[]);
            let says = (0..story.days(&mut dice)).any(|t| {
                matches!(
                    story.beat(t, &mut dice),
                    Some(Beat::ScheduleCancellation { .. } | Beat::CancelNow { .. } | Beat::PaymentsFail { recovers_at: None })
                )
            });
            let leaves = matches!(
                story,
                Story::DeclineAndLeave
                    | Story::ChampionGoneAndLeave
                    | Story::StalledAndLeave
                    | Story::PaymentsLost
                    | Story::SupportAndLeave
                    | Story::SuddenChurn
            );
            assert_eq!(says, leaves, "{story:?}");
        }
    }
}
