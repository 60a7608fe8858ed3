//! Stripe's JSON, as much of it as we read, in the shapes of the API before and since 2026-10-28.
pub(super) use crate::time::ms_of_seconds as ms;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Seconds since 1970.
pub(super) type Seconds = i64;

/// An event.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) event_type: Cow<'a, str>,
    pub(super) created: Seconds,
    #[serde(borrow)]
    pub(super) data: Data<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Data<'a> {
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
    #[serde(borrow, default)]
    pub(super) previous_attributes: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// When it happened, UTC ms; also the version of the object that it carries.
    pub(super) fn at(&self) -> i64 {
        ms(self.created)
    }
}

/// A reference that may stand as an id or as the object itself.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Ref<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Object {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow, default)]
        customer: Option<Cow<'a, str>>,
    },
}

impl Ref<'_> {
    pub(super) fn id(&self) -> &str {
        match self {
            Ref::Id(id) | Ref::Object { id, .. } => id,
        }
    }
}

/// What the sender noted on an object, as far as it is ours.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata<'a> {
    /// Names the account of ours that the object belongs to.
    #[serde(borrow, default)]
    pub(super) account_id: Option<Cow<'a, str>>,
}

/// The account that an object's metadata name.
pub(super) fn account<'a>(metadata: &'a Option<Metadata<'_>>) -> Option<&'a str> {
    metadata.as_ref()?.account_id.as_deref().filter(|id| !id.is_empty())
}

/// Stripe's list object.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) data: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { data: Vec::new() }
    }
}
