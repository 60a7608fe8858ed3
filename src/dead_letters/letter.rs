//! A dead letter as it is shown, and where in the log it stands.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use c360_log::{Headers, RecordRef};
use c360_schemas::{DeadLetter, Wire};
use serde_json::{Map, Value, json};
use std::fmt;
use std::str::FromStr;

/// Header of a record that says that a letter was taken again; its value is the letter's position.
pub(crate) const TAKEN_AGAIN: &str = "c360.taken-again";

/// Where a letter stands: partition and offset, written `3:17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) partition: u32,
    pub(crate) offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
        let (partition, offset) =
            parts.ok_or_else(|| format!("{text:?} is not the position of a letter: write it as `list` shows it, such as 3:17"))?;
        Ok(Self { partition, offset })
    }
}

/// A letter out of the log.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) place: Place,
    pub(crate) key: Vec<u8>,
    /// In the packed form.
    pub(crate) headers: Vec<u8>,
    pub(crate) letter: DeadLetter,
}

/// What stands in the topic.
pub(crate) enum Found {
    Letter(Letter),
    /// A letter was taken again, at this time.
    TakenAgain(Place, i64),
}

/// Reads a record; `None` where it is none of ours.
pub(crate) fn read(record: &RecordRef<'_>) -> Option<Found> {
    let letter = DeadLetter::decode(record.value).ok()?;
    if let Some(place) = record.headers.get(TAKEN_AGAIN) {
        return Some(Found::TakenAgain(std::str::from_utf8(place).ok()?.parse().ok()?, letter.at));
    }
    let place = Place { partition: record.partition, offset: record.offset };
    Some(Found::Letter(Letter { place, key: record.key.to_vec(), headers: record.headers.0.to_vec(), letter }))
}

impl Letter {
    pub(crate) fn headers(&self) -> Headers<'_> {
        Headers(&self.headers)
    }

    /// One line of a list.
    pub(crate) fn line(&self, taken_again_at: Option<i64>) -> Value {
        let letter = &self.letter;
        json!({
            "position": self.place.to_string(),
            "at": time(letter.at),
            "tenant": letter.tenant,
            "source": letter.source,
            "stage": letter.stage,
            "reason": letter.reason,
            "message": letter.message,
            "bytes": letter.original.len(),
            "content_type": letter.content_type,
            "path": letter.path,
            "replayed_at": taken_again_at.map(time),
        })
    }

    /// All of it: the original as text, or in base64 where it is none.
    pub(crate) fn whole(&self, taken_again_at: Option<i64>) -> Value {
        let mut whole = self.line(taken_again_at);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Map<String, Value> = self.headers().iter().map(|(name, value)| (name.to_owned(), text(value).into())).collect();
        whole["key"] = text(&self.key).into();
        whole["headers"] = headers.into();
        match std::str::from_utf8(&self.letter.original) {
            Ok(original) => whole["original"] = original.into(),
            Err(_) => whole["original_base64"] = STANDARD.encode(&self.letter.original).into(),
        }
        whole
    }
}

/// RFC 3339.
pub(crate) fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_shown() {
        let place = Place { partition: 3, offset: 17 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "3", "3:", ":7", "a:b", "3:17:1", "-1:2"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
