//! From a CloudEvent to a usage event.
use super::Request;
use super::attributes::{CloudEvent, Data, bad, need};
use crate::bad::{Bad, Reason};
use crate::clamp::clamp;
use crate::ids::{ForeignIds, USER, check_account_id, check_id, check_name, id, is_longer};
use crate::outlet::Outlet;
use crate::time::parse_ms;
use c360_schemas::{Event, ForeignId, Kind, Payload};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

pub(super) fn put(event: &CloudEvent<'_>, request: &Request<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    if event.not_an_object {
        return Err(Bad::new(Reason::NotAnObject, "the event is not a json object"));
    }
    let limits = &request.config.limits;
    let version = need("specversion", &event.specversion)?;
    if version != "1.0" {
        let shown: String = version.chars().take(20).collect();
        return Err(bad(format!("specversion is {shown:?}; 1.0 is taken")));
    }
    let name = need("type", &event.kind)?;
    check_name(name, limits.name_chars_max)?;
    let message_id = message_id(need("source", &event.source)?, need("id", &event.id)?, limits.message_id_chars_max);
    check_id("the event's id", &message_id, limits.message_id_chars_max)?;
    let who = Who::of(event, limits.id_chars_max)?;
    let time = clamp(time(event)?.unwrap_or(request.received_at), request.received_at, &request.config.time)?;
    let properties = properties(&event.data)?;
    let properties = time.flag(&properties);
    let foreign_ids = who.foreign_ids()?;
    if time.clamped_from.is_some() {
        outlet.clamped += 1;
    }
    outlet.put(&Event {
        message_id: &message_id,
        tenant: &request.key.tenant,
        account_id: who.account,
        foreign_ids,
        user_id: who.user,
        anonymous_id: who.anonymous,
        kind: Kind::Usage,
        name,
        occurred_at: time.at,
        received_at: request.received_at,
        source: request.source,
        payload: Payload::None,
        properties: &properties,
    })
}

/// Unique together by the specification. No URI has a space in it, so the two cannot run into one another.
fn message_id(source: &str, id: &str, chars_max: usize) -> String {
    let joined = format!("{source} {id}");
    if !source.contains(char::is_whitespace) && !is_longer(&joined, chars_max) {
        return joined;
    }
    let hash = Sha256::new().chain_update(source.len().to_le_bytes()).chain_update(joined.as_bytes()).finalize();
    format!("cloudevent:{}", hex::encode(hash))
}

fn time(event: &CloudEvent<'_>) -> Result<Option<i64>, Bad> {
    let wrong = || Bad::new(Reason::BadTimestamp, "time is not a time as in rfc 3339");
    if event.time.is_wrong() {
        return Err(wrong());
    }
    event.time.get().map(|text| parse_ms(text).ok_or_else(wrong)).transpose()
}

/// Whose event it is.
#[derive(Debug, PartialEq, Eq)]
struct Who<'a> {
    account: Option<&'a str>,
    user: Option<&'a str>,
    anonymous: Option<&'a str>,
}

impl<'a> Who<'a> {
    /// What the extensions say; else what the subject does.
    fn of(event: &'a CloudEvent<'_>, chars_max: usize) -> Result<Self, Bad> {
        let mut who = Self {
            account: id("accountid", &event.account_id, chars_max)?,
            user: id("userid", &event.user_id, chars_max)?,
            anonymous: id("anonymousid", &event.anonymous_id, chars_max)?,
        };
        let subject = id("subject", &event.subject, chars_max)?;
        match subject.and_then(|subject| subject.split_once(['/', ':'])) {
            Some(("account" | "accounts", id)) if !id.is_empty() => who.account = who.account.or(Some(id)),
            Some(("user" | "users", id)) if !id.is_empty() => who.user = who.user.or(Some(id)),
            // A subject of another kind names somebody only where nothing else does.
            _ if who == (Self { account: None, user: None, anonymous: None }) => who.user = subject,
            _ => {}
        }
        if let Some(account) = who.account {
            check_account_id(account, chars_max)?;
        }
        Ok(who)
    }

    fn foreign_ids(&self) -> Result<ForeignIds<'a>, Bad> {
        match (self.account, self.user.or(self.anonymous)) {
            (Some(_), _) => Ok(ForeignIds::new()),
            (None, Some(id)) => Ok([ForeignId { kind: USER, id }].into_iter().collect()),
            (None, None) => {
                Err(Bad::new(Reason::MissingId, "the event has none of the attributes accountid, userid, anonymousid, subject"))
            }
        }
    }
}

/// An object as it stands; whatever else is put into one.
fn properties<'a>(data: &'a Data<'_>) -> Result<Cow<'a, str>, Bad> {
    let wrapped = |name: &str, text: &str| Cow::Owned(format!("{{{}:{}}}", Value::from(name), Value::from(text)));
    Ok(match data {
        Data::None => Cow::Borrowed(""),
        Data::Json(raw) => match raw.get() {
            "null" | "{}" => Cow::Borrowed(""),
            text if text.starts_with('{') => Cow::Borrowed(text),
            text => Cow::Owned(format!(r#"{{"data":{text}}}"#)),
        },
        Data::Text(text) => wrapped("data", text),
        Data::Base64(text) => wrapped("data_base64", text.get().ok_or_else(|| bad("data_base64 is not a text"))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient::Lenient;

    #[test]
    fn an_event_says_whose_it_is_in_its_extensions_or_its_subject() {
        for (json, account, user) in [
            (r#"{"accountid":"a","userid":"u","subject":"report-7"}"#, Some("a"), Some("u")),
            (r#"{"subject":"u"}"#, None, Some("u")),
            (r#"{"subject":"users/u"}"#, None, Some("u")),
            (r#"{"subject":"account:a"}"#, Some("a"), None),
            (r#"{"subject":"accounts/a","userid":"u"}"#, Some("a"), Some("u")),
            (r#"{"subject":"user/u","accountid":"a"}"#, Some("a"), Some("u")),
            (r#"{"subject":"users/"}"#, None, Some("users/")),
            (r#"{"accountid":7}"#, Some("7"), None),
            ("{}", None, None),
        ] {
            let Lenient(event) = serde_json::from_str::<Lenient<CloudEvent<'_>>>(json).unwrap();
            let who = Who::of(&event, 10).unwrap();
            assert_eq!((who.account, who.user), (account, user), "{json}");
        }
    }

    #[test]
    fn ids_of_two_sources_are_never_one() {
        assert_eq!(message_id("/a", "1", 100), "/a 1");
        assert_ne!(message_id("/a b", "c", 100), message_id("/a", "b c", 100));
        assert_ne!(message_id("/a", "1", 3), message_id("/b", "1", 3));
        assert_eq!(message_id("/a", &"1".repeat(99), 100).len(), "cloudevent:".len() + 64);
    }
}
