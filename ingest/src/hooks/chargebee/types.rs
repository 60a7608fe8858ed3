//! Chargebee's JSON, as much of it as we read: what subscriptions, invoices and customers share.
use super::invoice::Invoice;
use super::subscription::Subscription;
use crate::lenient::{Lenient, Text};
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
    pub(super) occurred_at: Seconds,
    #[serde(borrow)]
    pub(super) event_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) content: &'a RawValue,
}

/// The objects that it touched.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) subscription: Option<Subscription<'a>>,
    #[serde(borrow)]
    pub(super) invoice: Option<Invoice<'a>>,
    #[serde(borrow)]
    pub(super) customer: Option<Customer<'a>>,
    #[serde(borrow)]
    pub(super) transaction: Option<Transaction<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Customer<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) company: Text<'a>,
    #[serde(borrow)]
    pub(super) email: Text<'a>,
    #[serde(borrow)]
    meta_data: Lenient<Metadata<'a>>,
    /// A custom field.
    #[serde(borrow)]
    cf_account_id: Text<'a>,
}

impl Customer<'_> {
    /// The account of ours that it names.
    pub(super) fn account(&self) -> Option<&str> {
        self.meta_data.0.account_id.get().or(self.cf_account_id.get())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Transaction<'a> {
    #[serde(borrow)]
    pub(super) customer_id: Text<'a>,
    pub(super) amount: Option<i64>,
    #[serde(borrow)]
    pub(super) currency_code: Text<'a>,
}

/// `meta_data`: what the sender noted on an object, as far as it is ours.
#[derive(Debug, Default)]
pub(super) struct Metadata<'a> {
    pub(super) account_id: Text<'a>,
}

impl<'de: 'a, 'a> crate::lenient::Fields<'de> for Metadata<'a> {
    fn field<A: serde::de::MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "account_id" => self.account_id = map.next_value()?,
            _ => crate::lenient::skip(map)?,
        }
        Ok(())
    }
}

/// The order of an object's states, in UTC ms: `resource_version` where there is one, else when it was changed, else when the event happened.
pub(super) fn version(resource_version: Option<i64>, updated_at: Option<Seconds>, happened_at: i64) -> i64 {
    resource_version.or(updated_at.map(crate::time::ms_of_seconds)).unwrap_or(happened_at)
}
