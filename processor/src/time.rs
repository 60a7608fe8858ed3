//! UTC days and how times are shown.
use jiff::Timestamp;

pub(crate) const DAY_MS: i64 = 86_400_000;

/// The UTC calendar day that `ms` lies in, counted from 1970.
pub(crate) fn day_of(ms: i64) -> i32 {
    ms.div_euclid(DAY_MS).clamp(i64::from(i32::MIN / 4), i64::from(i32::MAX / 4)) as i32
}

/// The first millisecond of a day.
pub(crate) fn day_start(day: i32) -> i64 {
    i64::from(day) * DAY_MS
}

/// As the API shows times; `None` outside the years that can be written.
pub(crate) fn rfc3339(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}
