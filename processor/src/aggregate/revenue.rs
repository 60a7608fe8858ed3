//! Movements of MRR: what each subscription was worth at each moment, summed over a customer, and read as new, expansion, contraction, churn and reactivation.
//!
//! It is a function of the set of states that were told, so neither their order nor how often they came decides anything. A state holds from when the source said so until its next state; one that ended
//! holds from its end. The first state that is known of a subscription is taken to have held since the subscription began to be paid (its start, or the end of its trial): so an import shows a
//! customer's revenue as if it had been lived through.
use super::mrr;
use crate::rows::{
    Level, Movement, MovementKind, MrrPoint, Price, RevenueBook, RevenueHistory, RevenueStep, SubscriptionRow, SubscriptionStatus,
};
use crate::time::Calendar;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Changes within this time of the first of them are one movement, ms.
const ONE_MOVEMENT_MS: i64 = 3_600_000;
/// States kept of one subscription; past it the oldest go that changed nothing, then the oldest.
const STEPS_MAX: usize = 400;
/// Movements kept of one customer; the older ones become one of each currency.
const MOVEMENTS_MAX: usize = 150;
/// Reasons of an end that say that the money did not come, as Stripe, Chargebee and imports name them.
const UNPAID_REASONS: [&str; 4] = ["payment_failed", "payment_disputed", "not_paid", "no_card"];

/// The state that a subscription's row is, told at `at`.
pub(crate) fn step_of(row: &SubscriptionRow, count_metered: bool, at: i64) -> RevenueStep {
    let unpaid =
        row.status == SubscriptionStatus::Unpaid || row.cancel_reason.as_deref().is_some_and(|reason| UNPAID_REASONS.contains(&reason));
    RevenueStep {
        version: row.version,
        status: row.status,
        at,
        started_at: row.started_at.or(row.term_start),
        trial_end: row.trial_end,
        ended_at: row.ended_at,
        unpaid,
        currency: row.currency.clone(),
        levels: if row.status.pays() && !row.currency.is_empty() { levels(&row.price, row.ended_at, count_metered) } else { Vec::new() },
    }
}

/// What a price is worth from its beginning on, and from where each of its discounts runs out; nothing from its end on.
fn levels(price: &Price, ended_at: Option<i64>, count_metered: bool) -> Vec<Level> {
    let ends: BTreeSet<i64> = price.cuts.iter().filter_map(|cut| cut.ends_at).collect();
    let before_end = |at: &i64| ended_at.is_none_or(|end| *at < end);
    let mut levels: Vec<Level> = Vec::new();
    for at in std::iter::once(i64::MIN).chain(ends).filter(before_end) {
        let products = mrr::by_product(price, count_metered, at);
        let level = Level { at, mrr: products.iter().map(|(_, mrr)| mrr).sum(), products };
        if levels.last().is_none_or(|last| last.products != level.products) {
            levels.push(level);
        }
    }
    levels.extend(ended_at.map(|at| Level { at, ..Level::default() }));
    levels
}

/// Which of two states of a subscription holds: the greater. It does not ask when they were told.
pub(crate) fn rank(step: &RevenueStep) -> impl Ord + '_ {
    let RevenueStep { version, status, at: _, started_at, trial_end, ended_at, unpaid, currency, levels } = step;
    (version, status, currency, levels, started_at, trial_end, ended_at, unpaid)
}

/// Takes a state in.
pub(crate) fn add(book: &mut RevenueBook, id: &str, step: RevenueStep) {
    let subscriptions = &mut book.subscriptions;
    let index = subscriptions.binary_search_by(|history| history.id.as_str().cmp(id)).unwrap_or_else(|index| {
        subscriptions.insert(index, RevenueHistory { id: id.into(), steps: Vec::new() });
        index
    });
    let steps = &mut subscriptions[index].steps;
    match steps.binary_search_by_key(&step.version, |known| known.version) {
        Ok(place) => {
            let known = &mut steps[place];
            let order = rank(&step).cmp(&rank(known));
            match order {
                Ordering::Greater => *known = step,
                Ordering::Equal => known.at = known.at.min(step.at),
                Ordering::Less => {}
            }
        }
        Err(place) => steps.insert(place, step),
    }
    if steps.len() > STEPS_MAX {
        let same =
            |pair: &[RevenueStep]| (pair[0].status, &pair[0].levels, pair[0].unpaid) == (pair[1].status, &pair[1].levels, pair[1].unpaid);
        let idle = steps.windows(2).position(same).map_or(0, |index| index + 1);
        steps.remove(idle);
    }
}

/// Takes the states of another customer in that turned out to be this one.
pub(crate) fn merge(book: &mut RevenueBook, other: RevenueBook) {
    for history in other.subscriptions {
        for step in history.steps {
            add(book, &history.id, step);
        }
    }
}

/// What one subscription is worth from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Worth {
    at: i64,
    currency: String,
    products: Vec<(String, i64)>,
    unpaid: bool,
}

/// A subscription's worth over time up to `now`, ascending; only what changes it.
fn worth(history: &RevenueHistory, now: i64) -> Vec<Worth> {
    let mut out: Vec<Worth> = Vec::new();
    let mut owed = false;
    for (index, step) in history.steps.iter().enumerate() {
        let from = begins(step, index == 0);
        // A later state holds over what earlier ones said of the time after it.
        out.truncate(out.partition_point(|known| known.at < from));
        // Who is behind with payments and ends without a reason did not choose to.
        let unpaid = step.unpaid || (step.status.ended() && owed);
        owed = matches!(step.status, SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid);
        let first = step.levels.iter().rev().find(|level| level.at <= from);
        let later = step.levels.iter().filter(|level| level.at > from);
        let at_first = (from, first.map(|level| level.products.clone()).unwrap_or_default());
        for (at, products) in std::iter::once(at_first).chain(later.map(|level| (level.at, level.products.clone()))) {
            out.push(Worth { at, currency: step.currency.clone(), products, unpaid });
        }
    }
    out.truncate(out.partition_point(|known| known.at <= now));
    let mut last: (String, Vec<(String, i64)>) = Default::default();
    out.retain(|known| {
        let changes = known.products != last.1 || (known.currency != last.0 && !known.products.is_empty());
        if changes {
            last = (known.currency.clone(), known.products.clone());
        }
        changes
    });
    out
}

/// From when a state holds.
fn begins(step: &RevenueStep, first: bool) -> i64 {
    if step.status.ended() {
        return step.ended_at.map_or(step.at, |end| end.min(step.at));
    }
    let paid_from = step.started_at.max(step.trial_end.filter(|end| *end <= step.at));
    match paid_from {
        Some(start) if first && step.status.pays() => start.min(step.at),
        _ => step.at,
    }
}

/// What a customer pays in one currency, by product.
type ByProduct = BTreeMap<String, i64>;

/// The customer's worth at one moment: by subscription.
#[derive(Default)]
struct Sums<'a> {
    now: BTreeMap<usize, &'a Worth>,
}

impl Sums<'_> {
    fn by_currency(&self) -> BTreeMap<String, ByProduct> {
        let mut sums: BTreeMap<String, ByProduct> = BTreeMap::new();
        for worth in self.now.values() {
            let products = sums.entry(worth.currency.clone()).or_default();
            for (product, mrr) in &worth.products {
                let sum = products.entry(product.clone()).or_default();
                *sum = sum.saturating_add(*mrr);
            }
        }
        sums
    }
}

fn total(products: Option<&ByProduct>) -> i64 {
    products.map_or(0, |products| products.values().fold(0_i64, |sum, mrr| sum.saturating_add(*mrr)))
}

/// The movements of a customer's MRR up to `now`, oldest first.
pub(crate) fn movements(book: &RevenueBook, now: i64) -> Vec<Movement> {
    let worths: Vec<Vec<Worth>> = book.subscriptions.iter().map(|history| worth(history, now)).collect();
    let mut changes: Vec<(i64, usize, &Worth)> =
        worths.iter().enumerate().flat_map(|(index, worth)| worth.iter().map(move |one| (one.at, index, one))).collect();
    changes.sort_by_key(|(at, index, _)| (*at, *index));
    let mut out = Vec::new();
    let mut sums = Sums::default();
    let mut before = sums.by_currency();
    let mut paid_before = false;
    let mut rest = changes.as_slice();
    while let Some((start, ..)) = rest.first() {
        let (now_moved, later) = rest.split_at(rest.partition_point(|(at, ..)| *at < start.saturating_add(ONE_MOVEMENT_MS)));
        rest = later;
        let mut lost_unpaid = (0, 0);
        for (_, index, worth) in now_moved {
            let was = sums.now.insert(*index, worth).map_or(0, |was| sum_of(&was.products));
            if was > 0 && worth.products.is_empty() {
                // Of several that end at once the greater part says why.
                let side = if worth.unpaid { &mut lost_unpaid.1 } else { &mut lost_unpaid.0 };
                *side += i128::from(was);
            }
        }
        let after = sums.by_currency();
        let involuntary = lost_unpaid.1 > lost_unpaid.0;
        read(&mut out, *start, (&before, &after), paid_before, involuntary);
        paid_before |= after.values().any(|products| total(Some(products)) > 0);
        before = after;
    }
    shorten(&mut out);
    out
}

fn sum_of(products: &[(String, i64)]) -> i64 {
    products.iter().fold(0_i64, |sum, (_, mrr)| sum.saturating_add(*mrr))
}

/// Reads one change as movements, one a currency. Whether somebody came or left is of the whole customer: who changes currency does not leave.
fn read(
    out: &mut Vec<Movement>,
    at: i64,
    (before, after): (&BTreeMap<String, ByProduct>, &BTreeMap<String, ByProduct>),
    paid_before: bool,
    involuntary: bool,
) {
    let pays = |sums: &BTreeMap<String, ByProduct>| sums.values().any(|products| total(Some(products)) > 0);
    let (paid, pays) = (pays(before), pays(after));
    let currencies: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for currency in currencies {
        let (was, is) = (before.get(currency), after.get(currency));
        let (old, new) = (total(was), total(is));
        let amount = new - old;
        let kind = match amount {
            0 => continue,
            1.. if paid => MovementKind::Expansion,
            1.. if paid_before => MovementKind::Reactivation,
            1.. => MovementKind::New,
            _ if pays => MovementKind::Contraction,
            _ => MovementKind::Churn,
        };
        let cross_sell = if kind == MovementKind::Expansion { cross_sell(was, is).clamp(0, amount) } else { 0 };
        let involuntary = kind == MovementKind::Churn && involuntary;
        out.push(Movement { at, kind, currency: currency.clone(), amount, mrr: new, cross_sell, involuntary });
    }
}

/// What comes from products that were not there before. Those that take the place of one that went (the greatest first) were sold up, and do not count.
fn cross_sell(before: Option<&ByProduct>, after: Option<&ByProduct>) -> i64 {
    let only_in = |here: Option<&ByProduct>, there: Option<&ByProduct>| -> Vec<i64> {
        let new = |product: &String| there.is_none_or(|there| !there.contains_key(product));
        here.into_iter().flatten().filter(|(product, _)| new(product)).map(|(_, mrr)| *mrr).collect()
    };
    let (mut came, went) = (only_in(after, before), only_in(before, after));
    came.sort_unstable_by(|a, b| b.cmp(a));
    came.into_iter().skip(went.len()).fold(0, i64::saturating_add)
}

/// The oldest movements become one of each currency.
fn shorten(movements: &mut Vec<Movement>) {
    if movements.len() <= MOVEMENTS_MAX {
        return;
    }
    let mut openings: BTreeMap<String, Movement> = BTreeMap::new();
    for old in movements.drain(..movements.len() - MOVEMENTS_MAX) {
        let (kind, amount) = (MovementKind::Opening, old.mrr);
        openings.insert(old.currency.clone(), Movement { kind, amount, cross_sell: 0, involuntary: false, ..old });
    }
    movements.splice(0..0, openings.into_values());
}

/// MRR at the end of each day on which it changed in `currency`: the changes from day `from` on, and the one before them.
pub(crate) fn points(movements: &[Movement], currency: &str, calendar: Calendar, from: i32) -> Vec<MrrPoint> {
    let mut points: Vec<MrrPoint> = Vec::new();
    for movement in movements.iter().filter(|movement| movement.currency == currency) {
        let day = calendar.day_of(movement.at);
        match points.last_mut() {
            Some(last) if last.day == day => last.mrr = movement.mrr,
            _ => points.push(MrrPoint { day, mrr: movement.mrr }),
        }
    }
    let keep = points.partition_point(|point| point.day <= from).saturating_sub(1);
    points.drain(..keep);
    points
}
