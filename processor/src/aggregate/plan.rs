//! What people tell of a customer's plan (through the API): goals, promises, results, and who its people are. Of each item the newest word in event time holds.
use super::{Work, contacts};
use crate::rows::{Contact, Goal, Hot, Newest, Promise, PromiseStatus, Shown};
use c360_schemas::{Event, Kind, Payload};
use serde::Deserialize;

/// Name of the event that carries it.
const NAME: &str = "plan";
/// Items of one kind that are kept; past it new ones are not taken.
const ITEMS_MAX: usize = 100;
const MILLI: f64 = 1000.0;

/// The event's properties.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    goals: Vec<ToldGoal>,
    promises: Vec<ToldPromise>,
    results: Vec<ToldResult>,
    people: Vec<ToldPerson>,
}

#[derive(Debug, Deserialize)]
struct ToldGoal {
    id: String,
    title: String,
    measure: Option<String>,
    target: Option<f64>,
    met: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct ToldPromise {
    id: String,
    title: String,
    due_at: Option<jiff::Timestamp>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToldResult {
    id: String,
    title: String,
    kind: Option<String>,
    at: Option<jiff::Timestamp>,
}

#[derive(Debug, Deserialize)]
struct ToldPerson {
    id: String,
    name: Option<String>,
    email: Option<String>,
    role: Option<String>,
    left_at: Option<jiff::Timestamp>,
}

/// Whether an event tells of the plan.
pub(crate) fn is_told(event: &Event<'_>) -> bool {
    event.kind == Kind::Identity && event.name == NAME && event.payload == Payload::None
}

/// What the event tells.
///
/// # Errors
/// Where its properties are not a plan's.
pub(crate) fn parse(properties: &str) -> Result<Told, serde_json::Error> {
    serde_json::from_str(properties)
}

/// Takes it in, as it was said at `at`.
pub(crate) fn take(work: &Work<'_>, hot: &mut Hot, at: i64, told: Told) {
    let plan = &mut hot.plan;
    for ToldGoal { id, title, measure, target, met } in told.goals {
        let target_milli = target.filter(|target| target.is_finite()).map(|target| (target * MILLI).round() as i64);
        put(&mut plan.goals, id, at, Goal { title, measure, target_milli, met });
    }
    for ToldPromise { id, title, due_at, status } in told.promises {
        let status = match status.as_deref() {
            Some("kept") => PromiseStatus::Kept,
            Some("broken") => PromiseStatus::Broken,
            _ => PromiseStatus::Open,
        };
        put(&mut plan.promises, id, at, Promise { title, due_at: due_at.map(jiff::Timestamp::as_millisecond), status });
    }
    for ToldResult { id, title, kind, at: when } in told.results {
        let shown = Shown { title, kind: kind.unwrap_or_else(|| "other".into()), at: when.map_or(at, jiff::Timestamp::as_millisecond) };
        put(&mut plan.results, id, at, shown);
    }
    for ToldPerson { id, name, email, role, left_at } in told.people {
        let mut contact = Contact { id, ..Contact::default() };
        contact.name.tell(at, name);
        contact.email.tell(at, email);
        if let Some(role) = role {
            contact.tell_role(at, &role);
        }
        contact.left_at.tell(at, left_at.map(jiff::Timestamp::as_millisecond));
        contacts::add(hot, &contact, work.config.contacts_max);
    }
}

fn put<T: Ord + Clone>(items: &mut Vec<(String, Newest<T>)>, id: String, at: i64, item: T) {
    match items.binary_search_by(|(known, _)| known.cmp(&id)) {
        Ok(index) => items[index].1.tell(at, Some(item)),
        Err(index) if items.len() < ITEMS_MAX => {
            let mut newest = Newest::default();
            newest.tell(at, Some(item));
            items.insert(index, (id, newest));
        }
        Err(_) => {}
    }
}

/// Another customer's plan comes to this one.
pub(crate) fn merge(hot: &mut Hot, other: &Hot) {
    fn merge_items<T: Ord + Clone>(items: &mut Vec<(String, Newest<T>)>, others: &[(String, Newest<T>)]) {
        for (id, other) in others {
            match items.binary_search_by(|(known, _)| known.cmp(id)) {
                Ok(index) => items[index].1.merge(other),
                Err(index) if items.len() < ITEMS_MAX => items.insert(index, (id.clone(), other.clone())),
                Err(_) => {}
            }
        }
    }
    merge_items(&mut hot.plan.goals, &other.plan.goals);
    merge_items(&mut hot.plan.promises, &other.plan.promises);
    merge_items(&mut hot.plan.results, &other.plan.results);
}
