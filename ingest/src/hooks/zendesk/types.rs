//! Zendesk's JSON, as much of it as we read. Ids come as strings or as numbers.
use crate::lenient::Text;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An event.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) event_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) time: Cow<'a, str>,
    /// Read only for tickets.
    #[serde(borrow, default)]
    pub(super) detail: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) event: Option<Change>,
}

/// The ticket as it stands after the event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Detail<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) priority: Text<'a>,
    #[serde(borrow)]
    pub(super) subject: Text<'a>,
    #[serde(borrow)]
    pub(super) organization_id: Text<'a>,
    #[serde(borrow)]
    pub(super) requester_id: Text<'a>,
    #[serde(borrow)]
    pub(super) created_at: Text<'a>,
}

/// What changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) comment: Option<Comment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    is_public: Option<bool>,
    author: Option<Author>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Author {
    is_staff: Option<bool>,
}

impl Comment {
    /// An agent's word to the customer.
    pub(super) fn is_public_reply(&self) -> bool {
        self.is_public == Some(true) && self.author.as_ref().and_then(|author| author.is_staff) == Some(true)
    }
}
