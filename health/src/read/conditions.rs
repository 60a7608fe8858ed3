//! `when` tables, and the `[caps.NAME]` that stand on them.
use super::measures::{fact_of, group_of};
use super::section::{Section, entries, number};
use crate::fact::Unit;
use crate::rules::{Bound, Cap, Condition, Group};
use toml::Spanned;
use toml::de::DeValue;

const BOUNDS: [(&str, Bound); 5] =
    [("above", Bound::Above), ("at_least", Bound::AtLeast), ("below", Bound::Below), ("at_most", Bound::AtMost), ("is", Bound::Is)];

pub(super) fn caps(root: &Section<'_, '_>, groups: &[Group]) -> Vec<Cap> {
    let Some(section) = root.section("caps") else { return Vec::new() };
    let mut caps = Vec::new();
    for (id, span, value) in entries(section.table) {
        let Some(section) = section.as_section(id, value, span) else { continue };
        let group = group_of(&section, groups);
        let when = when(&section);
        if !section.has("limit") {
            section.missing("limit", "49");
        }
        let limit = section.whole("limit", (0, 99), "49").unwrap_or(0) as i32;
        let hard = section.flag("hard").unwrap_or(false);
        let complaint = section.text("complaint", "\"what is wrong\"").map_or_else(|| id.replace('_', " "), |(text, _)| text.to_owned());
        section.done();
        caps.push(Cap { id: id.to_owned(), group, limit, hard, when, complaint });
    }
    if caps.len() > super::ENTRIES_MAX {
        root.notes.wrong(section.span.clone(), format!("{} caps, and {} are taken at most", caps.len(), super::ENTRIES_MAX), None);
    }
    caps
}

/// The conditions of `when = { "FACT" = { above = 15 }, "FACT" = true }`; all have to hold.
pub(super) fn when(section: &Section<'_, '_>) -> Vec<Condition> {
    const EXAMPLE: &str = "{ \"billing.past_due_days\" = { above = 15 } }";
    if !section.has("when") {
        section.missing("when", EXAMPLE);
    }
    let Some(when) = section.section("when") else { return Vec::new() };
    let mut conditions = Vec::new();
    for (name, span, value) in entries(when.table) {
        let Some(fact) = fact_of(&when, name, span.clone()) else { continue };
        match value.get_ref() {
            DeValue::Boolean(flag) => {
                if fact.unit() == Unit::YesNo {
                    conditions.push(Condition { fact, bound: Bound::Is, milli: i64::from(*flag) * 1000 });
                } else {
                    let help = format!("write `\"{name}\" = {{ at_least = 1 }}`");
                    when.notes.wrong(value.span(), format!("`{name}` is not true or false: it is in {}", fact.unit().as_str()), Some(help));
                }
            }
            DeValue::Table(bounds) if fact.unit() != Unit::YesNo => {
                let bounds = Section::new(when.notes, bounds, value.span());
                let before = conditions.len();
                for (key, bound) in BOUNDS {
                    let Some(value) = bounds.get(key) else { continue };
                    if let Some(milli) = milli(&bounds, key, value) {
                        conditions.push(Condition { fact: fact.clone(), bound, milli });
                    }
                }
                if conditions.len() == before && bounds.table.is_empty() {
                    bounds.notes.wrong(value.span(), format!("`{name}` has no bound"), Some("write `{ above = 15 }`".into()));
                }
                bounds.done();
            }
            _ => {
                let example = if fact.unit() == Unit::YesNo { "true".to_owned() } else { "{ above = 15 }".to_owned() };
                let message = format!("`{name}` is in {}, and this is no condition of it", fact.unit().as_str());
                when.notes.wrong(value.span(), message, Some(format!("write `\"{name}\" = {example}`")));
            }
        }
    }
    if when.table.is_empty() {
        when.notes.wrong(when.span.clone(), "`when` has no conditions, and would always hold", Some(format!("write `when = {EXAMPLE}`")));
    }
    conditions
}

fn milli(section: &Section<'_, '_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let found = number(value.get_ref()).filter(|number| number.abs() <= 1e12).map(|number| (number * 1000.0).round() as i64);
    if found.is_none() {
        section.notes.wrong(value.span(), format!("`{key}` should be a number"), Some(format!("write `{key} = 15`")));
    }
    found
}
