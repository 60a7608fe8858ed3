//! The renewal plan: was the purpose met, who decides, what was promised, what is there to show, and what nobody has told yet.
use super::goals;
use crate::aggregate::{lifecycle, renewal as terms};
use crate::config::AggregateConfig;
use crate::rows::{Contact, Goal, Hot, Newest, Plan, PromiseStatus, Role, month_of};
use crate::time::{DAY_MS, rfc3339};
use serde::Serialize;

/// Whoever was told to decide within this time of a term's beginning decided about it.
const AT_START_MS: i64 = 30 * DAY_MS;

#[derive(Serialize)]
pub(super) struct RenewalView<'a> {
    status: &'static str,
    opened_at: Option<String>,
    term_end: Option<String>,
    days_left: Option<i32>,
    subscription_id: Option<&'a str>,
    purpose: Vec<GoalView<'a>>,
    decision_makers: Deciders<'a>,
    promises: Vec<PromiseView<'a>>,
    results: Results<'a>,
    asks: Vec<&'static str>,
}

#[derive(Serialize)]
struct GoalView<'a> {
    id: &'a str,
    title: &'a str,
    measure: Option<&'a str>,
    target: Option<f64>,
    value: Option<f64>,
    met: Option<bool>,
}

#[derive(Serialize)]
struct Person<'a> {
    id: &'a str,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Deciders<'a> {
    at_start: Vec<Person<'a>>,
    now: Vec<Person<'a>>,
    /// `None` where none was known at the term's beginning.
    changed: Option<bool>,
}

#[derive(Serialize)]
struct PromiseView<'a> {
    id: &'a str,
    title: &'a str,
    due_at: Option<String>,
    status: &'static str,
}

#[derive(Serialize)]
struct Results<'a> {
    tickets_solved: u64,
    trainings: usize,
    usage_growth: Option<f64>,
    mrr_growth: Option<f64>,
    items: Vec<ResultView<'a>>,
}

#[derive(Serialize)]
struct ResultView<'a> {
    id: &'a str,
    title: &'a str,
    kind: &'a str,
    at: Option<String>,
}

/// `None` where no term is to be planned for and nobody told of a plan: most customers of small terms.
pub(super) fn view<'a>(hot: &'a Hot, now: i64, config: &AggregateConfig) -> Option<RenewalView<'a>> {
    let today = hot.calendar.day_of(now);
    let next = terms::next_term(hot);
    if next.is_none() && hot.plan == Plan::default() {
        return None;
    }
    let days_left = next.as_ref().map(|term| hot.calendar.day_of(term.end) - today);
    let status = match days_left {
        None => "none",
        Some(_) if hot.renewal.is_none() => "ahead",
        Some(days) if days < 0 => "overdue",
        Some(_) => "open",
    };
    let start = next.as_ref().map(|term| term.start);
    let purpose: Vec<_> = told(&hot.plan.goals).map(|(id, goal)| goal_view(hot, now, config, id, goal)).collect();
    let deciders = deciders(hot, start);
    let asks = asks(hot, &purpose, &deciders);
    Some(RenewalView {
        status,
        opened_at: hot.renewal.and_then(|renewal| rfc3339(renewal.opened_at)),
        term_end: next.as_ref().and_then(|term| rfc3339(term.end)),
        days_left,
        subscription_id: next.as_ref().map(|term| term.subscription),
        promises: told(&hot.plan.promises)
            .map(|(id, p)| PromiseView { id, title: &p.title, due_at: p.due_at.and_then(rfc3339), status: p.status.as_str() })
            .collect(),
        results: results(hot, now, start),
        purpose,
        decision_makers: deciders,
        asks,
    })
}

fn told<T: Ord + Clone>(items: &[(String, Newest<T>)]) -> impl Iterator<Item = (&str, &T)> {
    items.iter().filter_map(|(id, item)| Some((id.as_str(), item.get()?)))
}

fn goal_view<'a>(hot: &Hot, now: i64, config: &AggregateConfig, id: &'a str, goal: &'a Goal) -> GoalView<'a> {
    let target = goal.target_milli.map(super::share);
    let value = goal.measure.as_deref().and_then(|measure| goals::value(hot, now, config, measure));
    let measured = || Some(goals::is_met(goal.measure.as_deref()?, value?, target?));
    GoalView { id, title: &goal.title, measure: goal.measure.as_deref(), target, value, met: goal.met.or_else(measured) }
}

fn person(c: &Contact) -> Person<'_> {
    Person { id: &c.id, name: c.name.get().map(String::as_str) }
}

/// Champions and decision makers. A term that is not known began with the customer.
fn deciders(hot: &Hot, term_start: Option<i64>) -> Deciders<'_> {
    let start = term_start.or_else(|| lifecycle::delivered_at(hot)).unwrap_or(i64::MIN);
    let was = |c: &&Contact| {
        let there = c.gone_at().is_none_or(|at| at > start);
        there && c.key_since.is_some_and(|since| since <= start.saturating_add(AT_START_MS))
    };
    let at_start: Vec<_> = hot.contacts.iter().filter(was).map(person).collect();
    let now: Vec<_> = hot.contacts.iter().filter(|c| c.key()).map(person).collect();
    let ids = |people: &[Person<'_>]| people.iter().map(|p| p.id.to_owned()).collect::<Vec<_>>();
    let changed = (!at_start.is_empty()).then(|| ids(&at_start) != ids(&now));
    Deciders { at_start, now, changed }
}

fn results(hot: &Hot, now: i64, term_start: Option<i64>) -> Results<'_> {
    let from = term_start.or_else(|| lifecycle::delivered_at(hot));
    let first_month = from.map_or(i32::MIN, |at| month_of(hot.calendar.day_of(at)));
    let items: Vec<_> = told(&hot.plan.results).filter(|(_, shown)| from.is_none_or(|from| shown.at >= from)).collect();
    Results {
        tickets_solved: hot.support.solved.iter().filter(|(month, _)| *month >= first_month).map(|(_, n)| u64::from(*n)).sum(),
        trainings: items.iter().filter(|(_, shown)| shown.kind == "training").count(),
        usage_growth: usage_growth(hot, now, first_month),
        mrr_growth: mrr_growth(hot, from),
        items: items.into_iter().map(|(id, s)| ResultView { id, title: &s.title, kind: &s.kind, at: rfc3339(s.at) }).collect(),
    }
}

/// The last whole month's events against the first whole one of the term.
fn usage_growth(hot: &Hot, now: i64, first_month: i32) -> Option<f64> {
    let of = |month: i32| hot.usage.months.iter().find(|(known, _)| *known == month).map_or(0, |(_, events)| *events);
    let last = month_of(hot.calendar.day_of(now)) - 1;
    let oldest = hot.usage.months.first()?.0;
    let first = first_month.max(oldest) + 1;
    (first < last).then(|| super::share_of(of(last), of(first)).map(|ratio| super::share((ratio * 1000.0).round() as i64 - 1000))).flatten()
}

/// MRR now against that at the term's beginning, in its main currency.
fn mrr_growth(hot: &Hot, from: Option<i64>) -> Option<f64> {
    let (now, currency) = crate::aggregate::mrr::account(&hot.billing)?;
    let of_currency = || hot.billing.movements.iter().filter(|m| m.currency == currency);
    // Where revenue began with the term, its first amount is what it began with.
    let began = of_currency().rfind(|m| from.is_some_and(|from| m.at <= from)).or_else(|| of_currency().next())?.mrr;
    let (now, began) = (u64::try_from(now).ok()?, u64::try_from(began).ok()?);
    super::share_of(now, began).map(|ratio| super::share((ratio * 1000.0).round() as i64 - 1000))
}

/// What nobody has told, and a renewal cannot be planned without.
fn asks(hot: &Hot, purpose: &[GoalView<'_>], deciders: &Deciders<'_>) -> Vec<&'static str> {
    let missing = [
        (purpose.is_empty(), "No goal is known: ask what the purchase was for."),
        (purpose.iter().any(|goal| goal.met.is_none()), "A goal has no measure: ask whether it was met."),
        (deciders.now.is_empty(), "Nobody is known to decide: ask who does."),
        (deciders.changed == Some(true), "Who decides has changed: meet whoever is new."),
        (
            !hot.contacts.iter().any(|c| c.role() == Some(Role::Champion) && c.gone_at().is_none()),
            "No champion is known: find somebody who speaks for the product.",
        ),
        (hot.plan.promises.is_empty(), "No promise is known: ask what was promised."),
        (told(&hot.plan.promises).any(|(_, p)| p.status == PromiseStatus::Broken), "A promise was broken: say what will be done about it."),
        (hot.traits.seats.get().is_none(), "The number of seats is not known: without it, adoption has no measure."),
    ];
    missing.into_iter().filter_map(|(missing, ask)| missing.then_some(ask)).collect()
}
