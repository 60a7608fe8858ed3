//! The attributes of a CloudEvent, as JSON has them.
use crate::bad::{Bad, Reason};
use crate::lenient::{Fields, Text, skip};
use serde::de::MapAccess;
use serde_json::value::RawValue;

/// An event, from whichever mode.
#[derive(Debug, Default)]
pub(super) struct CloudEvent<'a> {
    pub(super) specversion: Text<'a>,
    pub(super) id: Text<'a>,
    pub(super) source: Text<'a>,
    /// `type`.
    pub(super) kind: Text<'a>,
    pub(super) subject: Text<'a>,
    pub(super) time: Text<'a>,
    /// Extensions: whose event it is.
    pub(super) account_id: Text<'a>,
    pub(super) user_id: Text<'a>,
    pub(super) anonymous_id: Text<'a>,
    pub(super) data: Data<'a>,
    pub(super) not_an_object: bool,
}

/// What an event carries.
#[derive(Debug, Default)]
pub(super) enum Data<'a> {
    #[default]
    None,
    Json(&'a RawValue),
    /// Text that is not JSON.
    Text(&'a str),
    /// Bytes, in base64.
    Base64(Text<'a>),
}

impl<'a> CloudEvent<'a> {
    /// Where an attribute of this name is kept; `None` for those that we do not use.
    pub(super) fn attribute(&mut self, name: &str) -> Option<&mut Text<'a>> {
        Some(match name {
            "specversion" => &mut self.specversion,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.kind,
            "subject" => &mut self.subject,
            "time" => &mut self.time,
            "accountid" => &mut self.account_id,
            "userid" => &mut self.user_id,
            "anonymousid" => &mut self.anonymous_id,
            _ => return None,
        })
    }
}

impl<'de> Fields<'de> for CloudEvent<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "data" => self.data = Data::Json(map.next_value()?),
            "data_base64" => self.data = Data::Base64(map.next_value()?),
            _ => match self.attribute(key) {
                Some(text) => *text = map.next_value()?,
                None => skip(map)?,
            },
        }
        Ok(())
    }

    fn not_an_object(&mut self, _: Text<'de>) {
        self.not_an_object = true;
    }
}

/// What is no CloudEvent.
pub(super) fn bad(message: impl Into<String>) -> Bad {
    Bad::new(Reason::BadPayload, message)
}

/// A required attribute.
pub(super) fn need<'a>(name: &str, text: &'a Text<'_>) -> Result<&'a str, Bad> {
    text.get().ok_or_else(|| bad(format!("the event has no {name}, which a cloudevent must have as a text that is not empty")))
}
