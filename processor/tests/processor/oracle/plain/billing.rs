//! Subscriptions, what they were worth when, movements of MRR, and invoices.
use super::super::history::{Fact, Sent};
use super::{day, text};
use crate::harness::{DAY, HOUR, START};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A state of a subscription.
pub(super) struct Step<'a> {
    version: i64,
    at: i64,
    fact: &'a Fact,
}

pub(super) struct Sub<'a> {
    id: usize,
    pub(super) steps: Vec<Step<'a>>,
}

/// Worth at one moment: a currency, and the amounts by product.
type Worth = (String, BTreeMap<String, i64>);

/// Status, items, what comes off, currency, start, end behind what was sent, reason.
pub(super) type Parts<'a> =
    (&'static str, &'a [(usize, i64, i64, bool)], Option<(i64, Option<i64>)>, usize, Option<i64>, Option<i64>, Option<&'static str>);

impl Step<'_> {
    pub(super) fn parts(&self) -> Parts<'_> {
        let Fact::Subscription { status, items, percent, currency, started, ended, reason, .. } = self.fact else {
            panic!("a subscription")
        };
        let status = Fact::status(*status);
        (status, items, *percent, *currency, started.map(|s| START + s), ended.filter(|_| status == "canceled"), Fact::reason(*reason))
    }

    pub(super) fn pays(&self) -> bool {
        matches!(self.parts().0, "active" | "past_due")
    }

    fn begins(&self, first: bool, sent_at: i64) -> i64 {
        let (status, _, _, _, started, ended, _) = self.parts();
        if status == "canceled" {
            return ended.map_or(self.at, |ended| (sent_at + ended).min(self.at));
        }
        match started {
            Some(started) if first && self.pays() => started.min(self.at),
            _ => self.at,
        }
    }

    /// Twelfths of a minor unit before what comes off, by product.
    fn gross(&self) -> BTreeMap<String, i128> {
        let mut gross = BTreeMap::new();
        for (product, amount, quantity, yearly) in self.parts().1 {
            let twelfths = i128::from(amount * 1_000 * quantity) * if *yearly { 1 } else { 12 };
            *gross.entry(Fact::product(*product).unwrap_or_default().to_owned()).or_default() += twelfths;
        }
        gross
    }

    pub(super) fn mrr(&self, at: i64) -> i64 {
        if !self.pays() {
            return 0;
        }
        let off = self.parts().2.filter(|(_, ends)| ends.is_none_or(|ends| START + ends > at)).map_or(0, |(percent, _)| percent);
        half_even(self.gross().values().sum::<i128>() * i128::from(100 - off), 1_200)
    }

    fn worth(&self, at: i64) -> Worth {
        let total = self.mrr(at);
        let whole: i128 = self.gross().values().sum();
        let (mut passed, mut given, mut out) = (0, 0, BTreeMap::new());
        for (product, part) in self.gross() {
            passed += part;
            let upto = if total == 0 { 0 } else { half_even(passed * i128::from(total), whole) };
            if upto > given {
                out.insert(product, upto - given);
            }
            given = upto;
        }
        (Fact::currency(self.parts().3).into(), out)
    }
}

fn half_even(num: i128, den: i128) -> i64 {
    let (whole, rest) = (num / den, num % den);
    (whole + i128::from(2 * rest > den || (2 * rest == den && whole % 2 == 1))) as i64
}

pub(super) fn subscriptions<'a>(told: &[(i64, &'a Sent)]) -> Vec<(Sub<'a>, BTreeMap<i64, i64>)> {
    let mut subs: BTreeMap<usize, (Sub<'a>, BTreeMap<i64, i64>)> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Subscription { id, version, .. } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let (sub, sent_at) = subs.entry(*id).or_insert_with(|| (Sub { id: *id, steps: Vec::new() }, BTreeMap::new()));
        sent_at.insert(version, sent.occurred_at);
        match sub.steps.iter_mut().find(|step| step.version == version) {
            Some(step) => step.at = step.at.min(*at),
            None => sub.steps.push(Step { version, at: *at, fact: &sent.fact }),
        }
    }
    for (sub, _) in subs.values_mut() {
        sub.steps.sort_by_key(|step| step.version);
    }
    subs.into_values().collect()
}

fn movements(subs: &[(Sub<'_>, BTreeMap<i64, i64>)], now: i64) -> Vec<Value> {
    let begins =
        |sub: &Sub<'_>, sent_at: &BTreeMap<i64, i64>, index: usize| sub.steps[index].begins(index == 0, sent_at[&sub.steps[index].version]);
    let mut times = BTreeSet::new();
    for (sub, sent_at) in subs {
        for index in 0..sub.steps.len() {
            times.insert(begins(sub, sent_at, index));
            times.extend(sub.steps[index].parts().2.and_then(|(_, ends)| ends).map(|ends| START + ends));
        }
    }
    // The state at a moment is that of the highest version that has begun.
    let at = |(sub, sent_at): &(Sub<'_>, BTreeMap<i64, i64>), t: i64| (0..sub.steps.len()).rev().find(|i| begins(sub, sent_at, *i) <= t);
    let empty = || ("".to_owned(), BTreeMap::new());
    let mut current: Vec<Worth> = subs.iter().map(|_| empty()).collect();
    let mut changes: Vec<(i64, usize, Worth, bool)> = Vec::new();
    for t in times.into_iter().filter(|t| *t <= now) {
        for (index, sub) in subs.iter().enumerate() {
            let Some(step) = at(sub, t) else { continue };
            let worth = sub.0.steps[step].worth(t);
            let same = worth.1 == current[index].1 && (worth.1.is_empty() || worth.0 == current[index].0);
            if !same {
                let (status, .., reason) = sub.0.steps[step].parts();
                let owed = step > 0 && matches!(sub.0.steps[step - 1].parts().0, "past_due" | "unpaid");
                let unpaid = status == "unpaid" || reason == Some("payment_failed") || (status == "canceled" && owed);
                current[index] = worth.clone();
                changes.push((t, index, worth, unpaid));
            }
        }
    }
    let mut state: Vec<Worth> = subs.iter().map(|_| empty()).collect();
    let sums = |state: &[Worth]| {
        let mut sums: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        for (currency, products) in state {
            for (product, mrr) in products {
                *sums.entry(currency.clone()).or_default().entry(product.clone()).or_default() += mrr;
            }
        }
        sums
    };
    let (mut out, mut paid_before, mut next) = (Vec::new(), false, 0);
    while next < changes.len() {
        let start = changes[next].0;
        let before = sums(&state);
        let (mut chosen, mut unpaid) = (0, 0);
        while next < changes.len() && changes[next].0 < start + HOUR {
            let (_, index, worth, by_dunning) = &changes[next];
            let was: i64 = state[*index].1.values().sum();
            if was > 0 && worth.1.is_empty() {
                *(if *by_dunning { &mut unpaid } else { &mut chosen }) += was;
            }
            state[*index] = worth.clone();
            next += 1;
        }
        let after = sums(&state);
        for currency in ["EUR", "USD"] {
            let of = |sums: &BTreeMap<String, BTreeMap<String, i64>>| sums.get(currency).cloned().unwrap_or_default();
            let (was, is) = (of(&before), of(&after));
            let (old, new): (i64, i64) = (was.values().sum(), is.values().sum());
            if old == new {
                continue;
            }
            let kind = if new > old {
                if !before.is_empty() {
                    "expansion"
                } else if paid_before {
                    "reactivation"
                } else {
                    "new"
                }
            } else if after.is_empty() {
                "churn"
            } else {
                "contraction"
            };
            let mut came: Vec<i64> = is.iter().filter(|(p, _)| !was.contains_key(*p)).map(|(_, mrr)| *mrr).collect();
            came.sort_unstable();
            let went = was.keys().filter(|p| !is.contains_key(*p)).count();
            let new_products: i64 = came[..came.len().saturating_sub(went)].iter().sum();
            let cross_sell = if kind == "expansion" { new_products.min(new - old) } else { 0 };
            out.push(json!({"at": text(start), "kind": kind, "amount": new - old, "currency": currency, "mrr": new, "cross_sell": cross_sell, "involuntary": kind == "churn" && unpaid > chosen}));
        }
        paid_before |= !after.is_empty();
    }
    out
}

pub(super) fn billing(told: &[(i64, &Sent)], now: i64) -> Value {
    let subs = subscriptions(told);
    let mut by_currency: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    for (sub, sent_at) in &subs {
        let newest = sub.steps.last().unwrap();
        let (status, _, _, currency, ..) = newest.parts();
        *by_currency.entry(Fact::currency(currency)).or_default() += newest.mrr(now);
        let badness = ["paused", "trialing", "active", "past_due", "unpaid"].iter().position(|s| *s == status);
        match badness {
            Some(badness) => live.push((badness, status)),
            None => ended.push((newest.parts().5.map(|ended| sent_at[&newest.version] + ended), sub.id, status)),
        }
    }
    let mrr = by_currency.iter().map(|(currency, mrr)| (*mrr, std::cmp::Reverse(*currency))).max();
    let invoices = invoices(told);
    let unpaid: Vec<&Invoice> = invoices.iter().filter(|i| !i.paid).collect();
    let tries: i64 = unpaid.iter().map(|i| i.told.max(i.tries)).sum();
    let due = unpaid.iter().map(|i| i.due).min();
    let movements = movements(&subs, now);
    let past_due = due.map_or(0, |due| (day(now) - day(due)).max(0));
    let lost = movements.last().is_some_and(|m| m["kind"] == "churn" && m["involuntary"] == true);
    let recovered = invoices.iter().filter(|i| i.told.max(i.tries) > 0).filter_map(|i| i.paid_at).max().filter(|at| *at > now - 28 * DAY);
    let state = if live.iter().any(|(_, status)| *status == "unpaid") {
        "unpaid"
    } else if tries > 0 || past_due > 0 {
        "past_due"
    } else if lost {
        "lost"
    } else if recovered.is_some() {
        "recovered"
    } else {
        "none"
    };
    json!({
        "mrr": mrr.map(|(amount, currency)| json!({"amount": amount, "currency": currency.0})),
        "by_currency": by_currency.iter().map(|(currency, amount)| json!({"amount": amount, "currency": currency})).collect::<Vec<_>>(),
        "status": live.iter().max().map(|(_, s)| *s).or_else(|| ended.iter().max().map(|(_, _, s)| *s)),
        "past_due_days": past_due,
        "failed_payments": tries,
        "dunning": {"state": state, "open_invoices": unpaid.len(), "amount_remaining": (!unpaid.is_empty()).then_some(100 * unpaid.len()), "tries": tries,
            "last_try_failed": unpaid.iter().any(|i| i.failed_last), "recovered_at": recovered.map(text)},
        "movements": movements,
    })
}

#[derive(Default)]
struct Invoice {
    version: i64,
    paid: bool,
    due: i64,
    told: i64,
    tries: i64,
    failed_version: i64,
    failed_last: bool,
    paid_at: Option<i64>,
}

fn invoices(told: &[(i64, &Sent)]) -> Vec<Invoice> {
    let mut all: BTreeMap<usize, Invoice> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Invoice { id, version, paid, failed, due } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let invoice = all.entry(*id).or_insert_with(|| Invoice { version: -1, failed_version: -1, ..Invoice::default() });
        if version > invoice.version {
            (invoice.version, invoice.paid, invoice.due) = (version, *paid, START + due);
        }
        if let Some((tries, last)) = failed {
            invoice.told += 1;
            invoice.tries = invoice.tries.max(*tries);
            if version > invoice.failed_version {
                (invoice.failed_version, invoice.failed_last) = (version, *last);
            }
        }
        if *paid {
            invoice.paid_at = invoice.paid_at.max(Some(*at));
        }
    }
    all.into_values().collect()
}
