//! A subscription as it stands.
use super::customer::Customer;
use super::row::{Row, shown};
use super::scene::{RowEvent, Scene};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use c360_schemas::{Interval, Kind, Payload, Subscription, SubscriptionItem};

pub(super) fn put(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let subscription_id = row.id("subscription_id")?.ok_or_else(|| Bad::new(Reason::MissingId, "the row has no subscription_id"))?;
    let status = status_of(row)?;
    let customer = Customer::of(row, None)?;
    let currency = row.currency()?;
    let (product, cancel_reason) = (row.name("product")?, row.text("cancel_reason")?);
    let item = match priced_item(row, &currency)? {
        Some(item) => Some(item),
        None => monthly_item(row, &currency)?,
    };
    let item = item.map(|item| SubscriptionItem { product: product.as_deref(), ..item });
    let (started_at, term_start) = (row.time("started_at")?, row.time("term_start")?);
    let (trial_end, cancels_at, ended_at) = (row.time("trial_end")?, row.time("cancels_at")?, row.time("ended_at")?);
    let ended = matches!(status, "canceled" | "incomplete_expired");
    let state = scene.state_of(row, &[started_at, term_start, trial_end, cancels_at, ended_at])?;
    let payload = Payload::Subscription(Subscription {
        id: &subscription_id,
        status,
        version: state.version,
        currency: if item.is_some() { &currency } else { "" },
        items: item.into_iter().collect(),
        started_at,
        term_start: term_start.or(started_at),
        term_end: row.time("term_end")?,
        trial_end,
        // Of one that is not over yet, an end that is known is a scheduled one.
        cancels_at: if ended { None } else { cancels_at.or(ended_at) },
        ended_at: if ended { ended_at.or(cancels_at) } else { None },
        cancel_reason: cancel_reason.as_deref(),
        ..Subscription::default()
    });
    let event = RowEvent {
        message_id: id,
        kind: Kind::Billing,
        name: "subscription",
        at: state.at,
        account_id: customer.account_id.as_deref(),
        foreign_ids: customer.foreign_ids(),
        user_id: None,
        anonymous_id: None,
        payload,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)
}

fn status_of(row: &Row<'_>) -> Result<&'static str, Bad> {
    let text = row.text("status")?.ok_or_else(|| Bad::new(Reason::BadPayload, "the row has no status"))?;
    let plain = text.to_ascii_lowercase().replace([' ', '-'], "_");
    Ok(match plain.as_str() {
        "active" | "live" | "current" | "non_renewing" => "active",
        "trialing" | "trial" | "in_trial" => "trialing",
        "past_due" | "overdue" | "dunning" => "past_due",
        "unpaid" => "unpaid",
        "paused" | "suspended" | "on_hold" => "paused",
        "canceled" | "cancelled" | "churned" | "ended" | "expired" | "terminated" => "canceled",
        "incomplete" => "incomplete",
        "incomplete_expired" => "incomplete_expired",
        _ => {
            let message = format!(
                "{:?} is not a status of a subscription; there are trialing, active, past_due, unpaid, paused, canceled, incomplete",
                shown(&text)
            );
            return Err(Bad::new(Reason::BadPayload, message));
        }
    })
}

/// By the price of a unit for an interval.
fn priced_item(row: &Row<'_>, currency: &str) -> Result<Option<SubscriptionItem<'static>>, Bad> {
    let Some(amount_micros) = row.money("amount", currency)? else { return Ok(None) };
    let interval = row.text("interval")?.ok_or_else(|| Bad::new(Reason::BadPayload, "amount needs an interval: month or year"))?;
    let (interval, months) = interval_of(&interval)?;
    Ok(Some(SubscriptionItem {
        amount_micros,
        quantity: row.whole("quantity")?.unwrap_or(1).max(0),
        interval,
        interval_count: row.whole("interval_count")?.unwrap_or(months).max(1),
        metered: false,
        product: None,
    }))
}

/// The interval, and how many of it where the word itself says so.
fn interval_of(text: &str) -> Result<(Interval, i64), Bad> {
    Ok(match text.to_ascii_lowercase().replace([' ', '_'], "-").as_str() {
        "day" | "daily" | "days" => (Interval::Day, 1),
        "week" | "weekly" | "weeks" => (Interval::Week, 1),
        "month" | "monthly" | "months" => (Interval::Month, 1),
        "quarter" | "quarterly" => (Interval::Month, 3),
        "half-year" | "semi-annual" | "semi-annually" => (Interval::Month, 6),
        "year" | "yearly" | "years" | "annual" | "annually" => (Interval::Year, 1),
        _ => return Err(Bad::new(Reason::BadPayload, format!("interval is none of day, week, month, quarter, year: {:?}", shown(text)))),
    })
}

/// By what it comes to in a month or in a year.
pub(super) fn monthly_item(row: &Row<'_>, currency: &str) -> Result<Option<SubscriptionItem<'static>>, Bad> {
    let by = |amount_micros, interval| SubscriptionItem {
        amount_micros,
        quantity: 1,
        interval,
        interval_count: 1,
        metered: false,
        product: None,
    };
    if let Some(mrr) = row.money("mrr", currency)? {
        return Ok(Some(by(mrr, Interval::Month)));
    }
    Ok(row.money("arr", currency)?.map(|arr| by(arr, Interval::Year)))
}
