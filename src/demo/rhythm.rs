//! When people work: the week, the seasons, incidents, and the hours of a day.
use super::calendar::{DAY_MS, HOUR_MS, date_of, weekday};
use super::chance::Dice;

/// Use on the days of the week, Monday first.
const WEEK: [f64; 7] = [1.0, 1.1, 1.1, 1.05, 0.85, 0.12, 0.08];
/// A day in this many has an incident in the product.
const INCIDENT_EVERY_DAYS: i64 = 131;

/// How a customer's business goes through the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Season {
    /// As everyone's: quiet at the turn of the year, somewhat quieter in August.
    Usual,
    /// Closed in July and August.
    School,
    /// Busy before the holidays, quiet after.
    Retail,
}

impl Season {
    /// The share of its mean use in the time of the year that `day` is in.
    pub(crate) fn factor(self, day: i64) -> f64 {
        let date = date_of(day);
        let holidays = matches!((date.month(), date.day()), (12, 23..) | (1, ..=2));
        match (self, date.month()) {
            (_, _) if holidays => 0.45,
            (Season::School, 7 | 8) => 0.2,
            (Season::Retail, 11 | 12) => 1.6,
            (Season::Retail, 1 | 2) => 0.75,
            (_, 8) => 0.85,
            _ => 1.0,
        }
    }
}

/// The share of a mean day's use on this day of the week.
pub(crate) fn week_factor(day: i64) -> f64 {
    WEEK[weekday(day)] * 7.0 / WEEK.iter().sum::<f64>()
}

/// Whether people work on this day.
pub(crate) fn is_workday(day: i64) -> bool {
    weekday(day) < 5
}

/// Whether the product had an incident on this day.
pub(crate) fn has_incident(day: i64) -> bool {
    day.rem_euclid(INCIDENT_EVERY_DAYS) == 77
}

/// A moment of `day` at which people work; `zone_h` hours to the east of UTC.
pub(crate) fn work_moment(day: i64, zone_h: i64, dice: &mut Dice) -> i64 {
    let hour = (12.5 + 2.4 * dice.normal()).clamp(7.0, 19.5) - zone_h as f64;
    day * DAY_MS + ((hour * HOUR_MS as f64) as i64).clamp(0, DAY_MS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::calendar::day_of;
    use jiff::civil::date;

    #[test]
    fn a_week_has_seven_mean_days_of_use_and_few_of_them_at_the_weekend() {
        let monday = day_of(date(2026, 6, 1));
        let week: Vec<f64> = (monday..monday + 7).map(week_factor).collect();
        assert!((week.iter().sum::<f64>() - 7.0).abs() < 1e-9);
        assert!(week[5] + week[6] < 0.05 * 7.0);
        assert_eq!((monday..monday + 7).filter(|day| is_workday(*day)).count(), 5);
    }

    #[test]
    fn schools_are_quiet_in_summer_and_shops_busy_before_the_holidays() {
        let on = |m, d| day_of(date(2026, m, d));
        assert!(Season::School.factor(on(7, 15)) < 0.3 && Season::Usual.factor(on(7, 15)) == 1.0);
        assert!(Season::Retail.factor(on(12, 10)) > 1.5);
        assert!(Season::Retail.factor(on(12, 28)) < 0.5);
    }

    #[test]
    fn work_is_done_within_its_day_in_every_time_zone() {
        let mut dice = Dice::new(1, &[]);
        for n in 0..2_000 {
            let at = work_moment(20_000, n % 12 - 5, &mut dice);
            assert_eq!(at.div_euclid(DAY_MS), 20_000);
        }
    }
}
