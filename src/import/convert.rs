//! From the columns of a row to its fields: names, constant fields, dates as they are written here, amounts with a decimal comma.
use super::columns::Columns;
use super::read::Raw;
use anyhow::{Context, bail};
use c360_ingest::rows::{RowKind, Shape};
use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// How a file's rows become rows of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Converter {
    pub(crate) kind: RowKind,
    pub(crate) columns: Columns,
    set: Vec<(&'static str, String)>,
    date_format: Option<String>,
    decimal_comma: bool,
}

impl Converter {
    /// # Errors
    /// Where a constant field is none of the kind's, or the date format makes no sense.
    pub(crate) fn new(
        kind: RowKind,
        columns: Columns,
        set: &[(String, String)],
        date_format: Option<&str>,
        decimal_comma: bool,
    ) -> anyhow::Result<Self> {
        let set = set.iter().map(|(name, value)| match kind.field(name) {
            Some(field) => Ok((field.name, value.clone())),
            None => bail!("--set {name}={value}: {} have no such field; there are {}", kind.as_str(), super::columns::names(kind)),
        });
        let set = set.collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(format) = date_format {
            let example = civil::date(2026, 11, 22).at(10, 30, 0, 0);
            let written =
                strtime::format(format, example).with_context(|| format!("--date-format {format:?} is not known; see strftime"))?;
            read_date(format, &written).map_err(|why| anyhow::anyhow!("--date-format {format:?} does not say the whole date: {why}"))?;
        }
        Ok(Self { kind, columns, set, date_format: date_format.map(str::to_owned), decimal_comma })
    }

    /// Whether a field has a column or is set.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.columns.has(field) || self.set.iter().any(|(name, _)| *name == field)
    }

    /// The row, or why it is none.
    pub(crate) fn convert(&self, raw: &Raw) -> Result<Map<String, Value>, String> {
        let mut row = Map::new();
        for (name, value) in &self.set {
            row.insert((*name).to_owned(), Value::from(value.as_str()));
        }
        for (column, value) in raw.columns.as_ref().map_err(Clone::clone)? {
            match self.columns.field(column) {
                Some("") => {}
                Some(field) => {
                    row.insert(field.to_owned(), self.value(field, value)?);
                }
                // A property of the name of a field is not that field.
                None if self.kind.field(column).is_some() => {
                    row.insert(format!("{column} (column)"), value.clone());
                }
                None => {
                    row.insert(column.clone(), value.clone());
                }
            }
        }
        Ok(row)
    }

    fn value(&self, field: &str, value: &Value) -> Result<Value, String> {
        let (Some(text), Some(shape)) = (value.as_str(), self.kind.field(field).map(|field| field.shape)) else { return Ok(value.clone()) };
        match (shape, &self.date_format) {
            (Shape::Time, Some(format)) => {
                read_date(format, text).map(Value::from).map_err(|why| format!("{field}: {text:?} is not a date as {format}: {why}"))
            }
            (Shape::Money, _) if self.decimal_comma => Ok(Value::from(text.replace(['.', ' ', '\u{a0}', '\''], "").replace(',', "."))),
            _ => Ok(value.clone()),
        }
    }
}

/// UTC ms; without an offset the time is UTC, and without a time it is midnight.
fn read_date(format: &str, text: &str) -> Result<i64, String> {
    let parsed = strtime::parse(format, text.trim()).map_err(|error| error.to_string())?;
    if parsed.offset().is_some() {
        return parsed.to_timestamp().map(jiff::Timestamp::as_millisecond).map_err(|error| error.to_string());
    }
    let date = parsed.to_date().map_err(|error| error.to_string())?;
    let time = if parsed.hour().is_some() { parsed.to_time().map_err(|error| error.to_string())? } else { civil::Time::midnight() };
    date.to_datetime(time).to_zoned(TimeZone::UTC).map(|at| at.timestamp().as_millisecond()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::read::Original;
    use serde_json::json;

    fn converter(kind: RowKind, names: &[&str], set: &[(&str, &str)], format: Option<&str>, comma: bool) -> anyhow::Result<Converter> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let set: Vec<_> = set.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Converter::new(kind, Columns::find(kind, &names, &[]).unwrap(), &set, format, comma)
    }

    fn raw(columns: &[(&str, Value)]) -> Raw {
        let columns = columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Raw { line: 2, original: Original::Json(Vec::new()), columns: Ok(columns) }
    }

    #[test]
    fn fields_are_named_dates_and_amounts_read_as_told_and_the_rest_is_kept() {
        let converter = converter(
            RowKind::Accounts,
            &["Account ID", "MRR", "Renewal date", "Industry"],
            &[("currency", "EUR")],
            Some("%d.%m.%Y"),
            true,
        )
        .unwrap();
        let row = converter.convert(&raw(&[
            ("Account ID", json!("acme")),
            ("MRR", json!("1.234,50")),
            ("Renewal date", json!("22.11.2026")),
            ("Industry", json!("Steel")),
        ]));
        let expected =
            json!({"account_id": "acme", "mrr": "1234.50", "contract_end": 1_795_305_600_000_i64, "Industry": "Steel", "currency": "EUR"});
        assert_eq!(Value::Object(row.unwrap()), expected);
        let why = converter.convert(&raw(&[("Renewal date", json!("2026-11-22"))])).unwrap_err();
        assert!(why.starts_with("contract_end: \"2026-11-22\" is not a date as %d.%m.%Y"), "{why}");
    }

    #[test]
    fn formats_that_do_not_say_the_whole_date_and_fields_that_are_none_are_refused() {
        for (format, good) in [("%m/%d/%Y", true), ("%Y%m%d", true), ("%d.%m.%Y %H:%M", true), ("%m/%d", false), ("%Q!", false)] {
            assert_eq!(converter(RowKind::Accounts, &["id"], &[], Some(format), false).is_ok(), good, "{format}");
        }
        let wrong = converter(RowKind::Accounts, &["id"], &[("colour", "red")], None, false).unwrap_err().to_string();
        assert!(wrong.contains("no such field"), "{wrong}");
    }
}
