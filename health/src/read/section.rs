//! A table of the file that is read key by key: what is wrong is noted and reading goes on, and what nobody asked for is a mistake too.
use crate::mistake::Mistake;
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How alike a name must be to be suggested.
const ALIKE: f64 = 0.75;

/// The text, and what was found wrong with it.
pub(super) struct Notes<'t> {
    pub(super) text: &'t str,
    pub(super) mistakes: RefCell<Vec<Mistake>>,
}

impl Notes<'_> {
    pub(super) fn wrong(&self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let mistake = Mistake::new(self.text, span, message.into(), help);
        self.mistakes.borrow_mut().push(mistake);
    }
}

/// What of `known` was likely meant by `given`, as help.
pub(super) fn meant<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let last = |name: &str| name.rsplit(['.', ':']).next().unwrap_or_default().to_owned();
    let like = |name: &&str| strsim::jaro_winkler(given, name).max(strsim::jaro_winkler(&last(given), &last(name)) - 0.05);
    let best = known.iter().copied().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    if like(&best) >= ALIKE {
        return Some(format!("did you mean `{best}`?"));
    }
    (known.len() <= 15).then(|| format!("one of {}", list(&known)))
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'a, 't>(table: &'a DeTable<'t>) -> Vec<(&'a str, Range<usize>, &'a Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}

/// A table being read.
pub(super) struct Section<'a, 't> {
    pub(super) notes: &'a Notes<'t>,
    pub(super) table: &'a DeTable<'t>,
    /// Where a missing key is told of.
    pub(super) span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a, 't> Section<'a, 't> {
    pub(super) fn new(notes: &'a Notes<'t>, table: &'a DeTable<'t>, span: Range<usize>) -> Self {
        Self { notes, table, span, asked: RefCell::new(Vec::new()) }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().push(key);
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    fn mistaken(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str, example: &str) {
        let message = format!("`{key}` is {}, and should be {wanted}", kind(value.get_ref()));
        self.notes.wrong(value.span(), message, Some(format!("write `{key} = {example}`")));
    }

    /// Notes that `key` is needed.
    pub(super) fn missing(&self, key: &str, example: &str) {
        self.notes.wrong(self.span.clone(), format!("`{key}` is missing"), Some(format!("add `{key} = {example}`")));
    }

    pub(super) fn text(&self, key: &'static str, example: &str) -> Option<(&'a str, Range<usize>)> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some((text.as_ref(), value.span())),
            DeValue::String(_) => {
                self.notes.wrong(value.span(), format!("`{key}` is empty"), Some(format!("write `{key} = {example}`")));
                None
            }
            _ => {
                self.mistaken(value, key, "a text", example);
                None
            }
        }
    }

    pub(super) fn needed_text(&self, key: &'static str, example: &str) -> Option<(&'a str, Range<usize>)> {
        if !self.has(key) {
            self.missing(key, example);
        }
        self.text(key, example)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref().as_ref() == key)
    }

    /// A number in thousandths, between two bounds in whole units.
    pub(super) fn milli(&self, key: &'static str, (least, most): (i64, i64), example: &str) -> Option<i64> {
        let value = self.get(key)?;
        let Some(number) = number(value.get_ref()) else {
            self.mistaken(value, key, "a number", example);
            return None;
        };
        if number < least as f64 || number > most as f64 {
            let help = Some(format!("write a number from {least} to {most}"));
            self.notes.wrong(value.span(), format!("`{key}` is {number}, out of range"), help);
            return None;
        }
        Some((number * 1000.0).round() as i64)
    }

    /// A whole number between two bounds.
    pub(super) fn whole(&self, key: &'static str, bounds: (i64, i64), example: &str) -> Option<i64> {
        let milli = self.milli(key, bounds, example)?;
        if milli % 1000 != 0 {
            let span = self.get(key).map_or(self.span.clone(), Spanned::span);
            self.notes.wrong(span, format!("`{key}` should be a whole number"), Some(format!("write `{key} = {example}`")));
            return None;
        }
        Some(milli / 1000)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.mistaken(value, key, "true or false", "true");
                None
            }
        }
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&self, key: &'static str, example: &str) -> Vec<(&'a str, Range<usize>)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.mistaken(value, key, "a list of texts", example);
            return Vec::new();
        };
        let text = |item: &'a Spanned<DeValue<'t>>| match item.get_ref() {
            DeValue::String(text) => Some((text.as_ref(), item.span())),
            _ => {
                self.mistaken(item, key, "a list of texts", example);
                None
            }
        };
        items.iter().filter_map(text).collect()
    }

    /// A list of names out of `known`, by their numbers.
    pub(super) fn names(&self, key: &'static str, known: &[&str], what: &str) -> Vec<usize> {
        let example = format!("[\"{}\"]", known[0]);
        let number = |(name, span): (&str, Range<usize>)| {
            let found = known.iter().position(|known| *known == name);
            if found.is_none() {
                self.notes.wrong(span, format!("there is no {what} `{name}`"), meant(name, known.iter().copied()));
            }
            found
        };
        self.texts(key, &example).into_iter().filter_map(number).collect()
    }

    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a, 't>> {
        let value = self.get(key)?;
        self.as_section(key, value, value.span())
    }

    /// A value that should be a table.
    pub(super) fn as_section(&self, key: &str, value: &'a Spanned<DeValue<'t>>, span: Range<usize>) -> Option<Section<'a, 't>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.notes, table, span)),
            other => {
                let message = format!("`{key}` is {}, and should be a table", kind(other));
                self.notes.wrong(value.span(), message, Some(format!("write a header `[{key}]` above its keys")));
                None
            }
        }
    }

    /// A list of tables: `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a, 't>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            let help = Some(format!("write `[[{key}]]` above each"));
            self.notes.wrong(value.span(), format!("`{key}` is {}, and should be a list of tables", kind(value.get_ref())), help);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.as_section(key, item, item.span())).collect()
    }

    /// What nobody asked for is a mistake.
    pub(super) fn done(&self) {
        let asked = self.asked.borrow();
        for (key, span, _) in entries(self.table) {
            if !asked.contains(&key) {
                self.notes.wrong(span, format!("`{key}` is not known here"), meant(key, asked.iter().copied()));
            }
        }
    }
}

/// A finite number.
pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix()).ok()? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}
