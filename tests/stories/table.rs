//! One story for each rule: what is said on which day, and what is heard of it.
use crate::told::Told::{self, Action, Invoice, LateUse, Nps, Role, Said, Seats, Subscription, Term, Ticket};

use std::ops::Range;

pub(crate) const LAST_DAY: i64 = 96;
/// The overrides of `health.toml` that are applied on day 1.
pub(crate) const OVERRIDES: &str = r#"
[[overrides]]
account = "vouched"
band = "green"
owner = "kim@example.com"
reason = "They pay by cheque, and it is in the mail"
expires = 2026-02-15

[[overrides]]
account = "doubted"
band = "yellow"
owner = "kim@example.com"
reason = "Their new CFO looks at every contract"
expires = 2026-02-15
"#;

pub(crate) struct Story {
    pub(crate) account: &'static str,
    /// Days without use.
    pub(crate) away: Range<i64>,
    /// Days with half of the use.
    pub(crate) fewer: Range<i64>,
    pub(crate) told: Vec<(i64, Told)>,
    /// Day, type and status of each message.
    pub(crate) heard: Vec<(i64, &'static str, &'static str)>,
}

fn story(account: &'static str, told: Vec<(i64, Told)>, heard: Vec<(i64, &'static str, &'static str)>) -> Story {
    Story { account, away: 0..0, fewer: 0..0, told, heard }
}

fn failed(due: i64, attempts: i64) -> Told {
    Invoice { due, attempts, last: false, paid: false }
}

fn unpaid(due: i64) -> Told {
    Invoice { due, attempts: 0, last: false, paid: false }
}

fn paid(due: i64) -> Told {
    Invoice { due, attempts: 0, last: false, paid: true }
}

fn ticket(number: i64, status: &'static str, priority: &'static str) -> Told {
    Ticket { number, status, priority }
}

pub(crate) fn stories() -> Vec<Story> {
    let health = "health.changed";
    vec![
        // Weekends are no silence, and neither is one from Friday to Tuesday.
        Story { away: 67..72, ..story("well", vec![], vec![]) },
        // Past due for more than 15 days caps the score, but it must hold for three days.
        story("dips", vec![(20, unpaid(20)), (38, paid(20))], vec![]),
        story("overdue", vec![(20, unpaid(20)), (45, paid(20))], vec![(39, health, "open"), (52, health, "resolved")]),
        // Half of the use is a fact of its own. It is back on Monday, day 84: on day 87 four fifths of a week are there, and a week later it is over.
        Story { fewer: 60..82, ..story("halves", vec![], vec![(68, "usage.dropped", "open"), (94, "usage.dropped", "resolved")]) },
        // Silence turns health yellow, then red; the way back is told once.
        Story { away: 60..86, ..story("stops", vec![], vec![(68, health, "open"), (72, health, "updated"), (94, health, "resolved")]) },
        // What a phone had kept for itself comes after the alert, and nothing had happened.
        Story { away: 60..69, ..story("offline", vec![(69, LateUse(60..=68))], vec![(68, health, "open"), (69, health, "retracted")]) },
        story(
            "snoozed",
            vec![
                (22, failed(22, 1)),
                (23, Said { of: "billing.payment_failed", action: "snooze", until: 30 }),
                (25, failed(22, 2)),
                (33, paid(22)),
            ],
            vec![
                (22, "billing.payment_failed", "open"),
                (30, "billing.payment_failed", "updated"),
                (33, "billing.payment_failed", "resolved"),
            ],
        ),
        // Nothing more for the same reason; a new fact is told.
        story(
            "acknowledged",
            vec![
                (15, Role("ann", "champion")),
                (22, Invoice { due: 22, attempts: 1, last: true, paid: false }),
                (23, Said { of: health, action: "acknowledge", until: 0 }),
                (23, Said { of: health, action: "verdict", until: 0 }),
                (25, Invoice { due: 22, attempts: 2, last: true, paid: false }),
                (28, Role("ann", "left")),
                (36, paid(22)),
            ],
            vec![(22, health, "open"), (28, health, "updated"), (43, health, "resolved")],
        ),
        story(
            "leaves",
            vec![
                (22, Subscription { id: "sub", dollars: 500, status: "active", ends: Some(50) }),
                (50, Subscription { id: "sub", dollars: 500, status: "canceled", ends: Some(50) }),
            ],
            vec![(22, health, "open"), (50, health, "updated")],
        ),
        // The lesser part of what it pays goes, and then stays after all.
        story(
            "trims",
            vec![
                (2, Subscription { id: "addon", dollars: 50, status: "active", ends: None }),
                (22, Subscription { id: "addon", dollars: 50, status: "active", ends: Some(80) }),
                (29, Subscription { id: "addon", dollars: 50, status: "active", ends: None }),
            ],
            vec![(22, "billing.cancellation_scheduled", "open"), (29, "billing.cancellation_scheduled", "resolved")],
        ),
        story(
            "unhappy",
            vec![(22, Nps("ann", 2)), (30, Nps("ann", 9))],
            vec![(22, "survey.detractor", "open"), (30, "survey.detractor", "resolved")],
        ),
        story(
            "piles",
            (1..=5).map(|n| (22, ticket(n, "OPEN", "NORMAL"))).chain((1..=3).map(|n| (24, ticket(n, "SOLVED", "NORMAL")))).collect(),
            vec![(22, "support.backlog", "open"), (24, "support.backlog", "resolved")],
        ),
        story(
            "escalates",
            vec![(22, ticket(1, "OPEN", "NORMAL")), (23, ticket(1, "OPEN", "URGENT")), (25, ticket(1, "SOLVED", "URGENT"))],
            vec![(23, "support.backlog", "open"), (25, "support.backlog", "resolved")],
        ),
        story(
            "champion",
            vec![(15, Role("ann", "champion")), (22, Role("ann", "left")), (30, Role("bob", "champion"))],
            vec![(22, "people.champion_gone", "open"), (30, "people.champion_gone", "resolved")],
        ),
        story(
            "stalled",
            vec![(15, Seats(20)), (30, Seats(5))],
            vec![(21, "adoption.stalled", "open"), (37, "adoption.stalled", "resolved")],
        ),
        // Good news ends without a word, and what was offered is not proposed again for a month.
        story(
            "full",
            vec![(22, Seats(3)), (25, Action("Offer more seats", "done")), (90, Seats(10))],
            vec![(22, "expansion.ready", "open")],
        ),
        story("fans", vec![(22, Nps("ann", 9)), (23, Nps("bob", 10))], vec![(23, "advocate.found", "open")]),
        // Somebody answers for the band until a day: nothing is told before, and after it all must hold for three days.
        story("vouched", vec![(20, unpaid(20)), (60, paid(20))], vec![(45, health, "open"), (67, health, "resolved")]),
        // The renewal comes near, 90 days before the end, on a customer who is not well by somebody's word; that word is over on day 42, and green must hold for three days.
        story("doubted", vec![(2, Term(112))], vec![(22, "renewal.at_risk", "open"), (45, "renewal.at_risk", "resolved")]),
    ]
}
