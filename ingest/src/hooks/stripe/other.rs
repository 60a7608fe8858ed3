//! Events that change no state of ours but are worth telling: disputes, refunds, cards about to expire, customers made and changed.
use super::Found;
use super::types::{Envelope, Metadata, Ref, account};
use crate::hooks::provider::{HookScene, Trouble, properties};
use crate::outlet::Outlet;
use c360_schemas::Payload;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Whatever object: a charge, a dispute, a card, a customer, an invoice to come.
#[derive(Debug, Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    customer: Option<Ref<'a>>,
    /// Of a dispute; it has no customer of its own.
    #[serde(borrow, default)]
    charge: Option<Ref<'a>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    amount_refunded: Option<i64>,
    #[serde(default)]
    amount_due: Option<i64>,
    #[serde(borrow, default)]
    currency: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

pub(super) fn put(envelope: &Envelope<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let object: Object<'_> = serde_json::from_str(envelope.data.object.get())?;
    let properties = properties(&Details {
        object: object.id.as_deref(),
        name: object.name.as_deref(),
        email: object.email.as_deref(),
        reason: object.reason.as_deref(),
        amount: object.amount_refunded.or(object.amount).or(object.amount_due),
        currency: object.currency.as_deref().map(str::to_ascii_uppercase),
    })?;
    let found =
        Found { account_id: account(&object.metadata), customer: customer(&object), payload: Payload::None, properties: &properties };
    super::put(envelope, found, scene, outlet)
}

fn customer<'a>(object: &'a Object<'_>) -> Option<&'a str> {
    if object.object.as_deref() == Some("customer") {
        return object.id.as_deref();
    }
    let of_charge = || match object.charge.as_ref()? {
        Ref::Object { customer, .. } => customer.as_deref(),
        Ref::Id(_) => None,
    };
    object.customer.as_ref().map(Ref::id).or_else(of_charge)
}
