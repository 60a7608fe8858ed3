//! The newest state of an invoice, and whether a try to pay it failed.
use super::types::{Content, Envelope, Seconds, version};
use super::{Found, missing};
use crate::bad::Bad;
use crate::hooks::provider::{HookScene, Trouble, properties, unknown};
use crate::lenient::Text;
use crate::outlet::Outlet;
use crate::time::ms_of_seconds as ms;
use c360_schemas::Payload;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Chargebee's invoice object.
#[derive(Debug, Deserialize)]
pub(super) struct Invoice<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    customer_id: Text<'a>,
    #[serde(borrow, default)]
    subscription_id: Text<'a>,
    #[serde(borrow, default)]
    currency_code: Text<'a>,
    #[serde(default)]
    total: i64,
    /// What is left to pay.
    #[serde(default)]
    amount_due: i64,
    #[serde(default)]
    date: Option<Seconds>,
    #[serde(default)]
    due_date: Option<Seconds>,
    #[serde(default)]
    next_retry_at: Option<Seconds>,
    #[serde(borrow, default)]
    dunning_status: Text<'a>,
    #[serde(borrow, default)]
    dunning_attempts: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    linked_payments: Vec<Payment<'a>>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    resource_version: Option<i64>,
    #[serde(default)]
    updated_at: Option<Seconds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payment<'a> {
    #[serde(borrow)]
    txn_status: Text<'a>,
}

/// What is worth telling besides the state.
#[derive(Serialize)]
struct Details<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dunning_status: Option<&'a str>,
}

pub(super) fn put(
    envelope: &Envelope<'_>,
    content: &Content<'_>,
    message_id: &str,
    scene: &HookScene<'_>,
    outlet: &mut Outlet,
) -> Result<(), Trouble> {
    let object = content.invoice.as_ref().ok_or_else(|| missing("invoice"))?;
    let properties = properties(&Details { object: &object.id, dunning_status: object.dunning_status.get() })?;
    let currency = object.currency_code.get().unwrap_or_default().to_ascii_uppercase();
    let state = c360_schemas::Invoice {
        id: &object.id,
        status: status(object)?,
        version: version(object.resource_version, object.updated_at, envelope.at()),
        currency: &currency,
        amount_due: object.total,
        amount_remaining: object.amount_due,
        due_at: object.due_date.or(object.date).map(ms),
        attempt_count: object.attempts(),
        attempt_failed: envelope.event_type == "payment_failed",
        next_attempt_at: object.next_retry_at.map(ms),
        subscription_id: object.subscription_id.get(),
    };
    let found = Found {
        message_id,
        account_id: None,
        customer_id: object.customer_id.get(),
        payload: Payload::Invoice(state),
        properties: &properties,
    };
    super::put(envelope, content.customer.as_ref(), found, scene, outlet)
}

impl Invoice<'_> {
    /// Tries to pay it so far: those that failed stay in the list of payments, whether there is dunning or not.
    fn attempts(&self) -> i64 {
        let failed = self.linked_payments.iter().filter(|payment| payment.txn_status.get() == Some("failure")).count();
        failed.max(self.dunning_attempts.len()) as i64
    }
}

/// The status in our words. One that nobody tries to collect any more is still owed.
fn status(object: &Invoice<'_>) -> Result<&'static str, Bad> {
    if object.deleted {
        return Ok("void");
    }
    match &*object.status {
        "paid" => Ok("paid"),
        "posted" | "payment_due" | "not_paid" => Ok("open"),
        "voided" => Ok("void"),
        "pending" => Ok("draft"),
        other => Err(unknown("a status", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_tries_are_said_in_our_words() {
        for (json, expected, attempts) in [
            (r#"{"id":"i","status":"paid"}"#, Some("paid"), 0),
            (r#"{"id":"i","status":"posted"}"#, Some("open"), 0),
            (r#"{"id":"i","status":"payment_due","dunning_attempts":[{"attempt":0},{"attempt":1}]}"#, Some("open"), 2),
            (r#"{"id":"i","status":"not_paid","linked_payments":[{"txn_status":"failure"},{"txn_status":"success"}]}"#, Some("open"), 1),
            (r#"{"id":"i","status":"voided"}"#, Some("void"), 0),
            (r#"{"id":"i","status":"pending"}"#, Some("draft"), 0),
            (r#"{"id":"i","status":"payment_due","deleted":true}"#, Some("void"), 0),
            (r#"{"id":"i","status":"melted"}"#, None, 0),
        ] {
            let object: Invoice<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((status(&object).ok(), object.attempts()), (expected, attempts), "{json}");
        }
    }
}
