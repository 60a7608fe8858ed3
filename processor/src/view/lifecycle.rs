//! Where the customer is in its life, since when, and how far adoption came: first the key people, then everyone.
use super::share_of;
use crate::aggregate::lifecycle as stages;
use crate::rows::Hot;
use crate::time::rfc3339;
use serde::Serialize;

/// Days within which who was seen is active.
const ACTIVE_DAYS: i32 = 28;

#[derive(Serialize)]
pub(super) struct LifecycleView {
    since: Option<String>,
    /// Whole days since delivery.
    day: Option<i32>,
    /// When it moves on by time alone.
    ends_at: Option<String>,
    adoption: Adoption,
}

#[derive(Serialize)]
struct Adoption {
    key_people: Part,
    seats: Part,
}

#[derive(Serialize)]
struct Part {
    active: u64,
    total: Option<u64>,
    share: Option<f64>,
}

pub(super) fn view(hot: &Hot, today: i32) -> LifecycleView {
    let key = || hot.contacts.iter().filter(|c| c.key());
    let active = key().filter(|c| c.seen_at.is_some_and(|at| hot.calendar.day_of(at) > today - ACTIVE_DAYS)).count() as u64;
    let seats = hot.traits.seats.get().and_then(|seats| u64::try_from(*seats).ok()).filter(|seats| *seats > 0);
    let users = hot.usage.active_users(ACTIVE_DAYS);
    LifecycleView {
        since: stages::since(hot, today).map(|day| hot.calendar.day_start(day)).and_then(rfc3339),
        day: stages::delivered_at(hot).map(|at| (today - hot.calendar.day_of(at)).max(0)),
        ends_at: stages::next_change(hot, today).and_then(rfc3339),
        adoption: Adoption { key_people: part(active, Some(key().count() as u64).filter(|known| *known > 0)), seats: part(users, seats) },
    }
}

fn part(active: u64, total: Option<u64>) -> Part {
    Part { active, total, share: total.and_then(|total| share_of(active, total)) }
}
