//! One row: a flat JSON object whose fields are read by their names, each with a reason where it cannot be.
use super::kind::RowKind;
use super::money;
use crate::bad::{Bad, Reason};
use crate::config::LimitsConfig;
use crate::ids::{check_account_id, check_id, is_longer};
use crate::time::parse_ms;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// 1973: a smaller number is a serial number of a spreadsheet's day, or a date without separators, and no time since 1970.
const NUMBER_MIN_MS: i64 = 100_000_000_000;
/// 2200: what is above is no date that anybody means.
const TIME_MAX_MS: i64 = 7_258_118_400_000;

/// Every row may say its own message id.
pub(super) const MESSAGE_ID: &str = "message_id";

/// A row on its way.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) kind: RowKind,
    pub(super) fields: &'a Map<String, Value>,
    pub(super) limits: &'a LimitsConfig,
}

impl<'a> Row<'a> {
    /// The text of a field; `None` where it is not there or empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Bad> {
        let text = match self.fields.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => Cow::Borrowed(text.trim()),
            Some(Value::Number(number)) => Cow::Owned(number.to_string()),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(Bad::new(Reason::BadPayload, format!("{name} is neither a text nor a number")));
            }
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(super) fn id(&self, name: &str) -> Result<Option<Cow<'a, str>>, Bad> {
        let id = self.text(name)?;
        if let Some(id) = &id {
            check_id(name, id, self.limits.id_chars_max)?;
        }
        Ok(id)
    }

    pub(super) fn account_id(&self) -> Result<Option<Cow<'a, str>>, Bad> {
        let id = self.text("account_id")?;
        if let Some(id) = &id {
            check_account_id(id, self.limits.id_chars_max)?;
        }
        Ok(id)
    }

    pub(super) fn name(&self, field: &str) -> Result<Option<Cow<'a, str>>, Bad> {
        let name = self.text(field)?;
        let max = self.limits.name_chars_max;
        if name.as_ref().is_some_and(|name| is_longer(name, max) || name.contains('\0')) {
            return Err(Bad::new(Reason::BadName, format!("{field} must have at most {max} characters, and no NUL")));
        }
        Ok(name)
    }

    /// UTC ms.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Bad> {
        self.text(name)?.map(|text| read_time(&text).map_err(|why| Bad::new(Reason::BadTimestamp, format!("{name}: {why}")))).transpose()
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Bad> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let plain = text.strip_suffix(".0").or_else(|| text.strip_suffix(".00")).unwrap_or(&text);
        plain.parse().map(Some).map_err(|_| Bad::new(Reason::BadPayload, format!("{name} is not a whole number: {:?}", shown(&text))))
    }

    /// Millionths of the currency's minor unit.
    pub(super) fn money(&self, name: &str, currency: &str) -> Result<Option<i64>, Bad> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if currency.is_empty() {
            return Err(Bad::new(Reason::BadPayload, format!("{name} needs a currency: add a field currency (USD, EUR, ...)")));
        }
        match money::micros(&text, currency) {
            Ok(micros) if micros < 0 => Err(Bad::new(Reason::BadPayload, format!("{name} is below zero: {:?}", shown(&text)))),
            Ok(micros) => Ok(Some(micros)),
            Err(why) => Err(Bad::new(Reason::BadPayload, format!("{name}: {why}"))),
        }
    }

    /// ISO 4217 in upper case; empty where it is not said.
    pub(super) fn currency(&self) -> Result<String, Bad> {
        let Some(text) = self.text("currency")? else { return Ok(String::new()) };
        if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(Bad::new(Reason::BadPayload, format!("currency is not one of iso 4217: {:?}", shown(&text))));
        }
        Ok(text.to_ascii_uppercase())
    }

    /// What is none of the kind's fields, and what an object `properties` or `traits` holds, as the text of an object; empty where there is nothing.
    pub(super) fn rest(&self) -> Result<String, Bad> {
        let mut rest = Map::new();
        for name in ["traits", "properties"] {
            match self.fields.get(name).filter(|_| self.kind.field(name).is_some()) {
                None | Some(Value::Null) => {}
                Some(Value::Object(inner)) => rest.extend(inner.iter().map(|(key, value)| (key.clone(), value.clone()))),
                Some(Value::String(text)) if text.trim().is_empty() => {}
                Some(Value::String(text)) => match serde_json::from_str(text) {
                    Ok(Value::Object(inner)) => rest.extend(inner),
                    _ => return Err(Bad::new(Reason::BadProperties, format!("{name} is not a json object"))),
                },
                Some(_) => return Err(Bad::new(Reason::BadProperties, format!("{name} is not a json object"))),
            }
        }
        for (key, value) in self.fields {
            if key != MESSAGE_ID && self.kind.field(key).is_none() && !matches!(value, Value::Null) {
                rest.insert(key.clone(), value.clone());
            }
        }
        Ok(if rest.is_empty() { String::new() } else { Value::Object(rest).to_string() })
    }
}

/// The beginning of a text, for messages.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A time that can be read in one way only.
fn read_time(text: &str) -> Result<i64, String> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match parse_ms(text) {
        Some(ms) if is_number && ms < NUMBER_MIN_MS => Err(format!(
            "{:?} is too small a number to be a time since 1970; say how to read it (c360 import --date-format %Y%m%d)",
            shown(text)
        )),
        Some(ms) if ms > TIME_MAX_MS => Err(format!("{:?} lies beyond the year 2200", shown(text))),
        Some(ms) if ms < 0 => Err(format!("{:?} lies before 1970", shown(text))),
        Some(ms) => Ok(ms),
        None if text.contains('/') || text.contains('.') => Err(format!(
            "{:?} can be read in several ways; say in which (c360 import --date-format %m/%d/%Y, or %d/%m/%Y), or write 2026-11-22",
            shown(text)
        )),
        None => Err(format!("{:?} is not a time; write 2026-11-22 or 2026-11-22T10:00:00Z", shown(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_one_way_or_not_at_all() {
        for (text, expected) in [
            ("2026-11-22", Some(1_795_305_600_000)),
            ("2026-11-22T10:00:00+02:00", Some(1_795_334_400_000)),
            ("1795341600", Some(1_795_341_600_000)),
            ("1795341600123", Some(1_795_341_600_123)),
            ("11/22/2026", None),
            ("22.11.2026", None),
            ("20261122", None),
            ("46348", None),
            ("20261122100000", None),
            ("1969-12-31", None),
            ("soon", None),
        ] {
            assert_eq!(read_time(text).ok(), expected, "{text}");
        }
    }
}
