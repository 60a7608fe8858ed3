//! Tickets: states, priorities, times.
use super::super::history::{Fact, Sent};
use super::day;
use crate::harness::{DAY, START};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Ticket {
    created: i64,
    replied: Option<i64>,
    states: Vec<(i64, i64, usize)>,
    priorities: Vec<(i64, i64, usize)>,
}

pub(super) fn support(told: &[(i64, &Sent)], now: i64) -> Value {
    let mut tickets: BTreeMap<usize, Ticket> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Ticket { id, version, status, priority, created, replied } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let ticket = tickets.entry(*id).or_insert_with(|| Ticket { created: i64::MAX, ..Ticket::default() });
        ticket.created = ticket.created.min(START + created);
        if *replied {
            ticket.replied = Some(ticket.replied.map_or(sent.occurred_at, |before| before.min(sent.occurred_at)));
        }
        ticket.states.push((version, *at, *status));
        if *priority > 0 {
            ticket.priorities.push((version, *at, *priority));
        }
    }
    let today = day(now);
    let is_open = |status: usize| ["new", "open", "pending"].contains(&Fact::ticket_status(status));
    let (mut open, mut by_priority, mut reopened, mut escalated, mut opened, mut unanswered) = (Vec::new(), [0; 5], 0, 0, 0, 0);
    let (mut replies, mut resolutions, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut replies_of, mut resolutions_of): ([Vec<i64>; 5], [Vec<i64>; 5]) = Default::default();
    for ticket in tickets.values_mut() {
        ticket.states.sort_unstable();
        ticket.states.dedup();
        ticket.priorities.sort_unstable();
        ticket.priorities.reverse();
        ticket.priorities.dedup_by_key(|p| p.0);
        ticket.priorities.reverse();
        let last = ticket.states.last().unwrap().2;
        let deleted = Fact::ticket_status(last) == "deleted";
        let recent = |at: i64, days: i64| day(at) > today - days;
        reopened += ticket
            .states
            .windows(2)
            .filter(|w| !is_open(w[0].2) && Fact::ticket_status(w[0].2) != "deleted" && is_open(w[1].2) && recent(w[1].1, 28))
            .count();
        escalated += ticket.priorities.windows(2).filter(|w| w[1].2 >= 3 && w[1].2 > w[0].2 && recent(w[1].1, 28)).count();
        opened += usize::from(recent(ticket.created, 28));
        let reply = ticket.replied.map(|at| ((at - ticket.created) / 1000).max(0)).filter(|_| !deleted);
        let solved_at = ticket.states.iter().rev().take_while(|s| !is_open(s.2)).last().map(|s| s.1);
        let resolution = solved_at.map(|at| ((at - ticket.created) / 1000).max(0)).filter(|_| !deleted);
        if is_open(last) {
            open.push(ticket.created);
            by_priority[ticket.priorities.last().map_or(0, |p| p.2)] += 1;
            unanswered += usize::from(reply.is_none());
        }
        if recent(ticket.created, 90) {
            replies.extend(reply);
            resolutions.extend(resolution);
            let priority = ticket.priorities.last().map_or(0, |p| p.2);
            replies_of[priority].extend(reply);
            resolutions_of[priority].extend(resolution);
            if is_open(last) {
                waits.push((((today * DAY - ticket.created) / 1000).max(0), true));
            } else {
                waits.extend(resolution.map(|s| (s, false)));
            }
        }
    }
    let [none, low, normal, high, urgent] = by_priority;
    let medians = |of: [Vec<i64>; 5]| {
        let [none, low, normal, high, urgent] = of.map(median);
        let known = [none, low, normal, high, urgent].iter().any(Option::is_some);
        known.then(|| json!({"urgent": urgent, "high": high, "normal": normal, "low": low, "none": none}))
    };
    json!({
        "open": open.len(), "urgent_open": urgent,
        "by_priority": {"urgent": urgent, "high": high, "normal": normal, "low": low, "none": none},
        "unanswered": unanswered,
        "oldest_open_s": open.iter().min().map(|at| (now - at).max(0) / 1000),
        "backlog_age_s_median": median(open.clone()).map(|at| (now - at).max(0) / 1000),
        "opened_28d": opened, "reopened_28d": reopened, "escalated_28d": escalated,
        "first_reply_s_median": median(replies), "resolution_s_median": median(resolutions),
        "resolution_s_median_censored": censored(waits),
        "first_reply_s_median_by_priority": medians(replies_of), "resolution_s_median_by_priority": medians(resolutions_of),
    })
}

fn median(mut of: Vec<i64>) -> Option<i64> {
    of.sort_unstable();
    let n = of.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(of[n / 2]),
        _ => Some((of[n / 2 - 1] + of[n / 2]).div_euclid(2)),
    }
}

/// The first moment at which the product-limit estimate is at most a half.
fn censored(times: Vec<(i64, bool)>) -> Option<i64> {
    let ends: BTreeSet<i64> = times.iter().filter(|(_, open)| !open).map(|(at, _)| *at).collect();
    let mut rest = 1.0;
    for at in ends {
        let at_risk = times.iter().filter(|(t, _)| *t >= at).count();
        let ended = times.iter().filter(|(t, open)| *t == at && !open).count();
        rest *= 1.0 - ended as f64 / at_risk as f64;
        if rest <= 0.5 + 1e-9 {
            return Some(at);
        }
    }
    None
}
