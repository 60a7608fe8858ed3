//! `[[overrides]]`: the band that somebody answers for, until a day.
use super::section::{Section, meant};
use crate::rules::{Override, OverrideBand};
use jiff::Timestamp;
use jiff::civil::Date;
use toml::de::DeValue;

pub(super) fn overrides(root: &Section<'_, '_>) -> Vec<Override> {
    let mut overrides: Vec<Override> = Vec::new();
    for section in root.sections("overrides") {
        let account = section.needed_text("account", "\"acme\"");
        let band = section.needed_text("band", "\"green\"").and_then(|(band, span)| {
            let found = [OverrideBand::Red, OverrideBand::Yellow, OverrideBand::Green].into_iter().find(|known| known.as_str() == band);
            if found.is_none() {
                section.notes.wrong(span, format!("there is no band `{band}`"), meant(band, ["red", "yellow", "green"]));
            }
            found
        });
        let owner = section.needed_text("owner", "\"who answers for it\"").map(|(text, _)| text.to_owned());
        let reason = section.needed_text("reason", "\"why\"").map(|(text, _)| text.to_owned());
        let expires_at = expires(&section);
        section.done();
        if let Some((account, span)) = &account
            && overrides.iter().any(|o| o.account == *account)
        {
            section.notes.wrong(span.clone(), format!("`{account}` has an override already"), Some("leave one of them out".into()));
        }
        let all = account.zip(band).zip(owner).zip(reason).zip(expires_at);
        if let Some((((((account, _), band), owner), reason), expires_at)) = all {
            overrides.push(Override { account: account.to_owned(), band, owner, reason, expires_at });
        }
    }
    overrides
}

/// A date (its end, in UTC) or a time with its offset.
fn expires(section: &Section<'_, '_>) -> Option<i64> {
    const EXAMPLE: &str = "2027-03-31";
    if !section.has("expires") {
        section.missing("expires", EXAMPLE);
    }
    let value = section.get("expires")?;
    let text = match value.get_ref() {
        DeValue::Datetime(at) => at.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => String::new(),
    };
    let day_end = || text.parse::<Date>().ok()?.tomorrow().ok()?.at(0, 0, 0, 0).in_tz("UTC").ok().map(|end| end.timestamp());
    let found = text.parse::<Timestamp>().ok().or_else(day_end).map(Timestamp::as_millisecond);
    if found.is_none() {
        section.notes.wrong(value.span(), "`expires` is no date", Some(format!("write `expires = {EXAMPLE}`, or a time with its offset")));
    }
    found
}
