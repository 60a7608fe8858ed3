//! Events from the future: one dated too far ahead becomes now, and its properties say what it said.
use crate::bad::{Bad, Reason};
use crate::config::TimeConfig;
use crate::time::format_ms;
use std::borrow::Cow;

/// When an event happened, UTC ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTime {
    pub(crate) at: i64,
    /// It was too far ahead and became the time of receiving; this is what it said.
    pub(crate) clamped_from: Option<i64>,
}

/// Checks a time that an event says of itself.
pub(crate) fn clamp(at: i64, received_at: i64, config: &TimeConfig) -> Result<EventTime, Bad> {
    if at < 0 {
        return Err(Bad::new(Reason::BadTimestamp, "the event is dated before 1970"));
    }
    let ahead_max = i64::try_from(config.future_s_max.saturating_mul(1000)).unwrap_or(i64::MAX);
    if at.saturating_sub(received_at) > ahead_max {
        return Ok(EventTime { at: received_at, clamped_from: Some(at) });
    }
    Ok(EventTime { at, clamped_from: None })
}

impl EventTime {
    /// The properties, which say so where the event was dated too far ahead. It is rare: that it costs a copy does not matter.
    pub(crate) fn flag<'a>(&self, properties: &'a str) -> Cow<'a, str> {
        self.clamped_from.map_or(Cow::Borrowed(properties), |said| Cow::Owned(flagged(properties, said)))
    }
}

fn flagged(properties: &str, said: i64) -> String {
    let said = format_ms(said);
    let rest = properties.trim_start().strip_prefix('{').map_or("", str::trim_start);
    let (separator, rest) = if rest.is_empty() || rest.starts_with('}') { ("", "}") } else { (",", rest) };
    format!(r#"{{"c360_clamped_from":"{said}"{separator}{rest}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clamped_event_says_what_it_said_and_stays_json() {
        let time = clamp(253_402_300_799_999, 5, &TimeConfig::default()).unwrap();
        assert_eq!(time.at, 5);
        for (properties, keys) in [("", 1), ("{}", 1), ("{ }", 1), (r#"{"a":1}"#, 2), (r#" { "a" : {} }"#, 2)] {
            let text = time.flag(properties);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["c360_clamped_from"], "9999-12-31T23:59:59.999Z", "{text}");
            assert_eq!(value.as_object().unwrap().len(), keys, "{text}");
        }
    }
}
