//! Delighted's JSON, as much of it as we read.
use crate::lenient::{Fields, Lenient, Text, skip};
use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An event.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) event_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) event_id: Cow<'a, str>,
    /// Read only for answers.
    #[serde(borrow)]
    pub(super) event_data: &'a RawValue,
}

/// An answer as it stands after the event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) person: Lenient<Person<'a>>,
    /// nps, csat, ces, stars5, ...
    #[serde(borrow)]
    pub(super) survey_type: Text<'a>,
    #[serde(borrow)]
    pub(super) score: Text<'a>,
    #[serde(borrow)]
    pub(super) comment: Text<'a>,
    #[serde(borrow)]
    pub(super) permalink: Text<'a>,
    #[serde(borrow)]
    pub(super) created_at: Text<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Text<'a>,
    #[serde(borrow)]
    pub(super) person_properties: Lenient<PersonProperties<'a>>,
}

/// Who answered: an object, or the id alone.
#[derive(Debug, Default)]
pub(super) struct Person<'a> {
    pub(super) id: Text<'a>,
    pub(super) email: Text<'a>,
}

impl<'de: 'a, 'a> Fields<'de> for Person<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = map.next_value()?,
            "email" => self.email = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }

    fn not_an_object(&mut self, scalar: Text<'de>) {
        self.id = scalar;
    }
}

/// What the sender of the survey noted on the person, as far as it is ours; `Account ID` is as good as `account_id`.
#[derive(Debug, Default)]
pub(super) struct PersonProperties<'a> {
    pub(super) account_id: Text<'a>,
    pub(super) user_id: Text<'a>,
}

impl<'de: 'a, 'a> Fields<'de> for PersonProperties<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let name: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match name.as_str() {
            "accountid" => self.account_id = map.next_value()?,
            "userid" => self.user_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
