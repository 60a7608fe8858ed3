//! Stripe: subscriptions, invoices, and what befalls payments.
//!
//! Webhooks come unordered and more than once: the event's `evt_` id is the message id, and its `created` the version of the object that it carries. `created` is in whole
//! seconds, so two states of one second have one version; which of them holds is up to the processor.
mod invoice;
mod other;
mod subscription;
mod types;
mod verify;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use};
use crate::outlet::Outlet;
use crate::sources::Source;
use c360_schemas::{ForeignId, Kind, Payload};
use serde_json::value::RawValue;
use types::Envelope;

/// Kind of link of a Stripe customer.
const CUSTOMER: &str = "stripe_customer";

pub(crate) struct Stripe;

/// What is done with an event of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handling {
    Subscription,
    Invoice,
    /// Worth telling of the customer; changes no state.
    Told,
}

/// The types that we use.
fn handling(event_type: &str) -> Option<Handling> {
    if let Some(what) = event_type.strip_prefix("customer.subscription.") {
        return matches!(what, "created" | "updated" | "deleted" | "paused" | "resumed" | "trial_will_end")
            .then_some(Handling::Subscription);
    }
    if let Some(what) = event_type.strip_prefix("invoice.") {
        return match what {
            "created"
            | "finalized"
            | "finalization_failed"
            | "marked_uncollectible"
            | "overdue"
            | "paid"
            | "payment_action_required"
            | "payment_failed"
            | "payment_succeeded"
            | "updated"
            | "voided" => Some(Handling::Invoice),
            // Of an invoice that is not there yet: it has no id.
            "upcoming" => Some(Handling::Told),
            _ => None,
        };
    }
    matches!(
        event_type,
        "charge.dispute.created"
            | "charge.refunded"
            | "customer.source.expiring"
            | "customer.created"
            | "customer.updated"
            | "customer.deleted"
    )
    .then_some(Handling::Told)
}

impl Provider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn verify(&self, received: &Received<'_>, source: &Source, now: i64) -> Result<(), &'static str> {
        verify::verify(received, &source.secrets, now)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let envelope: Envelope<'_> = serde_json::from_str(body)?;
        match handling(&envelope.event_type) {
            None => return Ok(Use::Unused),
            Some(Handling::Subscription) => subscription::put(&envelope, scene, outlet)?,
            Some(Handling::Invoice) => invoice::put(&envelope, scene, outlet)?,
            Some(Handling::Told) => other::put(&envelope, scene, outlet)?,
        }
        Ok(Use::Used)
    }
}

/// An event of an object, on its way out.
struct Found<'a> {
    /// Named by the object's metadata; it comes before the customer.
    account_id: Option<&'a str>,
    customer: Option<&'a str>,
    payload: Payload<'a>,
    /// Text of a JSON object; empty where there is none.
    properties: &'a str,
}

fn put<'a>(envelope: &'a Envelope<'_>, found: Found<'a>, scene: &'a HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let hook = HookEvent {
        message_id: &envelope.id,
        name: &envelope.event_type,
        kind: Kind::Billing,
        occurred_at: envelope.at(),
        account_id: found.account_id,
        foreign_ids: found.customer.map(|id| ForeignId { kind: CUSTOMER, id }).into_iter().collect(),
        user_id: None,
        payload: found.payload,
        properties: found.properties,
    };
    Ok(scene.put(hook, outlet)?)
}

/// What was otherwise before this event, as Stripe says it.
fn previous<'a>(envelope: &Envelope<'a>) -> Option<&'a RawValue> {
    envelope.data.previous_attributes.filter(|raw| raw.get() != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_matter_are_handled_and_no_others() {
        for (event_type, expected) in [
            ("customer.subscription.trial_will_end", Some(Handling::Subscription)),
            ("customer.subscription.pending_update_applied", None),
            ("invoice.payment_failed", Some(Handling::Invoice)),
            ("invoice.upcoming", Some(Handling::Told)),
            ("invoice.sent", None),
            ("charge.refunded", Some(Handling::Told)),
            ("charge.succeeded", None),
            ("customer.created", Some(Handling::Told)),
            ("", None),
        ] {
            assert_eq!(handling(event_type), expected, "{event_type}");
        }
    }
}
