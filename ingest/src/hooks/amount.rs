//! What prices are made of: decimal numbers in millionths, without going through a binary fraction, and intervals.
use super::provider::unknown;
use crate::bad::{Bad, Reason};
use c360_schemas::Interval;

const DIGITS: usize = 6;

/// Millionths of a decimal number: `12.5` is 12,500,000. What is finer than a millionth is rounded half up, away from nought.
pub(crate) fn micros(decimal: &str) -> Result<i64, Bad> {
    parse(decimal).ok_or_else(|| {
        let shown: String = decimal.chars().take(40).collect();
        Bad::new(Reason::BadPayload, format!("{shown:?} is not an amount that can be counted"))
    })
}

/// Millionths of a whole number.
pub(crate) fn whole_micros(whole: i64) -> Result<i64, Bad> {
    whole.checked_mul(1_000_000).ok_or_else(|| Bad::new(Reason::BadPayload, format!("{whole} is not an amount that can be counted")))
}

/// Millionths of the minor unit of an amount in major units: `49.90` of USD is 4,990,000,000.
pub(crate) fn major_micros(decimal: &str, currency: &str) -> Result<i64, Bad> {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() {
        return micros(decimal);
    }
    let places = minor_digits(currency);
    // The point moves; nothing is multiplied.
    let padded = format!("{fraction:0<places$}");
    let (moved, rest) = padded.split_at_checked(places).unwrap_or((&padded, ""));
    micros(&format!("{sign}{whole}{moved}.{rest}"))
}

/// Digits after the point in a currency of ISO 4217.
fn minor_digits(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// How often a price is charged.
pub(crate) fn interval(name: &str) -> Result<Interval, Bad> {
    match name.to_ascii_lowercase().as_str() {
        "day" | "daily" => Ok(Interval::Day),
        "week" | "weekly" => Ok(Interval::Week),
        "month" | "monthly" => Ok(Interval::Month),
        "year" | "yearly" | "annual" | "annually" => Ok(Interval::Year),
        _ => Err(unknown("an interval", name)),
    }
}

fn parse(decimal: &str) -> Option<i64> {
    let (sign, digits) = decimal.strip_prefix('-').map_or((1, decimal), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let kept = &fraction[..fraction.len().min(DIGITS)];
    let scale = 10_i64.pow((DIGITS - kept.len()) as u32);
    let millionths = if kept.is_empty() { 0 } else { kept.parse::<i64>().ok()? * scale };
    let up = i64::from(fraction.as_bytes().get(DIGITS).is_some_and(|digit| *digit >= b'5'));
    whole.checked_mul(1_000_000)?.checked_add(millionths + up)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_millionths_exactly() {
        for (decimal, expected) in [
            ("1000", Some(1_000_000_000)),
            ("0.05", Some(50_000)),
            ("12.5", Some(12_500_000)),
            ("-3.25", Some(-3_250_000)),
            ("0.0000005", Some(1)),
            ("0.0000004999", Some(0)),
            ("1.123456789012", Some(1_123_457)),
            ("9223372036854775807", None),
            ("1e3", None),
            ("", None),
            (".5", None),
            ("1.", Some(1_000_000)),
            ("--1", None),
        ] {
            assert_eq!(micros(decimal).ok(), expected, "{decimal}");
        }
        assert!(whole_micros(i64::MAX).is_err());
    }

    #[test]
    fn major_units_become_minor_ones_by_the_currency() {
        for (decimal, currency, expected) in [
            ("49.90", "USD", Some(4_990_000_000)),
            ("49", "EUR", Some(4_900_000_000)),
            ("0.125", "EUR", Some(12_500_000)),
            ("-1.5", "USD", Some(-150_000_000)),
            ("1200", "JPY", Some(1_200_000_000)),
            ("1.2345", "KWD", Some(1_234_500_000)),
            ("", "USD", None),
            ("1e3", "USD", None),
            ("1.é", "USD", None),
        ] {
            assert_eq!(major_micros(decimal, currency).ok(), expected, "{decimal} {currency}");
        }
    }
}
