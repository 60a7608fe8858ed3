//! An alert as a message for a Slack incoming webhook. Pure; within Slack's bounds whatever stands in the alert.
use c360_schemas::{Alert, AlertStatus, Contribution, Severity, alert_url};
use serde_json::{Value, json};

/// Slack's bound for the text of a section, in characters.
const SECTION_CHARS_MAX: usize = 3_000;
/// Longest name or sentence that is shown, in characters.
const PART_CHARS_MAX: usize = 500;
/// Reasons that are shown; the others are counted. Bounds the message's blocks too (Slack takes 50).
const REASONS_MAX: usize = 10;

/// The message's JSON.
pub(crate) fn body(alert: &Alert, console_url: &str) -> Value {
    let mut blocks = vec![section(&headline(alert)), section(&change(alert))];
    if let Some(reasons) = reasons(&alert.receipt) {
        blocks.push(section(&reasons));
    }
    if let Some(action) = next_action(alert) {
        blocks.push(section(&action));
    }
    let link = format!("<{}|Open in c360>", alert_url(console_url, &alert.account_id));
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]}));
    json!({"text": fallback(alert), "blocks": blocks})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

/// What notifications show.
fn fallback(alert: &Alert) -> String {
    format!("{}: {}", name(alert), title(alert))
}

fn headline(alert: &Alert) -> String {
    let icon = match (alert.status, alert.severity) {
        (AlertStatus::Resolved | AlertStatus::Retracted, _) => ":white_check_mark:",
        (_, Severity::Critical) => ":red_circle:",
        (_, Severity::Warning) => ":large_yellow_circle:",
        (_, Severity::Info) => ":large_blue_circle:",
    };
    format!("{icon} *{}*\n{}", name(alert), title(alert))
}

fn name(alert: &Alert) -> String {
    escape(alert.account_name.as_deref().unwrap_or(&alert.account_id), PART_CHARS_MAX)
}

fn title(alert: &Alert) -> String {
    let status = match alert.status {
        AlertStatus::Open => "",
        AlertStatus::Updated => " (updated)",
        AlertStatus::Resolved => " (resolved)",
        AlertStatus::Retracted => " (retracted)",
    };
    format!("{}{status}", escape(&alert.alert_type, PART_CHARS_MAX))
}

fn change(alert: &Alert) -> String {
    let mut lines = Vec::new();
    if alert.band_before.is_some() || alert.band_after.is_some() {
        lines.push(format!("*Health:* {}", arrow(alert.band_before.as_deref(), alert.band_after.as_deref())));
    }
    if alert.score_before.is_some() || alert.score_after.is_some() {
        let [before, after] = [alert.score_before, alert.score_after].map(|score| score.map(|s| s.to_string()));
        lines.push(format!("*Score:* {}", arrow(before.as_deref(), after.as_deref())));
    }
    if let Some(owner) = alert.owner_name.as_deref().or(alert.owner_email.as_deref()) {
        lines.push(format!("*Owner:* {}", escape(owner, PART_CHARS_MAX)));
    }
    lines.push(format!("*Severity:* {}", severity(alert.severity)));
    lines.join("\n")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn arrow(before: Option<&str>, after: Option<&str>) -> String {
    let show = |side: Option<&str>| side.map_or_else(|| "unknown".to_owned(), |text| escape(text, PART_CHARS_MAX));
    if before == after { show(after) } else { format!("{} → {}", show(before), show(after)) }
}

/// The receipt, the heaviest line first.
fn reasons(receipt: &[Contribution]) -> Option<String> {
    if receipt.is_empty() {
        return None;
    }
    let mut lines: Vec<&Contribution> = receipt.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.contribution.unsigned_abs()));
    let mut text = "*Why:*".to_owned();
    // A line costs at most this share of the section.
    let part = SECTION_CHARS_MAX / (REASONS_MAX + 1) / 2 - 30;
    for line in lines.iter().take(REASONS_MAX) {
        text.push_str(&format!("\n• {} ({}): {:+} points", escape(&line.measure, part), escape(&line.group, part), line.contribution));
    }
    if lines.len() > REASONS_MAX {
        text.push_str(&format!("\n… and {} more", lines.len() - REASONS_MAX));
    }
    Some(text)
}

fn next_action(alert: &Alert) -> Option<String> {
    let [playbook, why] = [&alert.playbook, &alert.why].map(|part| part.as_deref().map(|text| escape(text, PART_CHARS_MAX)));
    match (playbook, why) {
        (None, None) => None,
        (Some(only), None) | (None, Some(only)) => Some(format!("*Next:* {only}")),
        (Some(playbook), Some(why)) => Some(format!("*Next:* {playbook}\n{why}")),
    }
}

/// Escapes as Slack asks, to at most `max` characters; never cuts an entity, and takes control characters out.
fn escape(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    let mut len = 0;
    for c in text.chars() {
        let (piece, chars): (&str, usize) = match c {
            '&' => ("&amp;", 5),
            '<' => ("&lt;", 4),
            '>' => ("&gt;", 4),
            c if c.is_control() => (" ", 1),
            _ => ("", 1),
        };
        if len + chars + 1 > max {
            out.push('…');
            break;
        }
        len += chars;
        if piece.is_empty() { out.push(c) } else { out.push_str(piece) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::alert;
    use proptest::prelude::*;

    #[test]
    fn the_message_of_an_alert() {
        insta::assert_json_snapshot!(body(&alert("al_1", 2), "https://c360.example.com/"));
    }

    #[test]
    fn the_message_of_an_alert_of_which_little_is_known() {
        let bare = Alert {
            account_name: None,
            owner_name: None,
            owner_email: None,
            band_before: None,
            band_after: None,
            score_before: None,
            score_after: None,
            receipt: Vec::new(),
            playbook: None,
            why: None,
            status: AlertStatus::Resolved,
            ..alert("al_1", 1)
        };
        insta::assert_json_snapshot!(body(&bare, "https://c360.example.com"));
    }

    #[test]
    fn a_name_cannot_call_the_whole_channel() {
        let text = body(&Alert { account_name: Some("<!channel> & <https://evil.example|Acme>".into()), ..alert("al_1", 1) }, "http://c")
            .to_string();
        assert!(!text.contains("<!channel>") && !text.contains("<https://evil") && text.contains("&lt;!channel&gt; &amp; "), "{text}");
    }

    fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => found.push(text),
            Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Value::Object(map) => map.values().for_each(|item| texts(item, found)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_an_alert_the_message_keeps_slacks_bounds(name in ".{0,4000}", part in "[<>&a]{0,4000}", lines in 0_usize..60) {
            let line = Contribution { measure: part.clone(), group: part.clone(), before: None, after: None, contribution: i32::MIN, events: Vec::new() };
            let huge = Alert {
                account_name: Some(name),
                owner_name: Some(part.clone()),
                band_before: Some(part.clone()),
                alert_type: part.clone(),
                playbook: Some(part.clone()),
                why: Some(part),
                receipt: vec![line; lines],
                ..alert("al_1", 1)
            };
            let body = body(&huge, "http://c");
            let blocks = body["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            let mut found = Vec::new();
            texts(&body["blocks"], &mut found);
            for text in found {
                prop_assert!(text.chars().count() <= SECTION_CHARS_MAX, "{} chars", text.chars().count());
            }
            prop_assert!(body.to_string().len() < 13_000 * 4);
        }
    }
}
