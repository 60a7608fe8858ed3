//! From JSON text to calls: fast where all is well, call by call where it is not.
use super::call::{Call, CallContext};
use crate::bad::{Bad, Reason};
use crate::error::Refusal;
use crate::lenient::{Lenient, Text, skip};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// A small call: what room is made for beforehand goes by it, up to [`EXPECTED_MAX`] calls.
const CALL_BYTES: usize = 256;
const EXPECTED_MAX: usize = 1024;

/// A batch whose calls are `T`.
pub(crate) struct Root<'a, T> {
    pub(crate) calls: Vec<T>,
    pub(crate) sent_at: Text<'a>,
    pub(crate) write_key: Text<'a>,
    /// Holds for all calls that say nothing else.
    pub(crate) context: CallContext<'a>,
}

/// One call by itself.
pub(crate) fn call(body: &str) -> Result<Call<'_>, Refusal> {
    serde_json::from_str::<Lenient<Call<'_>>>(body).map(|Lenient(call)| call).map_err(|e| malformed(&e))
}

/// A batch. Text that is JSON but not to be read as calls (a lone surrogate, a number beyond all bounds) spoils only the call that it stands in.
pub(crate) fn root(body: &str, events_max: usize) -> Result<Root<'_, Lenient<Call<'_>>>, Refusal> {
    match read(body, events_max) {
        Err(Refusal::Malformed(_)) => one_by_one(read(body, events_max)?),
        other => other,
    }
}

/// The text of each call of a batch that [`root`] has read.
pub(crate) fn originals(body: &str, events_max: usize) -> Result<Vec<&RawValue>, Refusal> {
    read(body, events_max).map(|root| root.calls)
}

fn one_by_one<'a>(raw: Root<'a, &'a RawValue>) -> Result<Root<'a, Lenient<Call<'a>>>, Refusal> {
    let parse = |raw: &'a RawValue| {
        serde_json::from_str(raw.get()).unwrap_or_else(|error| {
            let trouble = Bad::new(Reason::MalformedEvent, format!("the event cannot be read: {error}"));
            Lenient(Call { trouble: Some(trouble), ..Call::default() })
        })
    };
    let calls = raw.calls.into_iter().map(parse).collect();
    Ok(Root { calls, sent_at: raw.sent_at, write_key: raw.write_key, context: raw.context })
}

fn read<'a, T: Deserialize<'a>>(body: &'a str, events_max: usize) -> Result<Root<'a, T>, Refusal> {
    let over = Cell::new(false);
    let mut json = serde_json::Deserializer::from_str(body);
    let events_expected = (body.len() / CALL_BYTES).clamp(1, EXPECTED_MAX);
    let seed = RootSeed { events_max, events_expected, over: &over, calls: PhantomData };
    let root = seed.deserialize(&mut json).and_then(|root| json.end().map(|()| root));
    root.map_err(|error| if over.get() { Refusal::TooManyEvents(events_max) } else { malformed(&error) })
}

fn malformed(error: &serde_json::Error) -> Refusal {
    Refusal::Malformed(error.to_string())
}

struct RootSeed<'s, T> {
    events_max: usize,
    events_expected: usize,
    over: &'s Cell<bool>,
    calls: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for RootSeed<'_, T> {
    type Value = Root<'de, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Root<'de, T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for RootSeed<'_, T> {
    type Value = Root<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an array batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Root<'de, T>, A::Error> {
        let mut calls = None;
        let (mut sent_at, mut write_key, mut context) = (Text::None, Text::None, CallContext::default());
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.get().unwrap_or_default() {
                "batch" => {
                    let Self { events_max, events_expected, over, .. } = self;
                    calls = Some(map.next_value_seed(CallsSeed { events_max, events_expected, over, calls: PhantomData })?);
                }
                "sentAt" => sent_at = map.next_value()?,
                "writeKey" => write_key = map.next_value()?,
                "context" => context = map.next_value::<Lenient<CallContext<'de>>>()?.0,
                _ => skip(&mut map)?,
            }
        }
        let calls = calls.ok_or_else(|| A::Error::missing_field("batch"))?;
        Ok(Root { calls, sent_at, write_key, context })
    }
}

struct CallsSeed<'s, T> {
    events_max: usize,
    events_expected: usize,
    over: &'s Cell<bool>,
    calls: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for CallsSeed<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for CallsSeed<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of calls")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut calls = Vec::with_capacity(self.events_expected);
        while let Some(call) = seq.next_element()? {
            if calls.len() == self.events_max {
                self.over.set(true);
                return Err(A::Error::custom("too many calls"));
            }
            calls.push(call);
        }
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_event_spoils_neither_its_batch_nor_the_order() {
        let body = r#"{"batch":[{"userId":"a"},{"userId":"\ud800"},7,{"userId":1e999},{"userId":5}],"writeKey":"k"}"#;
        let root = root(body, 10).unwrap();
        let users: Vec<_> = root.calls.iter().map(|Lenient(call)| call.user_id.get()).collect();
        assert_eq!(users, [Some("a"), None, None, None, Some("5")]);
        let reasons: Vec<_> = root.calls.iter().map(|Lenient(call)| call.trouble.as_ref().map(|bad| bad.reason)).collect();
        assert_eq!(reasons, [None, Some(Reason::MalformedEvent), Some(Reason::NotAnObject), Some(Reason::MalformedEvent), None]);
        assert_eq!(root.write_key.get(), Some("k"));
        assert_eq!(originals(body, 10).unwrap()[2].get(), "7");
    }

    #[test]
    fn what_is_not_a_batch_is_malformed_and_too_many_are_too_many() {
        for body in ["", "[]", "7", "{}", r#"{"batch":{}}"#, r#"{"batch":[{]}"#, r#"{"batch":[]} x"#, r#"{"batch":[}"#] {
            assert!(matches!(root(body, 10), Err(Refusal::Malformed(_))), "{body}");
        }
        assert!(matches!(root(r#"{"batch":[1,2,3]}"#, 2), Err(Refusal::TooManyEvents(2))));
        assert_eq!(root(r#"{"batch":[1,2]}"#, 2).unwrap().calls.len(), 2);
    }
}
