//! Days of the made-up company, in UTC: days are numbers since 1970-01-01, moments are milliseconds.
use jiff::ToSpan;
use jiff::civil::{Date, date};

/// A day.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// An hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;
/// A minute.
pub(crate) const MINUTE_MS: i64 = 60_000;

/// The date of a day.
pub(crate) fn date_of(day: i64) -> Date {
    date(1970, 1, 1).saturating_add(day.days())
}

/// The day of a date.
pub(crate) fn day_of(date_: Date) -> i64 {
    date_.duration_since(date(1970, 1, 1)).as_hours() / 24
}

/// The day that a moment is in.
pub(crate) fn day_at(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// The moment `months` after `from`, at the same time of the day; the month's last day where it has no such day.
pub(crate) fn months_after(from: i64, months: i64) -> i64 {
    let day = date_of(day_at(from)).saturating_add(months.months());
    day_of(day) * DAY_MS + from.rem_euclid(DAY_MS)
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_dates_and_weekdays_agree_with_the_calendar() {
        for day in [-1, 0, 58, 59, 20_000, 20_781] {
            assert_eq!(day_of(date_of(day)), day);
            assert_eq!(weekday(day), date_of(day).weekday().to_monday_zero_offset() as usize);
        }
        assert_eq!(date_of(20_000), date(2024, 10, 4));
    }

    #[test]
    fn a_month_after_the_last_of_january_is_the_last_of_february() {
        let january = day_of(date(2026, 1, 31)) * DAY_MS + 5 * HOUR_MS;
        assert_eq!(months_after(january, 1), day_of(date(2026, 2, 28)) * DAY_MS + 5 * HOUR_MS);
        assert_eq!(months_after(january, 12), day_of(date(2027, 1, 31)) * DAY_MS + 5 * HOUR_MS);
    }
}
