//! Money: what is paid, how that moved, what is owed.
use crate::aggregate::mrr;
use crate::rows::{Hot, Movement, MovementKind, SubscriptionLine, SubscriptionStatus};
use crate::score::conditions;
use crate::time::{DAY_MS, rfc3339};
use serde::Serialize;

/// Days for which it is worth telling that a payment came after all.
const RECOVERED_DAYS: i64 = 28;

#[derive(Serialize)]
struct Money<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize)]
pub(super) struct BillingView<'a> {
    mrr: Option<Money<'a>>,
    by_currency: Vec<Money<'a>>,
    status: Option<&'static str>,
    past_due_days: i32,
    failed_payments: u32,
    renews_at: Option<String>,
    cancels_at: Option<String>,
    term: Option<Term>,
    dunning: Dunning<'a>,
    churned: Option<Churned>,
    subscriptions: Vec<SubscriptionView<'a>>,
    movements: Vec<MovementView<'a>>,
}

#[derive(Serialize)]
struct Term {
    start: Option<String>,
    end: Option<String>,
    days: i32,
}

#[derive(Serialize)]
struct Dunning<'a> {
    state: &'static str,
    open_invoices: usize,
    /// In the currency of the invoice that is due first; what is owed in others stands in no sum with it.
    amount_remaining: Option<i64>,
    currency: Option<&'a str>,
    tries: u32,
    last_try_failed: bool,
    recovered_at: Option<String>,
}

#[derive(Serialize)]
struct Churned {
    at: Option<String>,
    involuntary: bool,
}

#[derive(Serialize)]
struct SubscriptionView<'a> {
    id: &'a str,
    status: &'static str,
    mrr: Option<Money<'a>>,
    renews_at: Option<String>,
    cancels_at: Option<String>,
    ended_at: Option<String>,
    /// Its term or trial is over, and the provider has not said what follows.
    overdue: bool,
}

#[derive(Serialize)]
struct MovementView<'a> {
    at: Option<String>,
    kind: &'static str,
    amount: i64,
    currency: &'a str,
    mrr: i64,
    cross_sell: i64,
    involuntary: bool,
}

pub(super) fn view(hot: &Hot, now: i64) -> BillingView<'_> {
    let b = &hot.billing;
    let cancels_at = b.subscriptions.iter().filter(|s| s.live()).filter_map(|s| s.cancels_at).min();
    let churned = churn(hot);
    BillingView {
        mrr: mrr::account(b).map(|(amount, currency)| Money { amount, currency }),
        by_currency: mrr::by_currency(b).into_iter().map(|(currency, amount)| Money { amount, currency }).collect(),
        status: status(&b.subscriptions),
        past_due_days: conditions::past_due_days(hot, now),
        failed_payments: conditions::failed_tries(hot),
        renews_at: renews_at(hot).and_then(rfc3339),
        cancels_at: cancels_at.and_then(rfc3339),
        term: term(hot),
        dunning: dunning(hot, now),
        churned: churned.map(|m| Churned { at: rfc3339(m.at), involuntary: m.involuntary }),
        subscriptions: b.subscriptions.iter().map(|s| subscription(s, now)).collect(),
        movements: b.movements.iter().map(movement).collect(),
    }
}

/// The movement by which the customer went, where nothing came after it.
pub(super) fn churn(hot: &Hot) -> Option<&Movement> {
    hot.billing.movements.last().filter(|m| m.kind == MovementKind::Churn)
}

/// The end of the next term that nobody has cancelled.
pub(super) fn renews_at(hot: &Hot) -> Option<i64> {
    hot.billing.subscriptions.iter().filter_map(SubscriptionLine::renews_at).min()
}

/// The term that ends first.
fn term(hot: &Hot) -> Option<Term> {
    let live = hot.billing.subscriptions.iter().filter(|s| s.live());
    let (start, end) = live.filter_map(|s| Some((s.term_start?, s.term_end?))).min_by_key(|(start, end)| (*end, *start))?;
    Some(Term { start: rfc3339(start), end: rfc3339(end), days: hot.calendar.day_of(end) - hot.calendar.day_of(start) })
}

fn dunning(hot: &Hot, now: i64) -> Dunning<'_> {
    let b = &hot.billing;
    let first = b.unpaid.iter().min_by_key(|i| (i.due_at.unwrap_or(i64::MAX), &i.id));
    let currency = first.map(|i| i.currency.as_str());
    let remaining = b.unpaid.iter().filter(|i| Some(i.currency.as_str()) == currency).map(|i| i.remaining);
    let recovered_at = b.recovered_at.filter(|at| *at > now - RECOVERED_DAYS * DAY_MS);
    let state = if b.subscriptions.iter().any(|s| s.status == SubscriptionStatus::Unpaid) {
        "unpaid"
    } else if conditions::payment_failed(hot) || conditions::past_due_days(hot, now) > 0 {
        "past_due"
    } else if churn(hot).is_some_and(|m| m.involuntary) {
        "lost"
    } else if recovered_at.is_some() {
        "recovered"
    } else {
        "none"
    };
    Dunning {
        state,
        open_invoices: b.unpaid.len(),
        amount_remaining: first.map(|_| remaining.fold(0, i64::saturating_add)),
        currency,
        tries: conditions::failed_tries(hot),
        last_try_failed: b.unpaid.iter().any(|i| i.failed_last),
        recovered_at: recovered_at.and_then(rfc3339),
    }
}

/// The worst of the live ones, else that of the one that ended last.
fn status(subscriptions: &[SubscriptionLine]) -> Option<&'static str> {
    let live = subscriptions.iter().filter(|s| s.live()).max_by_key(|s| s.status.badness());
    let last = || subscriptions.iter().max_by_key(|s| (s.ended_at, &s.id));
    live.or_else(last).map(|s| s.status.as_str())
}

fn subscription(s: &SubscriptionLine, now: i64) -> SubscriptionView<'_> {
    let ends = if s.status == SubscriptionStatus::Trialing { s.trial_end.or(s.term_end) } else { s.term_end };
    SubscriptionView {
        id: &s.id,
        status: s.status.as_str(),
        mrr: (!s.currency.is_empty()).then_some(Money { amount: s.mrr, currency: &s.currency }),
        renews_at: s.renews_at().and_then(rfc3339),
        cancels_at: s.cancels_at.filter(|_| s.live()).and_then(rfc3339),
        ended_at: s.ended_at.and_then(rfc3339),
        overdue: s.live() && ends.is_some_and(|at| at < now),
    }
}

fn movement(m: &Movement) -> MovementView<'_> {
    MovementView {
        at: rfc3339(m.at),
        kind: m.kind.as_str(),
        amount: m.amount,
        currency: &m.currency,
        mrr: m.mrr,
        cross_sell: m.cross_sell,
        involuntary: m.involuntary,
    }
}
