//! What happens in the billing tool, as Stripe's webhooks tell it, in the shape of API 2026-10-28: the subscription of an invoice stands under `parent`, a term's
//! times at the items.
use super::account::Account;
use super::billing::{Invoice, Subscription};
use super::happening::{Happening, InvoiceNews, SubscriptionNews, What};
use super::ids;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const API_VERSION: &str = "2026-10-28";
const CURRENCY: &str = "usd";

/// The webhook's body for a happening; `None` for those that other tools tell of.
pub(crate) fn event(seed: u64, account: &Account, happening: &Happening) -> Option<Value> {
    let (kind, object) = match &happening.what {
        What::Billed { news, subscription } => (subscription_event(*news), subscription_object(account, subscription)),
        What::Invoiced { news, invoice } => (invoice_event(*news), invoice_object(account, *news, invoice)),
        _ => return None,
    };
    Some(json!({
        "id": format!("evt_{}", ids::message(seed, happening).replace('-', "_")),
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds(happening.at),
        "type": kind,
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "data": {"object": object},
    }))
}

/// The value of `Stripe-Signature` for a body sent at `at`, UTC ms.
pub(crate) fn signature(secret: &str, body: &[u8], at: i64) -> String {
    let at = seconds(at);
    format!("t={at},v1={}", hex::encode(hmac_sha256(secret.as_bytes(), &[at.to_string().as_bytes(), b".", body])))
}

/// HMAC-SHA256 over the parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn subscription_event(news: SubscriptionNews) -> &'static str {
    match news {
        SubscriptionNews::Created => "customer.subscription.created",
        SubscriptionNews::Updated => "customer.subscription.updated",
        SubscriptionNews::Deleted => "customer.subscription.deleted",
    }
}

fn invoice_event(news: InvoiceNews) -> &'static str {
    match news {
        InvoiceNews::Finalized => "invoice.finalized",
        InvoiceNews::Paid => "invoice.paid",
        InvoiceNews::PaymentFailed => "invoice.payment_failed",
    }
}

fn subscription_id(account: &Account) -> String {
    format!("sub_demo{:04}", account.index + 1)
}

fn subscription_object(account: &Account, s: &Subscription) -> Value {
    let at_term_end = s.ending.is_some_and(|e| e.reason == "cancellation_requested") && s.ended_at.is_none();
    json!({
        "id": subscription_id(account),
        "object": "subscription",
        "customer": ids::stripe_customer(account),
        "status": s.status.as_str(),
        "currency": CURRENCY,
        "collection_method": "charge_automatically",
        "created": seconds(s.started_at),
        "start_date": seconds(s.started_at),
        "billing_cycle_anchor": seconds(s.started_at),
        "cancel_at_period_end": at_term_end,
        "cancel_at": at_term_end.then(|| seconds(s.term_end)),
        "canceled_at": s.ending.map(|e| seconds(e.asked_at)),
        "ended_at": s.ended_at.map(seconds),
        "cancellation_details": {"comment": null, "reason": s.ending.map(|e| e.reason), "feedback": s.ending.and_then(|e| e.feedback)},
        "trial_start": null,
        "trial_end": null,
        "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [item(account, s)]},
    })
}

fn item(account: &Account, s: &Subscription) -> Value {
    let plan = s.plan.to_lowercase();
    let interval = if s.term_months == 12 { "year" } else { "month" };
    json!({
        "id": format!("si_demo{:04}", account.index + 1),
        "object": "subscription_item",
        "quantity": s.seats,
        "current_period_start": seconds(s.term_start),
        "current_period_end": seconds(s.term_end),
        "price": {
            "id": format!("price_{plan}"),
            "object": "price",
            "product": format!("prod_{plan}"),
            "currency": CURRENCY,
            "billing_scheme": "per_unit",
            "type": "recurring",
            "unit_amount": s.seat_price,
            "unit_amount_decimal": s.seat_price.to_string(),
            "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
        },
    })
}

fn invoice_object(account: &Account, news: InvoiceNews, invoice: &Invoice) -> Value {
    let paid = news == InvoiceNews::Paid;
    json!({
        "id": format!("in_demo{:04}n{}", account.index + 1, invoice.number),
        "object": "invoice",
        "customer": ids::stripe_customer(account),
        "number": format!("D{:04}-{:04}", account.index + 1, invoice.number),
        "status": if paid { "paid" } else { "open" },
        "currency": CURRENCY,
        "collection_method": "charge_automatically",
        "billing_reason": if invoice.number == 1 { "subscription_create" } else { "subscription_cycle" },
        "created": seconds(invoice.finalized_at),
        "due_date": null,
        "period_start": seconds(invoice.term_start),
        "period_end": seconds(invoice.term_end),
        "total": invoice.amount,
        "amount_due": invoice.amount,
        "amount_paid": if paid { invoice.amount } else { 0 },
        "amount_remaining": if paid { 0 } else { invoice.amount },
        "attempted": invoice.attempts > 0,
        "attempt_count": invoice.attempts,
        "next_payment_attempt": invoice.next_attempt_at.map(seconds),
        "status_transitions": {"finalized_at": seconds(invoice.finalized_at), "paid_at": invoice.paid_at.map(seconds)},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription_id(account), "metadata": {}}},
    })
}

fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_tells_its_second_and_is_over_it_and_the_body() {
        // printf '1767225600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let hash = "45b40331de0325606dc5400202ade162460fbe48daf9401adfdcd0d7b4f35470";
        assert_eq!(signature("whsec_test", br#"{"id":"evt_1"}"#, 1_767_225_600_999), format!("t=1767225600,v1={hash}"));
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 2.
        let hash = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex::encode(hash), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
