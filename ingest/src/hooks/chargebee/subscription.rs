//! The newest state of a subscription, in the shapes of both product catalogues: `subscription_items`, and `plan_*` with `addons`.
use super::types::{Content, Envelope, Metadata, Seconds, version};
use super::{Found, missing};
use crate::bad::{Bad, Reason};
use crate::hooks::amount::{interval, micros, whole_micros};
use crate::hooks::provider::{HookScene, Trouble, properties, unknown};
use crate::lenient::{Lenient, Text};
use crate::outlet::Outlet;
use crate::time::ms_of_seconds as ms;
use c360_schemas::{Discount, Interval, Payload, SubscriptionItem};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Chargebee's subscription object.
#[derive(Debug, Deserialize)]
pub(super) struct Subscription<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    customer_id: Text<'a>,
    #[serde(borrow, default)]
    currency_code: Text<'a>,
    #[serde(default)]
    billing_period: Option<i64>,
    #[serde(borrow, default)]
    billing_period_unit: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    subscription_items: Vec<Item<'a>>,
    #[serde(borrow, default)]
    plan_id: Text<'a>,
    #[serde(default)]
    plan_quantity: Option<i64>,
    #[serde(default)]
    plan_unit_price: Option<i64>,
    #[serde(default)]
    plan_amount: Option<i64>,
    #[serde(borrow, default)]
    addons: Vec<Item<'a>>,
    #[serde(borrow, default)]
    discounts: Vec<Reduction<'a>>,
    #[serde(default)]
    started_at: Option<Seconds>,
    #[serde(default)]
    current_term_start: Option<Seconds>,
    #[serde(default)]
    current_term_end: Option<Seconds>,
    #[serde(default)]
    trial_end: Option<Seconds>,
    /// When it was, or is to be, cancelled.
    #[serde(default)]
    cancelled_at: Option<Seconds>,
    #[serde(borrow, default)]
    cancel_reason: Text<'a>,
    /// What the customer chose as the reason.
    #[serde(borrow, default)]
    cancel_reason_code: Text<'a>,
    #[serde(default)]
    due_invoices_count: Option<i64>,
    #[serde(borrow, default)]
    contract_term: Option<ContractTerm<'a>>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    resource_version: Option<i64>,
    #[serde(default)]
    updated_at: Option<Seconds>,
    #[serde(borrow, default)]
    meta_data: Lenient<Metadata<'a>>,
}

/// An item, or an addon of the older catalogue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow, alias = "id")]
    item_price_id: Text<'a>,
    /// plan, addon, charge.
    #[serde(borrow)]
    item_type: Text<'a>,
    quantity: Option<i64>,
    unit_price: Option<i64>,
    /// For the whole quantity, less what is free.
    amount: Option<i64>,
    #[serde(borrow)]
    metered_quantity: Text<'a>,
    billing_period: Option<i64>,
    #[serde(borrow)]
    billing_period_unit: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reduction<'a> {
    percentage: Option<Number>,
    amount: Option<i64>,
    /// one_time, forever, limited_period.
    #[serde(borrow)]
    duration_type: Text<'a>,
    apply_till: Option<Seconds>,
    /// Where it is of one item only.
    #[serde(borrow)]
    item_price_id: Text<'a>,
}

/// A commitment over several terms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContractTerm<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    contract_start: Option<Seconds>,
    contract_end: Option<Seconds>,
    #[serde(borrow)]
    action_at_term_end: Text<'a>,
}

/// What is worth telling besides the state.
#[derive(Serialize)]
struct Details<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason_code: Option<&'a str>,
}

pub(super) fn put(
    envelope: &Envelope<'_>,
    content: &Content<'_>,
    message_id: &str,
    scene: &HookScene<'_>,
    outlet: &mut Outlet,
) -> Result<(), Trouble> {
    let object = content.subscription.as_ref().ok_or_else(|| missing("subscription"))?;
    let (cancel_reason, code) = (object.cancel_reason.get(), object.cancel_reason_code.get());
    let properties = properties(&Details { object: &object.id, cancel_reason, cancel_reason_code: code })?;
    let currency = object.currency_code.get().unwrap_or_default().to_ascii_uppercase();
    let status = status(object)?;
    let (term_start, term_end) = object.term();
    let state = c360_schemas::Subscription {
        id: &object.id,
        status,
        version: version(object.resource_version, object.updated_at, envelope.at()),
        currency: &currency,
        items: items(object)?,
        discounts: discounts(object)?,
        started_at: object.started_at.map(ms),
        term_start: term_start.map(ms),
        term_end: term_end.map(ms),
        trial_end: object.trial_end.map(ms),
        cancels_at: object.cancels_at().map(ms),
        ended_at: (status == "canceled").then(|| object.cancelled_at.map_or(envelope.at(), ms)),
        cancel_reason: code.or(cancel_reason),
    };
    let found = Found {
        message_id,
        account_id: object.meta_data.0.account_id.get(),
        customer_id: object.customer_id.get(),
        payload: Payload::Subscription(state),
        properties: &properties,
    };
    super::put(envelope, content.customer.as_ref(), found, scene, outlet)
}

impl Subscription<'_> {
    /// A contract goes on over several terms: it is what is renewed.
    fn term(&self) -> (Option<Seconds>, Option<Seconds>) {
        match self.contract() {
            Some(contract) if contract.contract_end.is_some() => (contract.contract_start, contract.contract_end),
            _ => (self.current_term_start, self.current_term_end),
        }
    }

    fn contract(&self) -> Option<&ContractTerm<'_>> {
        self.contract_term.as_ref().filter(|contract| matches!(contract.status.get(), None | Some("active")))
    }

    /// When a cancellation that was scheduled takes effect.
    fn cancels_at(&self) -> Option<Seconds> {
        if self.status == "non_renewing" {
            return self.cancelled_at.or(self.current_term_end);
        }
        let ends = self.contract().filter(|contract| contract.action_at_term_end.get() == Some("cancel"));
        ends.filter(|_| self.status == "active").and_then(|contract| contract.contract_end)
    }
}

/// The status in our words. One that is active and has unpaid invoices is past due.
fn status(object: &Subscription<'_>) -> Result<&'static str, Bad> {
    if object.deleted {
        return Ok("canceled");
    }
    match &*object.status {
        "active" | "non_renewing" if object.due_invoices_count.is_some_and(|count| count > 0) => Ok("past_due"),
        "active" | "non_renewing" => Ok("active"),
        "in_trial" => Ok("trialing"),
        "future" => Ok("incomplete"),
        "paused" => Ok("paused"),
        "cancelled" | "transferred" => Ok("canceled"),
        other => Err(unknown("a status", other)),
    }
}

/// What recurs; charges do not.
fn items<'a>(object: &'a Subscription<'_>) -> Result<SmallVec<[SubscriptionItem<'a>; 2]>, Bad> {
    let plan = object.plan_id.get().map(|product| Item {
        item_price_id: Text::Borrowed(product),
        quantity: object.plan_quantity,
        unit_price: object.plan_unit_price,
        amount: object.plan_amount,
        ..Item::default()
    });
    let plan = plan.as_ref().map(|plan| item(object, plan, object.plan_id.get())).transpose()?;
    let listed = object.subscription_items.iter().chain(&object.addons).filter(|item| item.item_type.get() != Some("charge"));
    let listed = listed.map(|listed| item(object, listed, listed.item_price_id.get()));
    plan.map(Ok).into_iter().chain(listed).collect()
}

/// The price of a unit where it says it all; else (tiers, free units) what the whole quantity comes to.
fn item<'a>(object: &Subscription<'_>, item: &Item<'_>, product: Option<&'a str>) -> Result<SubscriptionItem<'a>, Bad> {
    let quantity = item.quantity.unwrap_or(1);
    let (amount, quantity) = match (item.unit_price, item.amount) {
        (Some(unit), None) => (Some(unit), quantity),
        (Some(unit), Some(amount)) if unit.checked_mul(quantity) == Some(amount) => (Some(unit), quantity),
        (_, amount) => (amount, 1),
    };
    let unit = item.billing_period_unit.as_deref().or(object.billing_period_unit.as_deref());
    Ok(SubscriptionItem {
        amount_micros: amount.map(whole_micros).transpose()?.unwrap_or(0),
        quantity,
        interval: unit.map_or(Ok(Interval::Month), interval)?,
        interval_count: item.billing_period.or(object.billing_period).unwrap_or(1),
        metered: amount.is_none() || item.metered_quantity.get().is_some(),
        product,
    })
}

fn discounts(object: &Subscription<'_>) -> Result<SmallVec<[Discount; 1]>, Bad> {
    object.discounts.iter().map(|discount| reduction(object, discount)).collect()
}

fn reduction(object: &Subscription<'_>, told: &Reduction<'_>) -> Result<Discount, Bad> {
    let percent = told.percentage.as_ref().map(|percentage| micros(&percentage.to_string())).transpose()?;
    let of_item = told.item_price_id.get().map(|id| {
        let item = object.subscription_items.iter().find(|item| item.item_price_id.get() == Some(id));
        item.and_then(|item| item.amount.or(item.unit_price)).unwrap_or(0)
    });
    let (percent_micros, amount_micros) = match (percent, of_item) {
        // A share of one item is an amount off the whole: per cent of minor units, both in whole numbers but for the millionths.
        (Some(percent), Some(amount)) => {
            let off = i128::from(percent) * i128::from(amount) / 100;
            (None, Some(i64::try_from(off).map_err(|_| Bad::new(Reason::BadPayload, "a discount is not an amount that can be counted"))?))
        }
        (percent, _) => (percent, told.amount.map(whole_micros).transpose()?),
    };
    Ok(Discount {
        percent_micros,
        amount_micros,
        recurring: matches!(told.duration_type.get(), Some("forever" | "limited_period")),
        ends_at: told.apply_till.map(ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Subscription<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn statuses_are_said_in_our_words() {
        for (json, expected, cancels_at) in [
            (r#"{"id":"s","status":"future"}"#, Some("incomplete"), None),
            (r#"{"id":"s","status":"in_trial"}"#, Some("trialing"), None),
            (r#"{"id":"s","status":"active"}"#, Some("active"), None),
            (r#"{"id":"s","status":"active","due_invoices_count":2}"#, Some("past_due"), None),
            (r#"{"id":"s","status":"non_renewing","current_term_end":9}"#, Some("active"), Some(9)),
            (r#"{"id":"s","status":"non_renewing","cancelled_at":7,"current_term_end":9}"#, Some("active"), Some(7)),
            (r#"{"id":"s","status":"paused"}"#, Some("paused"), None),
            (r#"{"id":"s","status":"cancelled","cancelled_at":7}"#, Some("canceled"), None),
            (r#"{"id":"s","status":"transferred"}"#, Some("canceled"), None),
            (r#"{"id":"s","status":"active","deleted":true}"#, Some("canceled"), None),
            (
                r#"{"id":"s","status":"active","contract_term":{"status":"active","contract_end":9,"action_at_term_end":"cancel"}}"#,
                Some("active"),
                Some(9),
            ),
            (
                r#"{"id":"s","status":"active","contract_term":{"status":"active","contract_end":9,"action_at_term_end":"renew"}}"#,
                Some("active"),
                None,
            ),
            (r#"{"id":"s","status":"melted"}"#, None, None),
        ] {
            let object = read(json);
            assert_eq!((status(&object).ok(), object.cancels_at()), (expected, cancels_at), "{json}");
        }
    }

    #[test]
    fn an_item_s_amount_is_that_of_its_unit_or_of_the_whole() {
        for (item_json, amount, quantity, metered) in [
            (r#"{"unit_price":1000,"quantity":5,"amount":5000}"#, 1000, 5, false),
            (r#"{"unit_price":1000,"quantity":5}"#, 1000, 5, false),
            // Two units are free.
            (r#"{"unit_price":1000,"quantity":5,"free_quantity":2,"amount":3000}"#, 3000, 1, false),
            // In tiers there is no price of a unit.
            (r#"{"quantity":120,"amount":90000}"#, 90000, 1, false),
            (r#"{"unit_price":10,"metered_quantity":"4000","amount":40000}"#, 40000, 1, true),
            (r#"{"quantity":3}"#, 0, 1, true),
        ] {
            let json = format!(
                r#"{{"id":"s","status":"active","billing_period":3,"billing_period_unit":"month","subscription_items":[{item_json}]}}"#
            );
            let object = read(&json);
            let items = items(&object).unwrap();
            assert_eq!(
                (items[0].amount_micros, items[0].quantity, items[0].metered),
                (amount * 1_000_000, quantity, metered),
                "{item_json}"
            );
            assert_eq!((items[0].interval, items[0].interval_count), (Interval::Month, 3));
        }
    }

    #[test]
    fn the_older_catalogue_has_a_plan_and_addons() {
        let object = read(
            r#"{"id":"s","status":"active","billing_period":1,"billing_period_unit":"year","plan_id":"pro","plan_quantity":2,"plan_unit_price":500,
                "addons":[{"id":"seats","quantity":3,"unit_price":100},{"id":"setup","item_type":"charge","amount":9}]}"#,
        );
        let items = items(&object).unwrap();
        let shown: Vec<_> = items.iter().map(|i| (i.product.unwrap(), i.amount_micros / 1_000_000, i.quantity, i.interval)).collect();
        assert_eq!(shown, [("pro", 500, 2, Interval::Year), ("seats", 100, 3, Interval::Year)]);
    }

    #[test]
    fn discounts_of_one_item_are_amounts_off_the_whole() {
        let object = read(
            r#"{"id":"s","status":"active","subscription_items":[{"item_price_id":"a","amount":2000},{"item_price_id":"b","amount":1000}],
                "discounts":[{"percentage":12.5,"duration_type":"forever","item_price_id":"a"},{"percentage":10,"duration_type":"limited_period","apply_till":9},
                             {"amount":300,"duration_type":"one_time"}]}"#,
        );
        let shown: Vec<_> =
            discounts(&object).unwrap().iter().map(|d| (d.percent_micros, d.amount_micros, d.recurring, d.ends_at)).collect();
        assert_eq!(
            shown,
            [(None, Some(250_000_000), true, None), (Some(10_000_000), None, true, Some(9_000)), (None, Some(300_000_000), false, None)]
        );
    }
}
