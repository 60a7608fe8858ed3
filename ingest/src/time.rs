//! Times as clients write them, in UTC milliseconds. No calendar library: this is on the path of every event, and knows one calendar.

const DAY_MS: i64 = 86_400_000;

/// Reads `2026-11-22T10:00:00.123456Z` in its variants (a space for the `T`, any offset or none, any number of fraction digits, no seconds, a date alone), or a
/// number since 1970 in seconds, milliseconds or microseconds, by its size.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    let text = text.trim().as_bytes();
    if text.len() >= 10 && text[4] == b'-' {
        return iso(text);
    }
    number(text)
}

/// UTC ms of whole seconds since 1970.
pub(crate) fn ms_of_seconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

/// RFC 3339, for messages.
pub(crate) fn format_ms(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let rest = ms.rem_euclid(DAY_MS);
    let (seconds, millis) = (rest / 1000, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    let scale = match value.abs() {
        size if size < 1e11 => 1e3,
        size if size < 1e14 => 1.0,
        size if size < 1e17 => 1e-3,
        _ => return None,
    };
    Some((value * scale).floor() as i64)
}

fn iso(text: &[u8]) -> Option<i64> {
    let date = date_days(text)?.checked_mul(DAY_MS)?;
    let rest = &text[10..];
    let Some((separator, time)) = rest.split_first() else { return Some(date) };
    if !matches!(separator, b'T' | b't' | b' ') || time.len() < 5 || time[2] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&time[..2])?, digits(&time[3..5])?);
    let (seconds, millis, zone) = seconds(&time[5..])?;
    // A leap second is taken as the second after it.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let time = ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis;
    Some(date + time - offset_ms(zone)?)
}

fn date_days(text: &[u8]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..10])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last).contains(&day).then(|| days(year, month, day))
}

/// Seconds and milliseconds (the fraction is cut, not rounded), and what follows.
fn seconds(text: &[u8]) -> Option<(i64, i64, &[u8])> {
    let Some((b':', text)) = text.split_first() else { return Some((0, 0, text)) };
    let seconds = digits(text.get(..2)?)?;
    let text = &text[2..];
    let Some((b'.' | b',', fraction)) = text.split_first() else { return Some((seconds, 0, text)) };
    let len = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    if len == 0 {
        return None;
    }
    let millis = (0..3).fold(0, |sum, i| sum * 10 + fraction.get(i).filter(|_| i < len).map_or(0, |b| i64::from(b - b'0')));
    Some((seconds, millis, &fraction[len..]))
}

/// `Z`, nothing, `+hh:mm`, `+hhmm` or `+hh`.
fn offset_ms(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [_, _] => (digits(rest)?, 0),
        [_, _, _, _] => (digits(&rest[..2])?, digits(&rest[2..])?),
        [_, _, b':', _, _] => (digits(&rest[..2])?, digits(&rest[3..])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

/// Days since 1970 of a date in the Gregorian calendar (Howard Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_shape_that_clients_send_is_read() {
        for (text, ms) in [
            ("2026-11-22T10:00:00Z", Some(1_795_341_600_000)),
            ("2026-11-22T10:00:00.123Z", Some(1_795_341_600_123)),
            ("2026-11-22T10:00:00.123456+00:00", Some(1_795_341_600_123)),
            ("2026-11-22T12:00:00.1+02:00", Some(1_795_341_600_100)),
            ("2026-11-22T05:30:00-0430", Some(1_795_341_600_000)),
            ("2026-11-22 10:00:00", Some(1_795_341_600_000)),
            ("2026-11-22T10:00Z", Some(1_795_341_600_000)),
            ("2026-11-22", Some(1_795_305_600_000)),
            ("1795341600", Some(1_795_341_600_000)),
            ("1795341600.5", Some(1_795_341_600_500)),
            ("1795341600123", Some(1_795_341_600_123)),
            ("1795341600123456", Some(1_795_341_600_123)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000)),
            ("1600-02-29T00:00:00Z", Some(-11_670_998_400_000)),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-11-22T24:00:00Z", None),
            ("2026-11-22T10:00:00.Z", None),
            ("2026-11-22T10:00:00+9", None),
            ("2026-11-22x", None),
            ("yesterday", None),
            ("nan", None),
            ("1e300", None),
            ("", None),
        ] {
            assert_eq!(parse_ms(text), ms, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_calendar_library(ms in -62_135_596_800_000_i64..253_402_207_200_000) {
            let text = jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
            prop_assert_eq!(parse_ms(&text), Some(ms));
            prop_assert_eq!(parse_ms(&format_ms(ms)), Some(ms));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", almost in "[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,3}[T ]?[0-9:.,+Z-]{0,24}") {
            let _ = parse_ms(&text);
            let _ = parse_ms(&almost);
        }
    }
}
