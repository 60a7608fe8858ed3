//! Times as people and programs read them. All times inside are UTC milliseconds.
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// RFC 3339, UTC; a time that no calendar has becomes the nearest one that it has.
pub(crate) fn rfc3339(ms: i64) -> String {
    timestamp(ms).to_string()
}

/// Milliseconds of an RFC 3339 time; `None` where it is none.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Milliseconds of the start of a day `2026-11-22`; `None` where it is none.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    let day: Date = text.parse().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The first millisecond of the UTC calendar month that `ms` lies in.
pub(crate) fn month_start(ms: i64) -> i64 {
    let first = timestamp(ms).to_zoned(TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
    first.map_or(ms, |day| day.timestamp().as_millisecond())
}

/// The same moment so many calendar months before; the last day of that month where it is shorter.
pub(crate) fn months_before(ms: i64, months: i32) -> i64 {
    let span = jiff::Span::new().try_months(months);
    let before = span.and_then(|span| timestamp(ms).to_zoned(TimeZone::UTC).checked_sub(span));
    before.map_or(ms, |time| time.timestamp().as_millisecond())
}

/// `2026-11`.
pub(crate) fn month(ms: i64) -> String {
    timestamp(ms).to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string()
}

/// `22 Nov 2026`.
pub(crate) fn day(ms: i64) -> String {
    timestamp(ms).to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string()
}

/// `22 Nov 2026, 10:05 UTC`.
pub(crate) fn minute(ms: i64) -> String {
    timestamp(ms).to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// How long before or after `now`: `3 hours ago`, `in 12 days`, `just now`.
pub(crate) fn relative(ms: i64, now: i64) -> String {
    let away = now.saturating_sub(ms);
    let text = span(away.saturating_abs());
    match away {
        _ if away.saturating_abs() < MINUTE_MS => "just now".into(),
        0.. => format!("{text} ago"),
        _ => format!("in {text}"),
    }
}

/// A span in its largest whole unit: `3 hours`.
pub(crate) fn span(ms: i64) -> String {
    let units =
        [(365 * DAY_MS, "year"), (30 * DAY_MS, "month"), (DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute"), (SECOND_MS, "second")];
    // Two months read better as days than as a rounded month.
    let unit = units.into_iter().find(|(unit, name)| ms >= *unit * if *name == "month" { 2 } else { 1 });
    let (unit, name) = unit.unwrap_or((SECOND_MS, "second"));
    let count = ms / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        let now = 1_795_341_600_000;
        for (ms, text) in [
            (now - 10 * SECOND_MS, "just now"),
            (now - HOUR_MS, "1 hour ago"),
            (now - 45 * DAY_MS, "45 days ago"),
            (now - 400 * DAY_MS, "1 year ago"),
            (now - 90 * DAY_MS, "3 months ago"),
            (now + 12 * DAY_MS, "in 12 days"),
        ] {
            assert_eq!(relative(ms, now), text);
        }
    }

    #[test]
    fn a_time_out_of_range_does_not_panic() {
        for ms in [i64::MIN, i64::MAX] {
            assert!(!rfc3339(ms).is_empty() && !day(ms).is_empty() && !minute(ms).is_empty() && !relative(ms, 0).is_empty());
        }
    }

    #[test]
    fn days_and_times_come_back() {
        assert_eq!(parse("2026-11-22T10:00:00Z"), Some(1_795_341_600_000));
        assert_eq!(parse_day("2026-11-22").map(rfc3339).as_deref(), Some("2026-11-22T00:00:00Z"));
        assert_eq!((parse("yesterday"), parse_day("2026-13-01")), (None, None));
    }
}
