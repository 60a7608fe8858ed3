//! The people of whom something is known; those first on whom the customer's loyalty hangs.
use crate::rows::{Contact, Hot, Role};
use crate::time::{Calendar, rfc3339};
use serde::Serialize;

/// Days without a sign of a champion that are a fact of their own.
const QUIET_DAYS: i32 = 14;

#[derive(Serialize)]
pub(super) struct PeopleView<'a> {
    known: usize,
    contacts: Vec<ContactView<'a>>,
    champions: Champions<'a>,
}

#[derive(Serialize)]
struct ContactView<'a> {
    id: &'a str,
    name: Option<&'a str>,
    email: Option<&'a str>,
    role: Option<&'a str>,
    last_seen_at: Option<String>,
    quiet_days: Option<i32>,
    left_at: Option<String>,
}

#[derive(Serialize)]
struct Champions<'a> {
    /// Those who are there.
    known: usize,
    quiet: Vec<&'a str>,
    left: Vec<&'a str>,
}

pub(super) fn view(hot: &Hot, now: i64) -> PeopleView<'_> {
    let calendar = hot.calendar;
    let today = calendar.day_of(now);
    let mut sorted: Vec<&Contact> = hot.contacts.iter().collect();
    sorted.sort_by_key(|c| (!c.key(), std::cmp::Reverse(c.seen_at)));
    let champions = || hot.contacts.iter().filter(|c| c.role() == Some(Role::Champion));
    let there = || champions().filter(|c| c.gone_at().is_none());
    // Who was never seen in the product cannot go quiet there.
    let quiet = there().filter(|c| quiet_days(c, calendar, today).is_some_and(|days| days >= QUIET_DAYS));
    PeopleView {
        known: hot.contacts.len(),
        contacts: sorted.into_iter().map(|c| contact(c, calendar, today)).collect(),
        champions: Champions {
            known: there().count(),
            quiet: quiet.map(|c| c.id.as_str()).collect(),
            left: champions().filter(|c| c.gone_at().is_some()).map(|c| c.id.as_str()).collect(),
        },
    }
}

fn contact(c: &Contact, calendar: Calendar, today: i32) -> ContactView<'_> {
    ContactView {
        id: &c.id,
        name: c.name.get().map(String::as_str),
        email: c.email.get().map(String::as_str),
        role: c.role.get().map(String::as_str),
        last_seen_at: c.seen_at.and_then(rfc3339),
        quiet_days: quiet_days(c, calendar, today),
        left_at: c.gone_at().and_then(rfc3339),
    }
}

fn quiet_days(c: &Contact, calendar: Calendar, today: i32) -> Option<i32> {
    c.seen_at.map(|at| (today - calendar.day_of(at)).max(0))
}
