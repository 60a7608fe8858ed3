//! Amounts as people write them, to exact integers. Never floats.

/// Millionths of a minor unit have so many decimal places behind the minor unit's own.
const MICRO_PLACES: u32 = 6;

/// Decimal places of a currency's minor unit, by ISO 4217.
fn places(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF"
        | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// A decimal number in millionths of the currency's minor unit. Signs of currencies and thousands are taken where they leave no doubt: `$1,234.50` and `1,234,567` are read,
/// `1,234` is not.
///
/// # Errors
/// What is wrong with it, and what to write.
pub(super) fn micros(text: &str, currency: &str) -> Result<i64, String> {
    let plain = text.trim().trim_matches(['$', '€', '£', '¥', ' ', '\u{a0}']);
    let (negative, plain) = plain.strip_prefix('-').map_or((false, plain), |rest| (true, rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = without_thousands(whole, plain.contains('.')).ok_or_else(|| {
        format!("{text:?} can be read in two ways: write it without thousands separators, with a point before the decimals")
    })?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(&whole) || !digits(fraction) {
        return Err(format!("{text:?} is not an amount: write a decimal number"));
    }
    let fraction = fraction.trim_end_matches('0');
    let room = (places(currency) + MICRO_PLACES) as usize;
    if fraction.len() > room {
        return Err(format!("{text:?} has more than {room} decimal places"));
    }
    let all = format!("{whole}{fraction:0<room$}");
    let value: i64 = all.parse().map_err(|_| format!("{text:?} is too great to be money"))?;
    Ok(if negative { -value } else { value })
}

/// An amount for people, rounded down to the minor unit: `240.00 USD`.
pub fn money_text(micros: i64, currency: &str) -> String {
    let minor = micros / 10_i64.pow(MICRO_PLACES);
    let unit = 10_i64.pow(places(currency));
    let fraction = match places(currency) as usize {
        0 => String::new(),
        places => format!(".{:0places$}", (minor % unit).abs()),
    };
    format!("{}{fraction} {currency}", minor / unit)
}

/// `None` where a comma may be a decimal one.
fn without_thousands(whole: &str, has_point: bool) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    if rest.is_empty() {
        return Some(whole.to_owned());
    }
    let grouped = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    (grouped && (has_point || rest.len() > 1)).then(|| whole.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_become_exact_integers_by_the_currency() {
        for (text, currency, expected) in [
            ("1200", "USD", Some(120_000_000_000)),
            ("1200.5", "USD", Some(120_050_000_000)),
            ("0.1", "EUR", Some(10_000_000)),
            ("1200", "JPY", Some(1_200_000_000)),
            ("1.234", "KWD", Some(1_234_000_000)),
            ("$1,234.50", "USD", Some(123_450_000_000)),
            ("1,234,567", "USD", Some(123_456_700_000_000)),
            ("-5", "USD", Some(-500_000_000)),
            (".5", "USD", Some(50_000_000)),
            ("0.00000001", "USD", Some(1)),
            ("0.000000001", "USD", None),
            ("1,234", "USD", None),
            ("1.234,50", "USD", None),
            ("12,34.5", "USD", None),
            ("1e5", "USD", None),
            ("", "USD", None),
            ("twelve", "USD", None),
            ("99999999999999", "USD", None),
        ] {
            assert_eq!(micros(text, currency).ok(), expected, "{text} {currency}");
        }
    }

    #[test]
    fn amounts_are_shown_in_the_currency_s_places() {
        for (micros, currency, text) in [
            (24_000_000_000, "USD", "240.00 USD"),
            (1_200_000_000, "JPY", "1200 JPY"),
            (1_234_000_000, "KWD", "1.234 KWD"),
            (5_000_000, "EUR", "0.05 EUR"),
        ] {
            assert_eq!(money_text(micros, currency), text);
        }
    }

    proptest! {
        #[test]
        fn whole_cents_come_back_as_they_were(cents in 0_i64..1_000_000_000) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            prop_assert_eq!(micros(&text, "USD"), Ok(cents * 1_000_000));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = micros(&text, "USD");
        }
    }
}
