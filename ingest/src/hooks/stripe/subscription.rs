//! `customer.subscription.*`: the newest state of a subscription.
use super::types::{Envelope, List, Metadata, Ref, Seconds, account, ms};
use super::{Found, previous};
use crate::bad::{Bad, Reason};
use crate::hooks::amount::{interval, micros, whole_micros};
use crate::hooks::provider::{HookScene, Trouble, properties};
use crate::outlet::Outlet;
use c360_schemas::{Discount, Interval, Payload, Subscription, SubscriptionItem};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Stripe's subscription object.
#[derive(Debug, Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    currency: Option<Cow<'a, str>>,
    #[serde(borrow)]
    customer: Option<Ref<'a>>,
    #[serde(borrow, default)]
    items: List<Item<'a>>,
    #[serde(borrow, default)]
    discount: Option<DiscountObject<'a>>,
    #[serde(borrow, default)]
    discounts: Option<Vec<DiscountRef<'a>>>,
    #[serde(default)]
    start_date: Option<Seconds>,
    #[serde(default)]
    current_period_start: Option<Seconds>,
    #[serde(default)]
    current_period_end: Option<Seconds>,
    #[serde(default)]
    trial_end: Option<Seconds>,
    #[serde(default)]
    cancel_at: Option<Seconds>,
    #[serde(default)]
    cancel_at_period_end: Option<bool>,
    #[serde(default)]
    canceled_at: Option<Seconds>,
    #[serde(default)]
    ended_at: Option<Seconds>,
    #[serde(borrow, default)]
    cancellation_details: Option<CancellationDetails<'a>>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    price: Option<Price<'a>>,
    #[serde(default)]
    quantity: Option<i64>,
    /// Since 2026-10-28 the period stands here.
    #[serde(default)]
    current_period_start: Option<Seconds>,
    #[serde(default)]
    current_period_end: Option<Seconds>,
    #[serde(borrow, default)]
    discounts: Option<Vec<DiscountRef<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Price<'a> {
    #[serde(borrow, default)]
    currency: Option<Cow<'a, str>>,
    #[serde(default)]
    unit_amount: Option<i64>,
    #[serde(borrow, default)]
    unit_amount_decimal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recurring: Option<Recurring<'a>>,
    #[serde(borrow, default)]
    product: Option<Ref<'a>>,
}

#[derive(Debug, Deserialize)]
struct Recurring<'a> {
    #[serde(borrow)]
    interval: Cow<'a, str>,
    #[serde(default)]
    interval_count: Option<i64>,
    #[serde(borrow, default)]
    usage_type: Option<Cow<'a, str>>,
}

/// A discount as an id says nothing of its size.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum DiscountRef<'a> {
    Object(#[serde(borrow)] DiscountObject<'a>),
    #[expect(dead_code, reason = "read only to tell that it is an id")]
    Id(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Debug, Deserialize)]
struct DiscountObject<'a> {
    #[serde(borrow, default)]
    coupon: Option<Coupon<'a>>,
    /// Since 2025-09 the coupon stands here, where it is expanded.
    #[serde(borrow, default)]
    source: Option<DiscountSource<'a>>,
    #[serde(default)]
    end: Option<Seconds>,
}

#[derive(Debug, Deserialize)]
struct DiscountSource<'a> {
    #[serde(borrow, default)]
    coupon: Option<CouponRef<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CouponRef<'a> {
    Object(#[serde(borrow)] Coupon<'a>),
    #[expect(dead_code, reason = "read only to tell that it is an id")]
    Id(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Debug, Deserialize)]
struct Coupon<'a> {
    #[serde(default)]
    percent_off: Option<Number>,
    #[serde(default)]
    amount_off: Option<i64>,
    #[serde(borrow, default)]
    duration: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct CancellationDetails<'a> {
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    feedback: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    comment: Option<Cow<'a, str>>,
}

/// What is worth telling besides the state.
#[derive(Serialize)]
struct Details<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a RawValue>,
}

pub(super) fn put(envelope: &Envelope<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let object: Object<'_> = serde_json::from_str(envelope.data.object.get())?;
    let currency = currency(&object).to_ascii_uppercase();
    let (term_start, term_end) = term(&object);
    let cancellation = object.cancellation_details.as_ref();
    let reason = cancellation.and_then(|details| details.feedback.as_deref().or(details.reason.as_deref()));
    let scheduled = object.cancel_at.map(ms).or_else(|| term_end.filter(|_| object.cancel_at_period_end == Some(true)));
    let ended_at = object.ended_at.or(object.canceled_at.filter(|_| object.status == "canceled")).map(ms);
    let properties = properties(&Details {
        object: &object.id,
        cancel_reason: cancellation.and_then(|details| details.reason.as_deref()),
        cancel_comment: cancellation.and_then(|details| details.comment.as_deref()),
        previous: previous(envelope),
    })?;
    let state = Subscription {
        id: &object.id,
        status: &object.status,
        version: envelope.at(),
        currency: &currency,
        items: object.items.data.iter().map(item).collect::<Result<_, _>>()?,
        discounts: discounts(&object)?,
        started_at: object.start_date.map(ms),
        term_start,
        term_end,
        trial_end: object.trial_end.map(ms),
        cancels_at: scheduled,
        ended_at: ended_at.or_else(|| (object.status == "canceled").then(|| envelope.at())),
        cancel_reason: reason,
    };
    let customer = object.customer.as_ref().map(Ref::id);
    let found = Found { account_id: account(&object.metadata), customer, payload: Payload::Subscription(state), properties: &properties };
    super::put(envelope, found, scene, outlet)
}

fn currency<'a>(object: &'a Object<'_>) -> &'a str {
    let of_item = || object.items.data.iter().find_map(|item| item.price.as_ref()?.currency.as_deref());
    object.currency.as_deref().or_else(of_item).unwrap_or_default()
}

/// The current term, UTC ms; of items with several the one that ends last: it is the one that is renewed last.
fn term(object: &Object<'_>) -> (Option<i64>, Option<i64>) {
    let longest = object.items.data.iter().filter(|item| item.current_period_end.is_some()).max_by_key(|item| item.current_period_end);
    let start = object.current_period_start.or_else(|| longest?.current_period_start);
    let end = object.current_period_end.or_else(|| longest?.current_period_end);
    (start.map(ms), end.map(ms))
}

fn item<'a>(item: &'a Item<'_>) -> Result<SubscriptionItem<'a>, Bad> {
    let price = item.price.as_ref().ok_or_else(|| Bad::new(Reason::BadPayload, "an item of the subscription has no price"))?;
    let amount = match (&price.unit_amount_decimal, price.unit_amount) {
        (Some(decimal), _) => Some(micros(decimal)?),
        (None, Some(whole)) => Some(whole_micros(whole)?),
        // A price in tiers: what it comes to is not known before it is used.
        (None, None) => None,
    };
    let recurring = price.recurring.as_ref();
    Ok(SubscriptionItem {
        amount_micros: amount.unwrap_or(0),
        quantity: item.quantity.unwrap_or(1),
        interval: recurring.map_or(Ok(Interval::Month), |recurring| interval(&recurring.interval))?,
        interval_count: recurring.and_then(|recurring| recurring.interval_count).unwrap_or(1),
        metered: amount.is_none() || recurring.and_then(|recurring| recurring.usage_type.as_deref()) == Some("metered"),
        product: price.product.as_ref().map(Ref::id),
    })
}

/// `discount` is the first of `discounts` in the older shape: it counts only where the list tells nothing.
fn discounts(object: &Object<'_>) -> Result<SmallVec<[Discount; 1]>, Bad> {
    let of_items = object.items.data.iter().filter_map(|item| item.discounts.as_ref());
    let listed = object.discounts.iter().chain(of_items).flatten();
    let mut told: Vec<&DiscountObject<'_>> = listed
        .filter_map(|discount| match discount {
            DiscountRef::Object(discount) if discount.coupon().is_some() => Some(discount),
            _ => None,
        })
        .collect();
    if told.is_empty() {
        told.extend(object.discount.as_ref());
    }
    told.into_iter().filter_map(|discount| discount.coupon().map(|coupon| take_off(coupon, discount.end))).collect()
}

impl<'a> DiscountObject<'a> {
    fn coupon(&self) -> Option<&Coupon<'a>> {
        self.coupon.as_ref().or_else(|| match self.source.as_ref()?.coupon.as_ref()? {
            CouponRef::Object(coupon) => Some(coupon),
            CouponRef::Id(_) => None,
        })
    }
}

fn take_off(coupon: &Coupon<'_>, end: Option<Seconds>) -> Result<Discount, Bad> {
    Ok(Discount {
        percent_micros: coupon.percent_off.as_ref().map(|percent| micros(&percent.to_string())).transpose()?,
        amount_micros: coupon.amount_off.map(whole_micros).transpose()?,
        recurring: matches!(coupon.duration.as_deref(), Some("forever" | "repeating")),
        ends_at: end.map(ms),
    })
}
