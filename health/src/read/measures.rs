//! `[groups.NAME]` and `[measures.NAME]`.
use super::ENTRIES_MAX;
use super::section::{Section, entries, meant};
use crate::fact::{Fact, FactRef};
use crate::rules::{CardMeasure, Compare, Group, Measure, Missing, Side};
use std::ops::Range;

const WEIGHT: (i64, i64) = (0, 1_000);
const VALUE: (i64, i64) = (-1_000_000_000_000, 1_000_000_000_000);

pub(super) fn groups(root: &Section<'_, '_>) -> Vec<Group> {
    let Some(section) = root.section("groups") else {
        if !root.has("groups") {
            root.notes.wrong(
                0..0,
                "the file has no groups",
                Some("add `[groups.usage]` with `side = \"outcome\"` and `weight = 1`".into()),
            );
        }
        return Vec::new();
    };
    let mut groups = Vec::new();
    for (id, span, value) in entries(section.table) {
        let Some(group) = section.as_section(id, value, span.clone()) else { continue };
        let side = group.needed_text("side", "\"outcome\"");
        let side = match side {
            Some(("outcome", _)) => Side::Outcome,
            Some(("experience", _)) => Side::Experience,
            Some((other, place)) => {
                group.notes.wrong(place, format!("there is no side `{other}`"), meant(other, ["outcome", "experience"]));
                Side::Outcome
            }
            None => Side::Outcome,
        };
        let weight_milli = weight(&group);
        group.done();
        groups.push(Group { id: id.to_owned(), side, weight_milli });
    }
    too_many(root, "groups", groups.len());
    groups
}

/// Weights are positive: what has none is left out of the file, or of a card.
fn weight(section: &Section<'_, '_>) -> i64 {
    if !section.has("weight") {
        section.missing("weight", "1");
    }
    section.milli("weight", WEIGHT, "1").unwrap_or(1000)
}

fn too_many(root: &Section<'_, '_>, what: &'static str, count: usize) {
    if count > ENTRIES_MAX {
        let span = root.get(what).map_or(0..0, toml::Spanned::span);
        root.notes.wrong(span, format!("{count} {what}, and {ENTRIES_MAX} are taken at most"), None);
    }
}

/// A group's number by its name in `group`.
pub(super) fn group_of(section: &Section<'_, '_>, groups: &[Group]) -> usize {
    let Some((name, span)) = section.needed_text("group", "\"usage\"") else { return 0 };
    let found = groups.iter().position(|group| group.id == name);
    if found.is_none() {
        let help = meant(name, groups.iter().map(|g| g.id.as_str())).or(Some(format!("add a table `[groups.{name}]`")));
        section.notes.wrong(span, format!("there is no group `{name}`"), help);
    }
    found.unwrap_or(0)
}

/// A fact by its name.
pub(super) fn fact_of(section: &Section<'_, '_>, name: &str, span: Range<usize>) -> Option<FactRef> {
    let found = FactRef::parse(name);
    if found.is_none() {
        let help = meant(name, Fact::ALL.iter().map(|fact| fact.name()).chain([FactRef::FEATURE]))
            .unwrap_or_else(|| "`c360 health facts` lists them".into());
        section.notes.wrong(span, format!("there is no fact `{name}`"), Some(help));
    }
    found
}

/// Measures with the points that they are worth.
pub(super) fn measures(root: &Section<'_, '_>, groups: &[Group]) -> Vec<(Measure, CardMeasure)> {
    let Some(section) = root.section("measures") else {
        if !root.has("measures") {
            root.notes.wrong(
                0..0,
                "the file has no measures",
                Some("add `[measures.last_seen]` with group, fact, weight, red and green".into()),
            );
        }
        return Vec::new();
    };
    let mut measures = Vec::new();
    for (id, span, value) in entries(section.table) {
        if id.contains(':') {
            root.notes.wrong(span, format!("the name `{id}` has a colon"), Some("choose a name without one".into()));
            continue;
        }
        let Some(section) = section.as_section(id, value, span) else { continue };
        measures.push(measure(id, &section, groups));
    }
    too_many(root, "measures", measures.len());
    measures
}

/// What is wrong is noted, and something stands in its place, so that who speaks of the measure is not wrong too.
fn measure(id: &str, section: &Section<'_, '_>, groups: &[Group]) -> (Measure, CardMeasure) {
    let group = group_of(section, groups);
    let fact = section.needed_text("fact", "\"usage.silent_days\"").and_then(|(name, span)| fact_of(section, name, span));
    let compare = choice(section, "compare", [("value", Compare::Value), ("trend", Compare::Trend), ("baseline", Compare::Baseline)]);
    let missing = choice(section, "missing", [("skip", Missing::Skip), ("neutral", Missing::Neutral), ("zero", Missing::Zero)]);
    let weight_milli = weight(section);
    let (red, green) = points(section, true);
    let ttl_days = section.whole("ttl_days", (0, 3_650), "30");
    let half_life_days = section.whole("half_life_days", (1, 3_650), "60");
    let complaint = section.text("complaint", "\"what is wrong when it is low\"").map(|(text, _)| text.to_owned());
    section.done();
    let complaint = complaint.unwrap_or_else(|| format!("{} is low", id.replace('_', " ")));
    let measure = Measure {
        id: id.to_owned(),
        group,
        fact: fact.unwrap_or(FactRef::Known(Fact::SilentDays)),
        compare,
        weight_milli,
        missing,
        ttl_days: ttl_days.unwrap_or(i64::from(u16::MAX)),
        half_life_days: half_life_days.unwrap_or(60),
        complaint,
    };
    (measure, CardMeasure { weight_ppm: 0, red_milli: red.unwrap_or(0), green_milli: green.unwrap_or(1000) })
}

fn choice<T: Copy>(section: &Section<'_, '_>, key: &'static str, choices: [(&'static str, T); 3]) -> T {
    let Some((name, span)) = section.text(key, &format!("\"{}\"", choices[0].0)) else { return choices[0].1 };
    let found = choices.iter().find(|(known, _)| *known == name);
    if found.is_none() {
        section.notes.wrong(span, format!("there is no `{key}` called `{name}`"), meant(name, choices.map(|(known, _)| known)));
    }
    found.map_or(choices[0].1, |(_, choice)| *choice)
}

/// `red` and `green`, which may not be the same.
pub(super) fn points(section: &Section<'_, '_>, needed: bool) -> (Option<i64>, Option<i64>) {
    if needed {
        for (key, example) in [("red", "0"), ("green", "1")] {
            if !section.has(key) {
                section.missing(key, example);
            }
        }
    }
    let (red, green) = (section.milli("red", VALUE, "0"), section.milli("green", VALUE, "1"));
    if red.is_some() && red == green {
        let span = section.get("green").map_or(section.span.clone(), toml::Spanned::span);
        let help = "red is the value that is worth 0 points, green the one that is worth 100".to_owned();
        section.notes.wrong(span, "`red` and `green` are the same", Some(help));
    }
    (red, green)
}
