//! `invoice.*`: the newest state of an invoice, and whether a try to pay it failed.
use super::types::{Envelope, Metadata, Ref, Seconds, account, ms};
use super::{Found, previous};
use crate::hooks::provider::{HookScene, Trouble, properties};
use crate::outlet::Outlet;
use c360_schemas::{Invoice, Payload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Stripe's invoice object.
#[derive(Debug, Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    customer: Option<Ref<'a>>,
    #[serde(default)]
    amount_due: i64,
    #[serde(default)]
    amount_remaining: i64,
    #[serde(default)]
    due_date: Option<Seconds>,
    #[serde(default)]
    created: Option<Seconds>,
    #[serde(default)]
    status_transitions: Option<Transitions>,
    #[serde(default)]
    attempt_count: Option<i64>,
    #[serde(default)]
    next_payment_attempt: Option<Seconds>,
    /// Before 2026-10-28.
    #[serde(borrow, default)]
    subscription: Option<Ref<'a>>,
    /// Since then.
    #[serde(borrow, default)]
    parent: Option<Parent<'a>>,
    #[serde(borrow, default)]
    number: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    hosted_invoice_url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Transitions {
    #[serde(default)]
    finalized_at: Option<Seconds>,
}

#[derive(Debug, Deserialize)]
struct Parent<'a> {
    #[serde(borrow, default)]
    subscription_details: Option<SubscriptionDetails<'a>>,
}

#[derive(Debug, Deserialize)]
struct SubscriptionDetails<'a> {
    #[serde(borrow, default)]
    subscription: Option<Ref<'a>>,
}

/// What is worth telling besides the state.
#[derive(Serialize)]
struct Details<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a RawValue>,
}

pub(super) fn put(envelope: &Envelope<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let object: Object<'_> = serde_json::from_str(envelope.data.object.get())?;
    let currency = object.currency.to_ascii_uppercase();
    let finalized_at = object.status_transitions.as_ref().and_then(|transitions| transitions.finalized_at);
    let properties = properties(&Details {
        object: &object.id,
        number: object.number.as_deref(),
        url: object.hosted_invoice_url.as_deref(),
        previous: previous(envelope),
    })?;
    let state = Invoice {
        id: &object.id,
        status: object.status.as_deref().unwrap_or("draft"),
        version: envelope.at(),
        currency: &currency,
        amount_due: object.amount_due,
        amount_remaining: object.amount_remaining,
        due_at: object.due_date.or(finalized_at).or(object.created).map(ms),
        attempt_count: object.attempt_count.unwrap_or(0),
        attempt_failed: envelope.event_type == "invoice.payment_failed",
        next_attempt_at: object.next_payment_attempt.map(ms),
        subscription_id: subscription(&object),
    };
    let customer = object.customer.as_ref().map(Ref::id);
    let found = Found { account_id: account(&object.metadata), customer, payload: Payload::Invoice(state), properties: &properties };
    super::put(envelope, found, scene, outlet)
}

fn subscription<'a>(object: &'a Object<'_>) -> Option<&'a str> {
    let of_parent = || object.parent.as_ref()?.subscription_details.as_ref()?.subscription.as_ref();
    object.subscription.as_ref().or_else(of_parent).map(Ref::id)
}
