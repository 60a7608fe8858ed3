//! How customers and alerts, as the API gives them, are told in a terminal. Pure: JSON in, text out; what is missing is left out.
use serde_json::Value;
use std::io::IsTerminal;

/// Lines of a receipt that are told.
const RECEIPT_LINES_MAX: usize = 3;

/// Colours, where a person reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink(bool);

impl Ink {
    /// Colours if standard output is a terminal that wants them.
    pub(crate) fn for_stdout() -> Self {
        Self(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self(false)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For what leads a line.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// For what matters less.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// A band in its colour.
    pub(crate) fn band(self, band: &str) -> String {
        let code = match band {
            "red" => "1;31",
            "yellow" => "1;33",
            "green" => "1;32",
            _ => "2",
        };
        self.paint(code, band)
    }
}

/// `$1,234` for an amount in minor units.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    let whole = indicatif::HumanCount(minor.unsigned_abs() / 100);
    let sign = if minor < 0 { "-" } else { "" };
    if currency == "USD" { format!("{sign}${whole}") } else { format!("{sign}{whole} {currency}") }
}

/// Why, in a few words: the alert's own sentence, and the largest contributions of its receipt.
pub(crate) fn reasons(alert: &Value) -> String {
    let why = alert["next_action"]["why"].as_str().filter(|why| !why.is_empty());
    let receipt = receipt(alert);
    match (why, receipt.is_empty()) {
        (Some(why), true) => why.to_owned(),
        (Some(why), false) => format!("{why} ({receipt})"),
        (None, _) => receipt,
    }
}

/// `invoice_paid -30, usage_trend -12`: what moved the score most, in the direction that it moved.
fn receipt(alert: &Value) -> String {
    let lines = alert["receipt"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<(i64, &str)> = lines
        .iter()
        .filter_map(|line| Some((line["contribution"].as_i64()?, line["measure"].as_str()?)))
        .filter(|line| line.0 != 0)
        .collect();
    let falls = lines.iter().map(|line| line.0).sum::<i64>() <= 0;
    lines.sort_by_key(|line| if falls { line.0 } else { -line.0 });
    let told = lines.iter().filter(|line| (line.0 < 0) == falls).take(RECEIPT_LINES_MAX);
    told.map(|(points, measure)| format!("{} {points:+}", measure.replace('_', " "))).collect::<Vec<_>>().join(", ")
}

/// An alert in one line, or in two where there is something to do.
pub(crate) fn alert(alert: &Value, ink: Ink) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = text(&alert["timestamp"]).get(..16).unwrap_or_default().replace('T', " ");
    let account = &alert["account"];
    let name = account["name"].as_str().or(account["account_id"].as_str()).unwrap_or("?");
    let owner = account["owner"]["name"].as_str().map(|owner| format!(", {owner}")).unwrap_or_default();
    let mut line = format!("{}  {} {}", ink.dim(&at), ink.bold(name), ink.dim(&format!("({}{owner})", text(&account["account_id"]))));
    line += &format!("  {}", change(alert, ink));
    let reasons = reasons(alert);
    if !reasons.is_empty() {
        line += &format!("  {reasons}");
    }
    if let Some(playbook) = alert["next_action"]["playbook"].as_str().filter(|_| is_open(alert)) {
        line += &format!("\n{}  {} {playbook}", " ".repeat(16), ink.dim("next:"));
    }
    line
}

fn is_open(alert: &Value) -> bool {
    matches!(alert["status"].as_str(), Some("open" | "updated"))
}

/// The kind of alert and where it stands; for health, the bands and scores.
fn change(alert: &Value, ink: Ink) -> String {
    let status = alert["status"].as_str().unwrap_or("open");
    let kind = alert["type"].as_str().unwrap_or("alert");
    let what = if status == "open" { kind.to_owned() } else { format!("{kind} {status}") };
    let bands = match (alert["band"]["before"].as_str(), alert["band"]["after"].as_str()) {
        (before, Some(after)) if before != Some(after) => format!("  {} -> {}", ink.band(before.unwrap_or("new")), ink.band(after)),
        (_, Some(after)) => format!("  {}", ink.band(after)),
        _ => String::new(),
    };
    let scores = match (alert["score"]["before"].as_i64(), alert["score"]["after"].as_i64()) {
        (Some(before), Some(after)) if before != after => format!("  {before} -> {after}"),
        (_, Some(after)) => format!("  {after}"),
        _ => String::new(),
    };
    format!("{what}{bands}{scores}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fallen() -> Value {
        json!({"alert_id": "al_1", "revision": 1, "type": "health.changed", "timestamp": "2026-11-22T10:30:00Z", "status": "open", "severity": "critical",
            "account": {"account_id": "acc_0001", "name": "Alder Logistics", "owner": {"name": "CSM North", "email": null}},
            "band": {"before": "green", "after": "red"}, "score": {"before": 82, "after": 31},
            "receipt": [{"measure": "seat_use", "contribution": 3}, {"measure": "past_due", "contribution": -44}, {"measure": "nps", "contribution": -10}],
            "next_action": {"playbook": "Call the person who pays.", "why": "The last payment try failed."}})
    }

    #[test]
    fn an_alert_tells_when_who_what_why_and_what_next() {
        assert_eq!(
            alert(&fallen(), Ink::plain()),
            "2026-11-22 10:30  Alder Logistics (acc_0001, CSM North)  health.changed  green -> red  82 -> 31  \
             The last payment try failed. (past due -44, nps -10)\n                  next: Call the person who pays."
        );
    }

    #[test]
    fn a_resolved_alert_asks_for_nothing_more() {
        let mut alert_ = fallen();
        alert_["status"] = "resolved".into();
        let told = alert(&alert_, Ink::plain());
        assert!(told.contains("health.changed resolved") && !told.contains("next:"), "{told}");
    }

    #[test]
    fn whatever_is_missing_is_left_out() {
        assert_eq!(alert(&json!({}), Ink::plain()), "  ? ()  alert");
        assert_eq!(reasons(&json!({"receipt": "?"})), "");
    }

    #[test]
    fn a_rise_is_told_by_what_rose() {
        let up = json!({"receipt": [{"measure": "nps", "contribution": -2}, {"measure": "usage_trend", "contribution": 20}]});
        assert_eq!(reasons(&up), "usage trend +20");
    }

    #[test]
    fn money_is_told_in_whole_units() {
        assert_eq!(money(123_456_789, "USD"), "$1,234,567");
        assert_eq!(money(-5_000, "EUR"), "-50 EUR");
    }
}
