//! What comes in: a few customers, their usage, money, tickets and answers, and people who are known by foreign ids before anyone says whose they are.
use c360_schemas::*;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

const DAY: i64 = 86_400_000;
/// Accounts that are always told by their own id: plain sums hold for them.
pub(crate) const PLAIN: [&str; 3] = ["a1", "a2", "a3"];
/// Accounts that links bring foreign ids to.
const LINKED: [&str; 2] = ["l1", "l2"];
const TENANT: &str = "t";

/// An event as it is planned; when it happens is seen when it comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub message_id: String,
    /// How long it was on its way, ms.
    pub late_ms: i64,
    pub what: What,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Usage {
        account: &'static str,
        user: u8,
        feature: u8,
    },
    Anonymous {
        id: u8,
    },
    ByDomain {
        id: u8,
    },
    Subscription {
        account: &'static str,
        version: i64,
        status: &'static str,
    },
    FailedInvoice {
        account: &'static str,
        attempt: i64,
    },
    Paid {
        account: &'static str,
    },
    Ticket {
        account: &'static str,
        id: u8,
        version: i64,
        status: &'static str,
    },
    Answer {
        account: &'static str,
        person: u8,
        score: i32,
    },
    Link {
        id: u8,
        account: &'static str,
    },
    /// Bytes that are no record.
    Garbage {
        account: &'static str,
    },
}

/// A run's events, in the order in which they come in.
pub(crate) fn events(rng: &mut ChaCha8Rng) -> Vec<Planned> {
    let count = rng.random_range(20..140);
    let all: Vec<&'static str> = PLAIN.into_iter().chain(LINKED).collect();
    let mut events: Vec<Planned> = Vec::with_capacity(count);
    for n in 0..count {
        if n > 4 && rng.random_ratio(1, 20) {
            // A sender that is not sure says it again.
            let again = events[rng.random_range(n.saturating_sub(10)..n)].clone();
            events.push(again);
            continue;
        }
        let account = *all.choose(rng).unwrap_or(&"a1");
        let late_ms = if rng.random_ratio(1, 10) { rng.random_range(0..5 * DAY) } else { rng.random_range(0..5_000) };
        events.push(Planned { message_id: format!("m{n}"), late_ms, what: what(rng, account, n as i64) });
    }
    events
}

fn what(rng: &mut ChaCha8Rng, account: &'static str, n: i64) -> What {
    match rng.random_range(0..40) {
        0..20 => What::Usage { account, user: rng.random_range(0..4), feature: rng.random_range(0..3) },
        20..24 => What::Anonymous { id: rng.random_range(0..3) },
        24..26 => What::ByDomain { id: rng.random_range(0..3) },
        26..29 => {
            What::Subscription { account, version: n, status: ["active", "past_due", "canceled", "trialing"][rng.random_range(0..4)] }
        }
        29..32 => What::FailedInvoice { account, attempt: 1 + n },
        32 => What::Paid { account },
        33..36 => {
            What::Ticket { account, id: rng.random_range(0..8), version: n, status: ["new", "open", "solved"][rng.random_range(0..3)] }
        }
        36..38 => What::Answer { account, person: rng.random_range(0..4), score: rng.random_range(0..11) },
        38 => What::Link { id: rng.random_range(0..3), account: LINKED[rng.random_range(0..LINKED.len())] },
        _ => What::Garbage { account },
    }
}

/// A record on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) topic: Topic,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// The plain account that it is usage of, and its message id.
    pub(crate) usage_of: Option<(&'static str, String)>,
}

impl Planned {
    /// The record, as ingest would write it at `now`.
    pub(crate) fn record(&self, now: i64) -> Incoming {
        let at = now - self.late_ms;
        match &self.what {
            What::Usage { account, user, feature } => {
                let (user, name) = (format!("u{user}"), format!("feature {feature}"));
                let incoming = told(account, Event { user_id: Some(&user), name: &name, ..self.event(now) });
                Incoming { usage_of: PLAIN.contains(account).then(|| (*account, self.message_id.clone())), ..incoming }
            }
            What::Anonymous { id } => self.by_foreign_id(now, "device", &format!("d{id}")),
            What::ByDomain { id } => self.by_foreign_id(now, "domain", &format!("d{id}.example")),
            What::Subscription { account, version, status } => {
                self.tell(now, account, Kind::Billing, Payload::Subscription(subscription(*version, status)))
            }
            What::FailedInvoice { account, attempt } => {
                let next_attempt_at = Some(at + DAY);
                let invoice = Invoice { attempt_failed: true, attempt_count: *attempt, next_attempt_at, ..invoice(*attempt, at) };
                self.tell(now, account, Kind::Billing, Payload::Invoice(invoice))
            }
            What::Paid { account } => {
                let invoice = Invoice { status: "paid", amount_remaining: 0, ..invoice(1_000, at) };
                self.tell(now, account, Kind::Billing, Payload::Invoice(invoice))
            }
            What::Ticket { account, id, version, status } => {
                let id = format!("k{id}");
                let ticket = Ticket { id: &id, status, version: *version, created_at: Some(at), ..Default::default() };
                self.tell(now, account, Kind::Support, Payload::Ticket(ticket))
            }
            What::Answer { account, person, score } => {
                let person = format!("p{person}");
                let answer = Answer { id: &person, survey: Survey::Nps, score: *score, respondent: &person, comment: None, version: at };
                self.tell(now, account, Kind::Survey, Payload::Answer(answer))
            }
            What::Link { id, account } => {
                let id = format!("d{id}");
                let link = Link { kind: "device", id: &id, account_id: Some(account), rank: Rank::Told, at };
                let key = Key { tenant: TENANT, id: &format!("device:{id}") }.to_vec();
                encode(Topic::Unresolved, key, &Event { kind: Kind::Identity, payload: Payload::Link(link), ..self.event(now) })
            }
            What::Garbage { account } => {
                let key = Key { tenant: TENANT, id: account }.to_vec();
                Incoming { topic: Topic::Events, key, value: format!("no record: {}", self.message_id).into_bytes(), usage_of: None }
            }
        }
    }

    /// A call of no account yet.
    fn event(&self, now: i64) -> Event<'_> {
        Event {
            message_id: &self.message_id,
            tenant: TENANT,
            account_id: None,
            foreign_ids: Default::default(),
            user_id: None,
            anonymous_id: None,
            kind: Kind::Usage,
            name: "x",
            occurred_at: now - self.late_ms,
            received_at: now,
            source: "api",
            payload: Payload::None,
            properties: "",
        }
    }

    fn tell<'a>(&'a self, now: i64, account: &'a str, kind: Kind, payload: Payload<'a>) -> Incoming {
        told(account, Event { kind, payload, ..self.event(now) })
    }

    fn by_foreign_id<'a>(&'a self, now: i64, kind: &'a str, id: &'a str) -> Incoming {
        let key = Key { tenant: TENANT, id: &format!("{kind}:{id}") }.to_vec();
        let foreign_ids = [ForeignId { kind, id }].into_iter().collect();
        encode(Topic::Unresolved, key, &Event { foreign_ids, anonymous_id: Some(id), ..self.event(now) })
    }
}

/// The event of an account that is told by its own id.
fn told<'a>(account: &'a str, event: Event<'a>) -> Incoming {
    encode(Topic::Events, Key { tenant: TENANT, id: account }.to_vec(), &Event { account_id: Some(account), ..event })
}

fn encode(topic: Topic, key: Vec<u8>, event: &Event<'_>) -> Incoming {
    let mut value = Vec::new();
    event.encode(&mut value);
    Incoming { topic, key, value, usage_of: None }
}

fn subscription(version: i64, status: &str) -> Subscription<'_> {
    let item = SubscriptionItem {
        amount_micros: 120_000 * 1_000_000,
        quantity: 1,
        interval: Interval::Month,
        interval_count: 1,
        ..Default::default()
    };
    Subscription { id: "sub", version, status, currency: "USD", items: [item].into_iter().collect(), ..Default::default() }
}

fn invoice<'a>(version: i64, due_at: i64) -> Invoice<'a> {
    Invoice {
        id: "in",
        status: "open",
        version,
        currency: "USD",
        amount_due: 120_000,
        amount_remaining: 120_000,
        due_at: Some(due_at),
        ..Default::default()
    }
}
