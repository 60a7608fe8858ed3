//! Numbers, money and names as people read them.
use serde_json::Value;

/// Currencies whose minor unit is not a hundredth.
const WHOLE: [&str; 16] = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// `$1,200` for whole amounts, `$1,200.50` for others; codes without a common sign stand in front.
pub(super) fn money(amount: i64, currency: &str) -> String {
    let decimals = if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    };
    let unit = 10_u64.pow(decimals);
    let (whole, rest) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    let sign = if amount < 0 { "\u{2212}" } else { "" };
    let symbol = match currency {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        other => format!("{other}\u{a0}"),
    };
    let rest = if rest == 0 { String::new() } else { format!(".{rest:0width$}", width = decimals as usize) };
    format!("{sign}{symbol}{}{rest}", grouped(whole))
}

/// `1,234,567`.
pub(super) fn number(value: i64) -> String {
    let sign = if value < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs()))
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `+5`, `−25`.
pub(super) fn signed(value: i64) -> String {
    match value {
        0.. => format!("+{value}"),
        _ => format!("\u{2212}{}", value.unsigned_abs()),
    }
}

/// `active_users_trend` as `Active users trend`.
pub(super) fn words(id: &str) -> String {
    // Lines of receipts that are no measures: `cap:past_due`, `freshness:nps`.
    if let Some((what, of)) = id.split_once(':') {
        return format!("{} {}", words(what), words(of).to_lowercase());
    }
    // The unit stands at the value.
    let text = id.strip_suffix("_s").unwrap_or(id).replace('_', " ");
    let mut chars = text.chars();
    let mut out: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    out.push_str(chars.as_str());
    match out.as_str() {
        "Nps" | "Csat" | "Mrr" => out.to_uppercase(),
        "Mrr trend" => "MRR trend".into(),
        _ => out,
    }
}

/// A measure's value: shares as per cent, seconds as a span, others as they are; `–` where there is none.
pub(super) fn measured(id: &str, value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or_default();
            if id.ends_with("_s") {
                return crate::time::span((value * 1000.0) as i64);
            }
            if ["trend", "share", "rate", "ratio", "stickiness", "breadth", "depth"].iter().any(|end| id.ends_with(end)) {
                return percent(value);
            }
            decimal(value)
        }
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        _ => "\u{2013}".into(),
    }
}

/// `−20%`.
pub(super) fn percent(value: f64) -> String {
    decimal((value * 1000.0).round() / 10.0) + "%"
}

/// At most one decimal.
fn decimal(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    let sign = if rounded < 0.0 { "\u{2212}" } else { "" };
    let size = rounded.abs();
    if size.fract() == 0.0 && size < 1e15 { format!("{sign}{}", grouped(size as u64)) } else { format!("{sign}{size:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn money_knows_its_minor_unit() {
        for (amount, currency, text) in [
            (120_000, "USD", "$1,200"),
            (120_050, "EUR", "€1,200.50"),
            (1_205, "GBP", "£12.05"),
            (1_234_567, "JPY", "¥1,234,567"),
            (1_500, "KWD", "KWD\u{a0}1.500"),
            (-5, "USD", "\u{2212}$0.05"),
            (0, "CHF", "CHF\u{a0}0"),
            (i64::MIN, "USD", "\u{2212}$92,233,720,368,547,758.08"),
        ] {
            assert_eq!(money(amount, currency), text);
        }
    }

    #[test]
    fn measures_are_told_as_what_they_are() {
        for (id, value, text) in [
            ("active_users_trend", json!(-0.2), "\u{2212}20%"),
            ("oldest_open_s", json!(7200), "2 hours"),
            ("past_due_days", json!(12), "12"),
            ("nps", json!(33.333), "33.3"),
            ("nps", Value::Null, "\u{2013}"),
            ("x", json!("text"), "text"),
            ("x", json!(1e300), &format!("{:.1}", 1e300)),
        ] {
            assert_eq!(measured(id, &value), text);
        }
        assert_eq!((words("oldest_open_s").as_str(), words("nps").as_str(), words("")), ("Oldest open", "NPS", String::new()));
    }
}
