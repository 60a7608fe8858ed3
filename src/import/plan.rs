//! What will be done with a file: its kind and the fields of its columns, found out before the first row is taken, and said.
use super::columns::Columns;
use super::convert::Converter;
use super::guess;
use super::open::{Format, Opened, Packing, open};
use super::options::ImportOptions;
use super::read::{REFUSED_PREFIX, Rows};
use anyhow::{Context, bail};
use c360_ingest::rows::RowKind;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// Rows of a JSONL file whose columns are looked at.
const SAMPLE_ROWS: usize = 1_000;
/// Longest line of names that is shown.
const NAMES_SHOWN: usize = 24;

/// A file, and what will be done with it.
pub(crate) struct Plan {
    pub(crate) converter: Converter,
    pub(crate) as_of: i64,
    pub(crate) format: Format,
    pub(crate) header: Vec<String>,
    /// In words, for whoever watches.
    pub(crate) said: String,
}

impl Plan {
    /// Looks at a file.
    ///
    /// # Errors
    /// Where it is nothing that can be imported as it was asked for, and what to do.
    pub(crate) fn of(path: &Path, options: &ImportOptions) -> anyhow::Result<Self> {
        let opened = open(path, options.delimiter)?;
        let (packing, format, modified_ms) = (opened.packing, opened.format, opened.modified_ms);
        let header = names_of(opened)?;
        let names: Vec<String> = header.iter().filter(|name| !name.starts_with(REFUSED_PREFIX)).cloned().collect();
        let kind = match options.kind {
            Some(kind) => kind,
            None => guess::kind_of(&names, &options.map, &options.set)?,
        };
        let columns = Columns::find(kind, &names, &options.map)?;
        let converter = Converter::new(kind, columns, &options.set, options.date_format.as_deref(), options.decimal_comma)?;
        let as_of = match &options.as_of {
            Some(text) => as_of(text)?,
            None => modified_ms,
        };
        lacks_nothing(&converter)?;
        let said = say(&converter, packing, format, options.kind.is_none());
        Ok(Self { converter, as_of, format, header, said })
    }

    /// The file's rows, from the first one on.
    pub(crate) fn open(&self, path: &Path) -> anyhow::Result<Opened> {
        let Format::Csv { delimiter } = self.format else { return open(path, None) };
        open(path, Some(delimiter))
    }

    /// What the import is: where one of these is another, it is another import.
    pub(crate) fn fingerprint(&self, options: &ImportOptions) -> String {
        let mut hash = Sha256::new();
        let what = format!(
            "{:?} {} {:?} {} {:?} {:?} {:?} {}",
            options.source,
            options.to,
            self.converter.kind,
            self.converter.columns.mapped.iter().map(|(column, field)| format!("{column:?}={field} ")).collect::<String>(),
            options.set,
            options.date_format,
            options.as_of,
            options.decimal_comma
        );
        hash.update(what);
        hex::encode(&hash.finalize()[..16])
    }
}

/// The names of a file's columns; of JSONL those of its first rows.
fn names_of(opened: Opened) -> anyhow::Result<Vec<String>> {
    let mut rows = Rows::of(opened)?;
    if let Some(header) = rows.header() {
        return Ok(header.to_vec());
    }
    let mut names: Vec<String> = Vec::new();
    for _ in 0..SAMPLE_ROWS {
        let Some(raw) = rows.next()? else { break };
        for (name, _) in raw.columns.into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn as_of(text: &str) -> anyhow::Result<i64> {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp());
    let at = time.or_else(date).with_context(|| format!("--as-of {text:?} is not a time: write 2026-11-22 or 2026-11-22T10:00:00Z"))?;
    Ok(at.as_millisecond())
}

fn lacks_nothing(converter: &Converter) -> anyhow::Result<()> {
    let kind = converter.kind;
    for group in kind.needs() {
        if group.iter().any(|field| converter.has(field)) {
            continue;
        }
        let mut message = format!("{} need {}, and no column is it", kind.as_str(), group.join(" or "));
        for (column, meant) in &converter.columns.others {
            if let Some(field) = meant.filter(|field| group.contains(field)) {
                let _ = write!(message, "; is it {column:?}? say --map '{column}={field}'");
            }
        }
        let others: Vec<_> = converter.columns.others.iter().map(|(column, _)| column.as_str()).collect();
        bail!("{message}; columns that are no field: {}", listed(&others));
    }
    Ok(())
}

fn say(converter: &Converter, packing: Packing, format: Format, guessed: bool) -> String {
    let kind = converter.kind;
    let packed = match packing {
        Packing::Plain => "",
        Packing::Gzip => ", gzip",
        Packing::Zstd => ", zstd",
    };
    let format = match format {
        Format::Csv { delimiter: b'\t' } => "csv with tabs".to_owned(),
        Format::Csv { delimiter: b',' } => "csv".to_owned(),
        Format::Csv { delimiter } => format!("csv with {:?}", char::from(delimiter)),
        Format::Jsonl => "jsonl".to_owned(),
    };
    let how = if guessed { " (guessed from the columns; --kind says it)" } else { "" };
    let mut text = format!("{}{how}, {format}{packed}\n", kind.as_str());
    let (renamed, same): (Vec<_>, Vec<_>) = converter.columns.mapped.iter().partition(|(column, field)| column != field);
    let fields = renamed.iter().filter(|(_, field)| !field.is_empty()).map(|(column, field)| format!("{column} -> {field}"));
    let fields: Vec<String> = same.iter().map(|(column, _)| column.clone()).chain(fields).collect();
    let _ = writeln!(text, "  fields: {}", fields.join(", "));
    let left_out: Vec<_> = renamed.iter().filter(|(_, field)| field.is_empty()).map(|(column, _)| column.as_str()).collect();
    if !left_out.is_empty() {
        let _ = writeln!(text, "  left out: {}", listed(&left_out));
    }
    let others: Vec<_> = converter.columns.others.iter().map(|(column, _)| column.as_str()).collect();
    if !others.is_empty() {
        let as_what = if matches!(kind, RowKind::Accounts | RowKind::Users) { "traits" } else { "properties" };
        let _ = writeln!(text, "  kept as {as_what}: {}", listed(&others));
    }
    for (column, field) in converter.columns.others.iter().filter_map(|(column, meant)| Some((column, (*meant)?))) {
        let _ = writeln!(text, "  did you mean {field} by {column:?}? say --map '{column}={field}'");
    }
    text
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [shown @ .., _] if names.len() > NAMES_SHOWN => {
            format!("{} and {} more", shown[..NAMES_SHOWN].join(", "), names.len() - NAMES_SHOWN)
        }
        names => names.join(", "),
    }
}
