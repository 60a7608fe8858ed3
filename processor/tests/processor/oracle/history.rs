//! Random histories of one customer: out of order, doubled, late and from the future.
use crate::harness::{DAY, HOUR, START, World};
use c360_schemas::*;
use proptest::prelude::*;

pub(crate) const ACCOUNT: &str = "a1";
pub(crate) const USERS: [&str; 5] = ["ann", "bob", "cat", "svc-sync", "dan"];
pub(crate) const FEATURES: [&str; 4] = ["Report Opened", "Report Exported", "Login", "Settings"];
pub(crate) const KEY_ACTION: &str = "Report Exported";
pub(crate) const AUTOMATION: &str = "svc-*";
const ANONYMOUS: [&str; 3] = ["x1", "x2", "x3"];
const PRODUCTS: [Option<&str>; 3] = [None, Some("core"), Some("plus")];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
const STATUSES: [&str; 6] = ["trialing", "active", "active", "past_due", "unpaid", "canceled"];
const REASONS: [Option<&str>; 4] = [None, None, Some("payment_failed"), Some("too_expensive")];
const TICKETS: [&str; 3] = ["t1", "t2", "t3"];
const TICKET_STATUSES: [&str; 6] = ["new", "open", "pending", "solved", "closed", "deleted"];
const PRIORITIES: [Option<&str>; 5] = [None, Some("low"), Some("normal"), Some("high"), Some("urgent")];
const ROLES: [&str; 5] = ["champion", "Decision Maker", "user", "left", "champion"];

/// What is told, in plain data.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    Usage {
        user: Option<usize>,
        anonymous: Option<usize>,
        feature: usize,
    },
    Identify {
        user: usize,
        anonymous: Option<usize>,
        role: Option<usize>,
    },
    Subscription {
        id: usize,
        version: i64,
        status: usize,
        items: Vec<(usize, i64, i64, bool)>,
        percent: Option<(i64, Option<i64>)>,
        currency: usize,
        started: Option<i64>,
        ended: Option<i64>,
        reason: usize,
    },
    Invoice {
        id: usize,
        version: i64,
        paid: bool,
        failed: Option<(i64, bool)>,
        due: i64,
    },
    Ticket {
        id: usize,
        version: i64,
        status: usize,
        priority: usize,
        created: i64,
        replied: bool,
    },
    Answer {
        person: usize,
        survey: bool,
        score: i32,
        version: i64,
    },
}

impl Fact {
    pub(crate) fn user(index: usize) -> &'static str {
        USERS[index]
    }

    pub(crate) fn anonymous(index: usize) -> &'static str {
        ANONYMOUS[index]
    }

    pub(crate) fn product(index: usize) -> Option<&'static str> {
        PRODUCTS[index]
    }

    pub(crate) fn currency(index: usize) -> &'static str {
        CURRENCIES[index]
    }

    pub(crate) fn status(index: usize) -> &'static str {
        STATUSES[index]
    }

    pub(crate) fn reason(index: usize) -> Option<&'static str> {
        REASONS[index]
    }

    pub(crate) fn ticket_status(index: usize) -> &'static str {
        TICKET_STATUSES[index]
    }

    pub(crate) fn priority(index: usize) -> Option<&'static str> {
        PRIORITIES[index]
    }

    pub(crate) fn role(index: usize) -> &'static str {
        ROLES[index]
    }

    pub(crate) fn person(index: usize) -> &'static str {
        USERS[index]
    }
}

/// A fact arrives.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: usize,
    /// When it arrives.
    pub(crate) now: i64,
    pub(crate) occurred_at: i64,
    pub(crate) fact: Fact,
}

fn fact() -> impl Strategy<Value = Fact> {
    let item = (0..3_usize, 1..40_i64, 1..4_i64, any::<bool>());
    let percent = prop::option::weighted(0.4, (1..100_i64, prop::option::of(0..60 * DAY)));
    let money = (0..2_usize, prop::collection::vec(item, 0..3), percent, 0..2_usize);
    let times = (prop::option::of(-20 * DAY..0), prop::option::of(-3 * DAY..2 * DAY), 0..4_usize);
    prop_oneof![
        6 => (prop::option::weighted(0.8, 0..5_usize), prop::option::weighted(0.3, 0..3_usize), 0..4_usize).prop_map(|(user, anonymous, feature)| Fact::Usage { user, anonymous, feature }),
        1 => (0..5_usize, prop::option::of(0..3_usize), prop::option::of(0..5_usize)).prop_map(|(user, anonymous, role)| Fact::Identify { user, anonymous, role }),
        3 => (money, 0..12_i64, 0..6_usize, times).prop_map(|((id, items, percent, currency), version, status, (started, ended, reason))| Fact::Subscription { id, version, status, items, percent, currency, started, ended, reason }),
        1 => (0..2_usize, 0..8_i64, any::<bool>(), prop::option::of((1..4_i64, any::<bool>())), -10 * DAY..5 * DAY).prop_map(|(id, version, paid, failed, due)| Fact::Invoice { id, version, paid, failed: failed.filter(|_| !paid), due }),
        2 => (0..3_usize, 0..10_i64, 0..6_usize, 0..5_usize, 0..4 * DAY, any::<bool>()).prop_map(|(id, version, status, priority, created, replied)| Fact::Ticket { id, version, status, priority, created, replied }),
        1 => (0..5_usize, any::<bool>(), 0..11, 0..3_i64).prop_map(|(person, survey, score, version)| Fact::Answer { person, survey, score, version }),
    ]
}

/// Facts as they arrive, and when the customer is looked at.
pub(crate) fn histories() -> impl Strategy<Value = (Vec<Sent>, i64)> {
    let one = (0..2 * DAY, prop_oneof![3 => Just(0), 2 => -20 * DAY..0, 1 => 0..3 * DAY], fact(), prop::option::weighted(0.2, 0..4_usize));
    (prop::collection::vec(one, 1..60), 0..40 * DAY).prop_map(|(told, wait)| {
        let (mut now, mut sent) = (START, Vec::<Sent>::new());
        for (id, (gap, late, fact, again)) in told.into_iter().enumerate() {
            // Whole seconds, as many sources count; a gap of the night every now and then.
            now += (gap % (9 * HOUR)) / 1000 * 1000 * if id % 5 == 0 { 3 } else { 1 };
            sent.push(Sent { id, now, occurred_at: now + late, fact });
            if let Some(back) = again
                && let Some(before) = sent.iter().rev().nth(back).cloned()
            {
                // The same event comes once more.
                sent.push(Sent { now, ..before });
            }
        }
        (sent, now + wait)
    })
}

/// Sends it as ingest would.
pub(crate) fn send(world: &mut World, sent: &Sent) {
    world.now = sent.now;
    let text = |text: String| -> &'static str { text.leak() };
    let at = sent.occurred_at;
    let (kind, name, user, anonymous, payload) = match &sent.fact {
        Fact::Usage { user, anonymous, feature } => (Kind::Usage, FEATURES[*feature], *user, *anonymous, Payload::None),
        Fact::Identify { user, anonymous, role } => {
            let traits = UserTraits { name: None, email: None, role: role.map(Fact::role) };
            (Kind::Identity, "identify", Some(*user), *anonymous, Payload::User(traits))
        }
        Fact::Subscription { id, version, status, items, percent, currency, started, ended, reason } => {
            let item = |(product, amount, quantity, yearly): &(usize, i64, i64, bool)| SubscriptionItem {
                amount_micros: amount * 1_000_000_000,
                quantity: *quantity,
                interval: if *yearly { Interval::Year } else { Interval::Month },
                interval_count: 1,
                metered: false,
                product: Fact::product(*product),
            };
            let discount = |(percent, ends): (i64, Option<i64>)| Discount {
                percent_micros: Some(percent * 1_000_000),
                recurring: true,
                ends_at: ends.map(|ends| START + ends),
                ..Discount::default()
            };
            let subscription = Subscription {
                id: text(format!("s{id}")),
                version: version * 1_000 + sent.id as i64,
                status: Fact::status(*status),
                currency: Fact::currency(*currency),
                items: items.iter().map(item).collect(),
                discounts: percent.map(discount).into_iter().collect(),
                started_at: started.map(|started| START + started),
                ended_at: ended.filter(|_| Fact::status(*status) == "canceled").map(|ended| at + ended),
                cancel_reason: Fact::reason(*reason),
                ..Subscription::default()
            };
            (Kind::Billing, "subscription", None, None, Payload::Subscription(subscription))
        }
        Fact::Invoice { id, version, paid, failed, due } => {
            let invoice = Invoice {
                id: text(format!("i{id}")),
                status: if *paid { "paid" } else { "open" },
                version: version * 1_000 + sent.id as i64,
                currency: "USD",
                amount_due: 100,
                amount_remaining: if *paid { 0 } else { 100 },
                due_at: Some(START + due),
                attempt_count: failed.map_or(0, |(tries, _)| tries),
                attempt_failed: failed.is_some(),
                next_attempt_at: failed.filter(|(_, last)| !last).map(|_| at + DAY),
                subscription_id: None,
            };
            (Kind::Billing, "invoice", None, None, Payload::Invoice(invoice))
        }
        Fact::Ticket { id, version, status, priority, created, replied } => {
            let ticket = Ticket {
                id: TICKETS[*id],
                status: Fact::ticket_status(*status),
                priority: Fact::priority(*priority),
                version: version * 1_000 + sent.id as i64,
                created_at: Some(START + created),
                replied_at: replied.then_some(at),
                subject: None,
                requester: None,
            };
            (Kind::Support, "ticket", None, None, Payload::Ticket(ticket))
        }
        Fact::Answer { person, survey, score, version } => {
            let survey_kind = if *survey { Survey::Nps } else { Survey::Csat };
            let answer = Answer {
                id: text(format!("{}-{}", sent.id, Fact::person(*person))),
                survey: survey_kind,
                score: *score,
                respondent: Fact::person(*person),
                comment: Some(text(format!("c{}", sent.id))),
                version: version * 1_000 + sent.id as i64,
            };
            (Kind::Survey, "answer", None, None, Payload::Answer(answer))
        }
    };
    world.send(&Event {
        message_id: text(format!("m{}", sent.id)),
        tenant: "t",
        account_id: Some(ACCOUNT),
        foreign_ids: Default::default(),
        user_id: user.map(Fact::user),
        anonymous_id: anonymous.map(Fact::anonymous),
        kind,
        name,
        occurred_at: at,
        received_at: sent.now,
        source: "api",
        payload,
        properties: "",
    });
}
