//! Reads a file of rules: every mistake is found, with its place, before anything of it is taken.
mod alerts;
mod cards;
mod conditions;
mod measures;
mod overrides;
mod playbooks;
mod section;

use crate::mistake::Mistake;
use crate::rules::{Bands, Rules};
use section::{Notes, Section};
use std::cell::RefCell;
use toml::de::DeTable;

const DAY_MS: i64 = 86_400_000;
/// Measures and caps stand as bytes in rows.
const ENTRIES_MAX: usize = 200;
/// A file is a record of the log.
const TEXT_BYTES_MAX: usize = 512 * 1024;

/// Checks a file of rules and compiles it.
///
/// # Errors
/// All mistakes that were found, in the order of the file.
pub fn check(text: &str) -> Result<Rules, Vec<Mistake>> {
    let notes = Notes { text, mistakes: RefCell::default() };
    if text.len() > TEXT_BYTES_MAX {
        notes.wrong(0..0, format!("the file has {} bytes, and {TEXT_BYTES_MAX} are taken at most", text.len()), None);
        return Err(notes.mistakes.into_inner());
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        notes.wrong(error.span().unwrap_or(0..0), format!("this is no TOML: {}", error.message()), None);
    }
    let rules = if notes.mistakes.borrow().is_empty() { file(&Section::new(&notes, table.get_ref(), 0..0)) } else { None };
    let mut mistakes = notes.mistakes.into_inner();
    mistakes.sort_by_key(|mistake| mistake.span.start);
    match rules {
        Some(rules) if mistakes.is_empty() => Ok(rules),
        _ => Err(mistakes),
    }
}

fn file(root: &Section<'_, '_>) -> Option<Rules> {
    let name = root.needed_text("name", "\"our card\"").map(|(name, _)| name.to_owned());
    let bands = bands(root.section("bands").as_ref());
    let groups = measures::groups(root);
    let measures = measures::measures(root, &groups);
    let caps = conditions::caps(root, &groups);
    let cards = cards::cards(root, &groups, &measures);
    let overrides = overrides::overrides(root);
    let alerts = alerts::alerts(root);
    let playbooks = playbooks::playbooks(root, &measures, &caps);
    root.done();
    let id = xxhash_rust::xxh3::xxh3_64(root.notes.text.as_bytes()).max(1);
    let measures = measures.into_iter().map(|(measure, _)| measure).collect();
    Some(Rules { name: name?, id, bands, groups, measures, caps, cards, overrides, alerts, playbooks })
}

fn bands(section: Option<&Section<'_, '_>>) -> Bands {
    let mut bands = Bands { yellow_from: 50, green_from: 75, margin: 5, dwell_ms: 3 * DAY_MS, known_from_ppm: 500_000 };
    let Some(section) = section else { return bands };
    let points = |key: &'static str, to: &mut i32, bounds, example: &str| {
        if let Some(points) = section.whole(key, bounds, example) {
            *to = points as i32;
        }
    };
    points("yellow_from", &mut bands.yellow_from, (1, 99), "50");
    points("green_from", &mut bands.green_from, (2, 100), "75");
    points("margin", &mut bands.margin, (0, 25), "5");
    if let Some(days) = section.milli("dwell_days", (0, 90), "3") {
        bands.dwell_ms = days * DAY_MS / 1000;
    }
    if let Some(share) = section.milli("known_from", (0, 1), "0.5") {
        bands.known_from_ppm = share as u32 * 1000;
    }
    if bands.yellow_from >= bands.green_from {
        let span = section.get("green_from").or_else(|| section.get("yellow_from")).map_or(section.span.clone(), toml::Spanned::span);
        let message = format!("yellow begins at {} and green at {}: green has to begin higher", bands.yellow_from, bands.green_from);
        section.notes.wrong(span, message, Some(format!("write `green_from = {}` or more", bands.yellow_from + 1)));
    }
    section.done();
    bands
}
