//! One call as the SDKs write it.
use crate::bad::{Bad, Reason};
use crate::lenient::{Fields, Lenient, Text, skip};
use serde::de::MapAccess;
use serde_json::value::RawValue;

/// The calls that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Track,
    Identify,
    Group,
    Page,
    Screen,
    Alias,
}

impl CallKind {
    pub(crate) const ALL: [CallKind; 6] =
        [CallKind::Track, CallKind::Identify, CallKind::Group, CallKind::Page, CallKind::Screen, CallKind::Alias];

    /// `type` of a call in a batch.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            CallKind::Track => "track",
            CallKind::Identify => "identify",
            CallKind::Group => "group",
            CallKind::Page => "page",
            CallKind::Screen => "screen",
            CallKind::Alias => "alias",
        }
    }

    /// Where such a call is posted to by itself.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            CallKind::Track => "/v1/track",
            CallKind::Identify => "/v1/identify",
            CallKind::Group => "/v1/group",
            CallKind::Page => "/v1/page",
            CallKind::Screen => "/v1/screen",
            CallKind::Alias => "/v1/alias",
        }
    }

    /// The kind that a call in a batch says it is.
    pub(crate) fn of_type(text: &Text<'_>) -> Result<Self, Bad> {
        let name = text.get().unwrap_or_default();
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            Bad::new(Reason::UnknownType, format!("type {name:?} is not one of track, identify, group, page, screen, alias"))
        })
    }
}

/// A call, borrowing from the body.
#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) kind: Text<'a>,
    pub(crate) message_id: Text<'a>,
    pub(crate) user_id: Text<'a>,
    pub(crate) anonymous_id: Text<'a>,
    pub(crate) previous_id: Text<'a>,
    pub(crate) group_id: Text<'a>,
    /// Of a track call.
    pub(crate) event: Text<'a>,
    /// Of a page or a screen call.
    pub(crate) name: Text<'a>,
    pub(crate) timestamp: Text<'a>,
    pub(crate) original_timestamp: Text<'a>,
    pub(crate) sent_at: Text<'a>,
    pub(crate) write_key: Text<'a>,
    pub(crate) properties: Option<&'a RawValue>,
    pub(crate) traits: Option<&'a RawValue>,
    pub(crate) context: CallContext<'a>,
    /// Why it is no call at all.
    pub(crate) trouble: Option<Bad>,
}

/// What matters of a call's context.
#[derive(Debug, Default)]
pub(crate) struct CallContext<'a> {
    pub(crate) group_id: Text<'a>,
    pub(crate) traits: Option<&'a RawValue>,
}

impl<'de> Fields<'de> for Call<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "messageId" => self.message_id = map.next_value()?,
            "userId" => self.user_id = map.next_value()?,
            "anonymousId" => self.anonymous_id = map.next_value()?,
            "previousId" => self.previous_id = map.next_value()?,
            "groupId" => self.group_id = map.next_value()?,
            "event" => self.event = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "timestamp" => self.timestamp = map.next_value()?,
            "originalTimestamp" => self.original_timestamp = map.next_value()?,
            "sentAt" => self.sent_at = map.next_value()?,
            "writeKey" => self.write_key = map.next_value()?,
            "properties" => self.properties = Some(map.next_value()?),
            "traits" => self.traits = Some(map.next_value()?),
            "context" => self.context = map.next_value::<Lenient<CallContext<'de>>>()?.0,
            _ => skip(map)?,
        }
        Ok(())
    }

    fn not_an_object(&mut self, _: Text<'de>) {
        self.trouble = Some(Bad::new(Reason::NotAnObject, "the event is not a json object"));
    }
}

impl<'de> Fields<'de> for CallContext<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "groupId" => self.group_id = map.next_value()?,
            "traits" => self.traits = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The text of an object; `None` where there is none, or an empty one. PHP clients write an empty object as an empty array.
pub(crate) fn object<'a>(raw: Option<&'a RawValue>, reason: Reason, what: &str) -> Result<Option<&'a str>, Bad> {
    let Some(text) = raw.map(RawValue::get) else { return Ok(None) };
    match text.as_bytes() {
        b"null" | b"{}" | b"[]" => Ok(None),
        [b'{', ..] => Ok(Some(text)),
        [b'[', inner @ .., b']'] if inner.trim_ascii().is_empty() => Ok(None),
        _ => Err(Bad::new(reason, format!("{what} must be an object"))),
    }
}
