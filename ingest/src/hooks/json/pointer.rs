//! JSON pointers (RFC 6901) into text that is not parsed as a whole.
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

/// A place in a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

/// A list has more entries than are taken.
#[derive(Debug)]
pub(super) struct TooMany;

impl Pointer {
    /// `""` is the whole, `"/a/0"` the first entry of `a`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or_else(|| format!("{text:?} is not a json pointer: it must begin with /"))?;
        let unescaped = |token: &str| token.replace("~1", "/").replace("~0", "~");
        Ok(Self(rest.split('/').map(unescaped).collect()))
    }

    /// What stands there.
    pub(super) fn find<'a>(&self, whole: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(whole, |at, token| step(at, token))
    }

    /// The entries of the list that stands there; `None` where there is none.
    pub(super) fn list<'a>(&self, whole: &'a RawValue, max: usize) -> Result<Option<Vec<&'a RawValue>>, TooMany> {
        let Some(list) = self.find(whole).filter(|found| found.get().starts_with('[')) else { return Ok(None) };
        let read = serde_json::Deserializer::from_str(list.get()).deserialize_seq(ListVisitor(max));
        match read {
            Ok(Some(entries)) => Ok(Some(entries)),
            Ok(None) => Err(TooMany),
            Err(_) => Ok(None),
        }
    }

    /// A text with a list of `entry` alone at this place.
    pub(super) fn wrap(&self, entry: &str) -> String {
        self.0.iter().rev().fold(format!("[{entry}]"), |inner, token| format!("{{{}:{inner}}}", serde_json::Value::from(token.as_str())))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the root");
        }
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

fn step<'a>(at: &'a RawValue, token: &str) -> Option<&'a RawValue> {
    match at.get().as_bytes().first()? {
        b'{' => serde_json::from_str::<HashMap<String, &'a RawValue>>(at.get()).ok()?.remove(token),
        b'[' => {
            let index: usize = token.parse().ok()?;
            serde_json::from_str::<Vec<&'a RawValue>>(at.get()).ok()?.get(index).copied()
        }
        _ => None,
    }
}

/// Reads a list, up to a number of entries; `None` where there are more.
struct ListVisitor(usize);

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < self.0 {
            let Some(entry) = seq.next_element()? else { return Ok(Some(entries)) };
            entries.push(entry);
        }
        let mut more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok((!more).then_some(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_find_what_rfc_6901_says() {
        let text = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3," ":7,"m~n":8,"o":{"p":[{"q":null}]},"u\u0041":9}"#;
        let whole: &RawValue = serde_json::from_str(text).unwrap();
        for (pointer, expected) in [
            ("", Some(text)),
            ("/foo", Some(r#"["bar","baz"]"#)),
            ("/foo/0", Some(r#""bar""#)),
            ("/", Some("0")),
            ("/a~1b", Some("1")),
            ("/c%d", Some("2")),
            ("/ ", Some("7")),
            ("/m~0n", Some("8")),
            ("/o/p/0/q", Some("null")),
            ("/uA", Some("9")),
            ("/foo/2", None),
            ("/foo/-", None),
            ("/foo/bar", None),
            ("/o/p/0/q/r", None),
            ("/x", None),
        ] {
            assert_eq!(Pointer::parse(pointer).unwrap().find(whole).map(RawValue::get), expected, "{pointer}");
        }
        assert!(Pointer::parse("foo").is_err());
    }

    #[test]
    fn lists_are_bounded_and_one_entry_can_be_wrapped_again() {
        let pointer = Pointer::parse("/a~1b/c").unwrap();
        let whole: &RawValue = serde_json::from_str(r#"{"a/b":{"c":[1,{"d":2}]}}"#).unwrap();
        let entries = pointer.list(whole, 2).unwrap().unwrap();
        assert_eq!(entries.iter().map(|entry| entry.get()).collect::<Vec<_>>(), ["1", r#"{"d":2}"#]);
        assert!(pointer.list(whole, 1).is_err());
        assert!(Pointer::parse("/x").unwrap().list(whole, 1).unwrap().is_none());
        assert_eq!(pointer.wrap(r#"{"d":2}"#), r#"{"a/b":{"c":[{"d":2}]}}"#);
        assert_eq!(Pointer::parse("").unwrap().wrap("1"), "[1]");
    }
}
