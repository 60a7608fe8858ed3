//! `[alerts]`: what is worth waking somebody for.
use super::DAY_MS;
use super::conditions::when;
use super::section::{Section, entries, meant};
use crate::rules::{ALERT_TYPES, AlertRule, Alerts, Loudness};
use std::ops::Range;

/// Types that may stand on conditions; the others stand on what happens.
const BY_RULE: [&str; 3] = ["adoption.stalled", "expansion.ready", "advocate.found"];

pub(super) fn alerts(root: &Section<'_, '_>) -> Alerts {
    let mut alerts = Alerts::default();
    let Some(section) = root.section("alerts") else { return alerts };
    let days = |key: &'static str, example: &str| section.milli(key, (0, 365), example).map(|days| days * DAY_MS / 1000);
    alerts.reopen_within_ms = days("reopen_within_days", "14");
    alerts.resolve_after_ms = days("resolve_after_days", "7");
    alerts.critical_mrr = section.whole("critical_mrr", (0, 1_000_000_000_000), "100000");
    alerts.backlog_tickets = section.whole("backlog_tickets", (1, 1_000_000), "5").map(|count| count as u32);
    if let Some(days) = section.whole("renewal_near_days", (0, 365), "60") {
        alerts.renewal_near_days = days;
    }
    if let Some(types) = section.section("types") {
        for (name, span, value) in entries(types.table) {
            let Some(number) = type_of(&types, name, span.clone(), &ALERT_TYPES) else { continue };
            let Some(of_type) = types.as_section(name, value, span) else { continue };
            alerts.off[number] = of_type.flag("off").unwrap_or(false);
            alerts.severity[number] = loudness(&of_type);
            of_type.done();
        }
    }
    for rule in section.sections("rules") {
        let number = rule.needed_text("type", "\"expansion.ready\"").and_then(|(name, span)| type_of(&rule, name, span, &BY_RULE));
        let when = when(&rule);
        let why = rule.needed_text("why", "\"what a CSM reads\"").map(|(text, _)| text.to_owned());
        rule.done();
        if let Some((alert_type, why)) = number.zip(why) {
            if alerts.rules.iter().any(|known| known.alert_type == alert_type) {
                let help = "a type has one rule: put the conditions together".to_owned();
                rule.notes.wrong(rule.span.clone(), format!("there is already a rule for {}", ALERT_TYPES[alert_type]), Some(help));
            }
            alerts.rules.push(AlertRule { alert_type, when, why });
        }
    }
    section.done();
    alerts
}

fn type_of(section: &Section<'_, '_>, name: &str, span: Range<usize>, allowed: &[&str]) -> Option<usize> {
    let found = ALERT_TYPES.iter().position(|known| *known == name && allowed.contains(known));
    if found.is_none() {
        section.notes.wrong(span, format!("there is no such alert `{name}` here"), meant(name, allowed.iter().copied()));
    }
    found
}

fn loudness(section: &Section<'_, '_>) -> Option<Loudness> {
    let (name, span) = section.text("severity", "\"info\"")?;
    match name {
        "info" => Some(Loudness::Info),
        "warning" => Some(Loudness::Warning),
        "critical" => Some(Loudness::Critical),
        _ => {
            section.notes.wrong(span, format!("there is no severity `{name}`"), meant(name, ["info", "warning", "critical"]));
            None
        }
    }
}
