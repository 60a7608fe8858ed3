//! Chargebee: subscriptions, invoices, and what befalls payments.
//!
//! An event carries the objects that it touched as they stand after it, often several: each becomes an event of its own, the first under Chargebee's event id. Objects have
//! `resource_version`, milliseconds that grow with each change, so states are ordered whatever order they come in.
mod invoice;
mod subscription;
mod types;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use, properties};
use super::signature::{check_pair, verify_basic};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use crate::sources::Source;
use crate::time::ms_of_seconds;
use c360_schemas::{ForeignId, Kind, Payload};
use serde::Serialize;
use types::{Content, Customer, Envelope};

/// Kind of link of a Chargebee customer.
const CUSTOMER: &str = "chargebee_customer";

pub(crate) struct Chargebee;

/// What of its content counts in an event of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handling {
    /// The subscription, and the invoice that was made with it.
    Subscription,
    /// The invoice, and the subscription that it is of.
    Invoice,
    /// Worth telling of the customer; changes no state.
    Told,
}

/// The types that we use.
fn handling(event_type: &str) -> Option<Handling> {
    match event_type {
        "payment_failed" | "payment_succeeded" => Some(Handling::Invoice),
        "payment_refunded" | "card_expired" | "card_expiry_reminder" | "customer_created" | "customer_changed" | "customer_deleted" => {
            Some(Handling::Told)
        }
        // Sums over a subscription's changes to come: the subscription in them is not as it stands.
        "subscription_advance_invoice_schedule_added"
        | "subscription_advance_invoice_schedule_updated"
        | "subscription_advance_invoice_schedule_removed" => None,
        _ if event_type.starts_with("subscription_") => Some(Handling::Subscription),
        _ if event_type.starts_with("invoice_") => Some(Handling::Invoice),
        _ => None,
    }
}

impl Provider for Chargebee {
    fn name(&self) -> &'static str {
        "chargebee"
    }

    fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        check_pair(secret)
    }

    fn verify(&self, received: &Received<'_>, source: &Source, _now: i64) -> Result<(), &'static str> {
        verify_basic(received, &source.secrets)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let envelope: Envelope<'_> = serde_json::from_str(body)?;
        let Some(handling) = handling(&envelope.event_type) else { return Ok(Use::Unused) };
        let content: Content<'_> = serde_json::from_str(envelope.content.get())?;
        match handling {
            Handling::Subscription => {
                subscription::put(&envelope, &content, &envelope.id, scene, outlet)?;
                if content.invoice.is_some() {
                    invoice::put(&envelope, &content, &format!("{}#invoice", envelope.id), scene, outlet)?;
                }
            }
            Handling::Invoice => {
                invoice::put(&envelope, &content, &envelope.id, scene, outlet)?;
                if content.subscription.is_some() {
                    subscription::put(&envelope, &content, &format!("{}#subscription", envelope.id), scene, outlet)?;
                }
            }
            Handling::Told => tell(&envelope, &content, scene, outlet)?,
        }
        Ok(Use::Used)
    }
}

impl Envelope<'_> {
    /// When it happened, UTC ms.
    fn at(&self) -> i64 {
        ms_of_seconds(self.occurred_at)
    }
}

/// An event of an object, on its way out.
struct Found<'a> {
    message_id: &'a str,
    /// The account of ours that the object itself names; else its customer may.
    account_id: Option<&'a str>,
    customer_id: Option<&'a str>,
    payload: Payload<'a>,
    properties: &'a str,
}

fn put<'a>(
    envelope: &'a Envelope<'_>,
    customer: Option<&'a Customer<'_>>,
    found: Found<'a>,
    scene: &'a HookScene<'_>,
    outlet: &mut Outlet,
) -> Result<(), Trouble> {
    let customer_id = found.customer_id.or(customer.and_then(|customer| customer.id.get()));
    let hook = HookEvent {
        message_id: found.message_id,
        name: &envelope.event_type,
        kind: Kind::Billing,
        occurred_at: envelope.at(),
        account_id: found.account_id.or(customer.and_then(Customer::account)),
        foreign_ids: customer_id.map(|id| ForeignId { kind: CUSTOMER, id }).into_iter().collect(),
        user_id: None,
        payload: found.payload,
        properties: found.properties,
    };
    Ok(scene.put(hook, outlet)?)
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

fn tell(envelope: &Envelope<'_>, content: &Content<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let transaction = content.transaction.as_ref();
    let customer = content.customer.as_ref();
    let properties = properties(&Details {
        company: customer.and_then(|customer| customer.company.get()),
        email: customer.and_then(|customer| customer.email.get()),
        amount: transaction.and_then(|transaction| transaction.amount),
        currency: transaction.and_then(|transaction| transaction.currency_code.get()),
    })?;
    let found = Found {
        message_id: &envelope.id,
        account_id: None,
        customer_id: transaction.and_then(|transaction| transaction.customer_id.get()),
        payload: Payload::None,
        properties: &properties,
    };
    put(envelope, customer, found, scene, outlet)
}

fn missing(what: &str) -> Bad {
    Bad::new(Reason::BadPayload, format!("the content has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_matter_are_handled_and_no_others() {
        for (event_type, expected) in [
            ("subscription_cancellation_scheduled", Some(Handling::Subscription)),
            ("subscription_advance_invoice_schedule_added", None),
            ("invoice_generated", Some(Handling::Invoice)),
            ("payment_failed", Some(Handling::Invoice)),
            ("payment_refunded", Some(Handling::Told)),
            ("customer_changed", Some(Handling::Told)),
            ("plan_created", None),
            ("", None),
        ] {
            assert_eq!(handling(event_type), expected, "{event_type}");
        }
    }
}
