//! JSON read as it comes: a field of the wrong type is noted and never an error, so that one odd event does not end the parse of its batch. Texts are borrowed wherever the
//! JSON has them unescaped.
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// An id, a name or a time: a string, or a number in its shortest form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// Not there, or null.
    #[default]
    None,
    Borrowed(&'a str),
    Owned(String),
    /// A boolean, an array or an object.
    Wrong,
}

impl Text<'_> {
    /// The text; `None` where there is none or it is empty.
    pub(crate) fn get(&self) -> Option<&str> {
        match self {
            Text::Borrowed(text) => Some(*text),
            Text::Owned(text) => Some(text.as_str()),
            Text::None | Text::Wrong => None,
        }
        .filter(|text| !text.is_empty())
    }

    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Text::Wrong)
    }

    /// A whole number, also as a string.
    pub(crate) fn integer(&self) -> Option<i64> {
        let text = self.get()?.trim();
        text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64))
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any json")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
        Ok(Text::Borrowed(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
        Ok(Text::Owned(v.to_owned()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Text<'de>, E> {
        Ok(Text::Owned(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Text<'de>, E> {
        Ok(Text::Owned(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Text<'de>, E> {
        Ok(Text::Owned(v.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
        Ok(Text::Wrong)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::Wrong)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// An object of which some fields matter. The last one of a name wins.
pub(crate) trait Fields<'de>: Default {
    /// Reads the value of `key` if it matters, else skips it with [`skip`].
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;

    /// It was not an object but `scalar`, or an array, which is [`Text::Wrong`].
    fn not_an_object(&mut self, scalar: Text<'de>) {
        let _ = scalar;
    }
}

/// Skips the value of a field that does not matter.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Reads [`Fields`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Lenient<T>(pub(crate) T);

struct FieldsVisitor<T>(PhantomData<T>);

impl<T> FieldsVisitor<T> {
    fn scalar<'de>(scalar: Text<'de>) -> Lenient<T>
    where
        T: Fields<'de>,
    {
        let mut fields = T::default();
        fields.not_an_object(scalar);
        Lenient(fields)
    }
}

impl<'de, T: Fields<'de>> Visitor<'de> for FieldsVisitor<T> {
    type Value = Lenient<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lenient<T>, A::Error> {
        let mut fields = T::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            fields.field(key.get().unwrap_or_default(), &mut map)?;
        }
        Ok(Lenient(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Lenient<T>, A::Error> {
        TextVisitor.visit_seq(seq).map(Self::scalar)
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Owned(v.to_owned())))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Owned(v.to_string())))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Owned(v.to_string())))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Owned(v.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::Wrong))
    }

    fn visit_unit<E>(self) -> Result<Lenient<T>, E> {
        Ok(Self::scalar(Text::None))
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whatever_comes_and_borrowed_where_it_can_be() {
        for (json, text) in [
            (r#""ab""#, Text::Borrowed("ab")),
            (r#""a\u0062""#, Text::Owned("ab".into())),
            ("12", Text::Owned("12".into())),
            ("-7", Text::Owned("-7".into())),
            ("1.5", Text::Owned("1.5".into())),
            ("null", Text::None),
            ("true", Text::Wrong),
            (r#"[1,{"a":2}]"#, Text::Wrong),
            (r#"{"a":[2]}"#, Text::Wrong),
        ] {
            assert_eq!(serde_json::from_str::<Text<'_>>(json).unwrap(), text, "{json}");
        }
    }

    #[test]
    fn whole_numbers_are_read_from_strings_too() {
        for (text, number) in [("9", Some(9)), (" 9.0 ", Some(9)), ("9.5", None), ("nan", None), ("1e300", None), ("x", None)] {
            assert_eq!(Text::Borrowed(text).integer(), number, "{text}");
        }
    }
}
