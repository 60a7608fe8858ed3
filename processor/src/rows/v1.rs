//! Rows as version 1 had them, to be read once and written as they are now.
use super::v2::Health;
use super::{Feature, Identity, MrrPoint, Newest, TicketStep, UnpaidInvoice};
use super::{Priority, PriorityStep, SubscriptionLine};
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Traits {
    name: Newest<String>,
    owner_name: Newest<String>,
    owner_email: Newest<String>,
    plan: Newest<String>,
    seats: Newest<i64>,
    created_at: Newest<i64>,
    delivered_at: Newest<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Day {
    day: i32,
    events: u32,
    users: u32,
    last: u32,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Usage {
    days: Vec<Day>,
    today: i32,
    sums: [u64; 4],
    first_at: Option<i64>,
    last_at: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Billing {
    subscriptions: Vec<SubscriptionLine>,
    unpaid: Vec<UnpaidInvoice>,
    invoices_known: bool,
    first_paid_start: Option<i64>,
    mrr_points: Vec<MrrPoint>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Support {
    known: bool,
    open: u32,
    urgent_open: u32,
    oldest_open_at: Option<i64>,
    opened_28d: u32,
    reopened_28d: u32,
    first_reply_s_median: Option<i64>,
    resolution_s_median: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Surveys {
    promoters: u32,
    passives: u32,
    detractors: u32,
    nps_newest_at: Option<i64>,
    csat_answers: u32,
    csat_good: u32,
    csat_newest_at: Option<i64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Hot {
    traits: Traits,
    first_event_at: Option<i64>,
    usage: Usage,
    features: Vec<Feature>,
    billing: Billing,
    support: Support,
    surveys: Surveys,
    health: Health,
    identities: Vec<Identity>,
    timer: Option<i64>,
}

impl From<Hot> for super::Hot {
    fn from(old: Hot) -> Self {
        let (usage, billing, support, surveys) = (old.usage, old.billing, old.support, old.surveys);
        let Traits { name, owner_name, owner_email, plan, seats, created_at, delivered_at } = old.traits;
        let day = |d: Day| super::usage::Day { day: d.day, events: d.events, users: d.users, last: d.last, ..Default::default() };
        Self {
            traits: super::hot::Traits { name, owner_name, owner_email, plan, seats, created_at, delivered_at },
            first_event_at: old.first_event_at,
            usage: super::Usage::of_version_1(
                usage.days.into_iter().map(day).collect(),
                usage.today,
                usage.sums,
                usage.first_at,
                usage.last_at,
            ),
            features: old.features,
            billing: super::Billing {
                subscriptions: billing.subscriptions,
                unpaid: billing.unpaid,
                invoices_known: billing.invoices_known,
                first_paid_start: billing.first_paid_start,
                mrr_points: billing.mrr_points,
                ..Default::default()
            },
            support: super::Support {
                known: support.known,
                open: support.open,
                oldest_open_at: support.oldest_open_at,
                opened_28d: support.opened_28d,
                reopened_28d: support.reopened_28d,
                first_reply_s_median: support.first_reply_s_median,
                resolution_s_median: support.resolution_s_median,
                // The rest is taken from the book at the day's end, or with the next ticket.
                open_by_priority: [support.open.saturating_sub(support.urgent_open), 0, 0, 0, support.urgent_open],
                ..Default::default()
            },
            surveys: super::Surveys {
                promoters: surveys.promoters,
                passives: surveys.passives,
                detractors: surveys.detractors,
                nps_newest_at: surveys.nps_newest_at,
                csat_answers: surveys.csat_answers,
                csat_good: surveys.csat_good,
                csat_newest_at: surveys.csat_newest_at,
                ..Default::default()
            },
            health: old.health.into(),
            identities: old.identities,
            timer: old.timer,
            ..Default::default()
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct TicketRow {
    created_at: Option<i64>,
    first_seen_at: Option<i64>,
    first_reply_at: Option<i64>,
    steps: Vec<TicketStep>,
    priority_version: Option<i64>,
    urgent: bool,
}

impl From<TicketRow> for super::TicketRow {
    fn from(old: TicketRow) -> Self {
        let at = old.created_at.or(old.first_seen_at).unwrap_or(0);
        let priority = if old.urgent { Priority::Urgent } else { Priority::None };
        Self {
            created_at: old.created_at,
            first_seen_at: old.first_seen_at,
            first_reply_at: old.first_reply_at,
            steps: old.steps,
            priorities: old.priority_version.map(|version| PriorityStep { version, at, priority }).into_iter().collect(),
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct TicketLine {
    id: u64,
    created_at: i64,
    open: bool,
    urgent: bool,
    first_reply_s: Option<i64>,
    resolution_s: Option<i64>,
    reopened_days: Vec<i32>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct TicketBook {
    tickets: Vec<TicketLine>,
}

impl From<TicketBook> for super::TicketBook {
    fn from(old: TicketBook) -> Self {
        let line = |l: TicketLine| super::TicketLine {
            id: l.id,
            created_at: l.created_at,
            open: l.open,
            priority: if l.urgent { Priority::Urgent } else { Priority::None },
            first_reply_s: l.first_reply_s,
            resolution_s: l.resolution_s,
            reopened_days: l.reopened_days,
            escalated_days: Vec::new(),
        };
        Self { tickets: old.tickets.into_iter().map(line).collect() }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct InvoiceRow {
    version: i64,
    settled: u8,
    remaining: i64,
    due_at: Option<i64>,
    currency: String,
    failures_told: u32,
    tries: u32,
    failed_version: Option<i64>,
    failed_last: bool,
}

impl From<InvoiceRow> for super::InvoiceRow {
    fn from(old: InvoiceRow) -> Self {
        Self {
            version: old.version,
            settled: old.settled,
            remaining: old.remaining,
            due_at: old.due_at,
            currency: old.currency,
            failures_told: old.failures_told,
            tries: old.tries,
            failed_version: old.failed_version,
            failed_last: old.failed_last,
            paid_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{self, Row};

    /// What version 1 wrote, read and written again.
    fn migrated<R: Row>(old: &impl Serialize) -> R {
        let bytes = postcard::to_extend(old, vec![1]).unwrap();
        let row: R = rows::decode(&bytes).unwrap();
        let again = rows::encode(&row).unwrap();
        assert_eq!(again[0], R::VERSION);
        rows::decode(&again).unwrap()
    }

    #[test]
    fn a_customer_of_version_1_keeps_all_that_was_known() {
        let day = |day, events| Day { day, events, users: 2, last: 1 };
        let mut name = Newest::default();
        name.tell(5, Some("Acme".to_owned()));
        let nobody = Newest::default;
        let old = Hot {
            traits: Traits {
                name,
                owner_name: nobody(),
                owner_email: nobody(),
                plan: nobody(),
                seats: Newest::default(),
                created_at: Newest::default(),
                delivered_at: Newest::default(),
            },
            first_event_at: Some(7),
            usage: Usage {
                days: vec![day(19_990, 3), day(20_000, 4)],
                today: 20_000,
                sums: [4, 4, 7, 7],
                first_at: Some(1),
                last_at: Some(9),
            },
            features: Vec::new(),
            billing: Billing {
                subscriptions: Vec::new(),
                unpaid: Vec::new(),
                invoices_known: true,
                first_paid_start: Some(3),
                mrr_points: vec![MrrPoint { day: 19_990, mrr: 100 }],
            },
            support: Support {
                known: true,
                open: 3,
                urgent_open: 1,
                oldest_open_at: Some(2),
                opened_28d: 4,
                reopened_28d: 5,
                first_reply_s_median: Some(6),
                resolution_s_median: Some(7),
            },
            surveys: Surveys {
                promoters: 1,
                passives: 2,
                detractors: 3,
                nps_newest_at: Some(4),
                csat_answers: 5,
                csat_good: 4,
                csat_newest_at: Some(6),
            },
            health: Health::default(),
            identities: vec![Identity { kind: "user".into(), id: "u".into(), source: "told".into(), at: 1 }],
            timer: Some(11),
        };
        let hot: rows::Hot = migrated(&old);
        assert_eq!((hot.traits.name.get().unwrap().as_str(), hot.timer, hot.first_event_at), ("Acme", Some(11), Some(7)));
        assert_eq!((hot.usage.sums, hot.usage.days.len(), hot.usage.active_users(28)), ([4, 4, 7, 7], 2, 2));
        assert_eq!(hot.usage.months.iter().map(|(_, events)| events).sum::<u64>(), 7);
        assert_eq!((hot.billing.first_paid_start, hot.billing.mrr_points.len(), hot.billing.movements.len()), (Some(3), 1, 0));
        assert_eq!((hot.support.open, hot.support.open_by_priority, hot.support.resolution_s_median), (3, [2, 0, 0, 0, 1], Some(7)));
        assert_eq!((hot.surveys.detractors, hot.surveys.csat_good, hot.identities.len()), (3, 4, 1));
    }

    #[test]
    fn tickets_and_invoices_of_version_1_are_read() {
        let steps = vec![TicketStep { version: 1, at: 2, status: rows::TicketStatus::Open }];
        let old = TicketRow {
            created_at: Some(1),
            first_seen_at: Some(2),
            first_reply_at: None,
            steps: steps.clone(),
            priority_version: Some(1),
            urgent: true,
        };
        let row: rows::TicketRow = migrated(&old);
        assert_eq!((row.steps, row.priorities), (steps, vec![PriorityStep { version: 1, at: 1, priority: Priority::Urgent }]));
        let line =
            TicketLine { id: 1, created_at: 2, open: true, urgent: true, first_reply_s: None, resolution_s: None, reopened_days: vec![3] };
        let book: rows::TicketBook = migrated(&TicketBook { tickets: vec![line] });
        assert_eq!((book.tickets[0].priority, book.tickets[0].reopened_days.as_slice()), (Priority::Urgent, [3].as_slice()));
        let old = InvoiceRow {
            version: 1,
            settled: 1,
            remaining: 100,
            due_at: Some(2),
            currency: "USD".into(),
            failures_told: 3,
            tries: 4,
            failed_version: Some(1),
            failed_last: true,
        };
        let row: rows::InvoiceRow = migrated(&old);
        assert_eq!((row.remaining, row.tries, row.failed_last, row.paid_at), (100, 4, true, None));
    }

    #[test]
    fn a_row_of_a_version_to_come_is_refused_with_what_to_do() {
        let error = rows::decode::<rows::Hot>(&[9, 0, 0]).unwrap_err().to_string();
        assert!(error.contains("version 9") && error.contains("run the one that wrote it"), "{error}");
    }
}
