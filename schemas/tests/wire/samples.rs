//! One plain record of each kind, as it could stand in a log. The golden bytes are theirs: never change one, add another.
use c360_schemas::{
    AccountTraits, Alert, AlertAction, AlertCommand, AlertStatus, Answer, Contribution, DeadLetter, Delivery, DeliveryOutcome, Discount,
    Event, Feed, ForeignId, History, HistoryKind, Interval, Invoice, Kind, Link, Move, Payload, Position, Profile, Progress, Rank, Rules,
    Severity, Subscription, SubscriptionItem, Survey, Ticket, UserTraits,
};
use smallvec::smallvec;

const AT: i64 = 1_767_225_600_000;

fn billing(name: &'static str, payload: Payload<'static>) -> Event<'static> {
    Event {
        message_id: "evt_1",
        tenant: "default",
        account_id: None,
        foreign_ids: smallvec![ForeignId { kind: "stripe_customer", id: "cus_1" }, ForeignId { kind: "email_domain", id: "acme.test" }],
        user_id: None,
        anonymous_id: None,
        kind: Kind::Billing,
        name,
        occurred_at: AT,
        received_at: AT + 1,
        source: "stripe",
        payload,
        properties: "",
    }
}

fn known(kind: Kind, name: &'static str, payload: Payload<'static>) -> Event<'static> {
    Event { account_id: Some("a1"), foreign_ids: smallvec![], kind, source: "api", ..billing(name, payload) }
}

/// Events of every payload, by the names of their golden files.
pub(crate) fn events() -> Vec<(&'static str, Event<'static>)> {
    vec![
        (
            "event_usage",
            Event {
                user_id: Some("u-ü"),
                anonymous_id: Some("anon"),
                properties: r#"{"plan":"日本"}"#,
                ..known(Kind::Usage, "Report Viewed", Payload::None)
            },
        ),
        ("event_subscription", billing("customer.subscription.updated", Payload::Subscription(subscription()))),
        (
            "event_invoice",
            billing(
                "invoice.payment_failed",
                Payload::Invoice(Invoice {
                    id: "in_1",
                    status: "open",
                    version: 7,
                    currency: "EUR",
                    amount_due: 12_000,
                    amount_remaining: 11_999,
                    due_at: Some(AT - 1),
                    attempt_count: 3,
                    attempt_failed: true,
                    next_attempt_at: None,
                    subscription_id: Some("sub_1"),
                }),
            ),
        ),
        (
            "event_ticket",
            known(
                Kind::Support,
                "ticket.updated",
                Payload::Ticket(Ticket {
                    id: "42",
                    status: "open",
                    priority: Some("urgent"),
                    version: AT,
                    created_at: Some(AT - 5),
                    replied_at: None,
                    subject: Some("it is slow"),
                    requester: Some("ann@acme.test"),
                }),
            ),
        ),
        (
            "event_answer",
            known(
                Kind::Survey,
                "nps.answered",
                Payload::Answer(Answer {
                    id: "ans_1",
                    survey: Survey::Csat,
                    score: 4,
                    respondent: "ann@acme.test",
                    comment: Some("fine"),
                    version: 1,
                }),
            ),
        ),
        (
            "event_account",
            known(
                Kind::Identity,
                "group",
                Payload::Account(AccountTraits {
                    name: Some("Acme"),
                    owner_name: Some("Bo"),
                    owner_email: None,
                    created_at: Some(-1),
                    delivered_at: None,
                    plan: Some("pro"),
                    seats: Some(25),
                }),
            ),
        ),
        (
            "event_user",
            known(Kind::Identity, "identify", Payload::User(UserTraits { name: Some("Ann"), email: Some("ann@acme.test"), role: None })),
        ),
        (
            "event_link",
            known(
                Kind::Identity,
                "link",
                Payload::Link(Link { kind: "stripe_customer", id: "cus_1", account_id: Some("a1"), rank: Rank::Told, at: AT }),
            ),
        ),
    ]
}

fn subscription() -> Subscription<'static> {
    Subscription {
        id: "sub_1",
        status: "active",
        version: 1,
        currency: "USD",
        items: smallvec![SubscriptionItem {
            amount_micros: 4_900_000_000,
            quantity: 3,
            interval: Interval::Year,
            interval_count: 1,
            metered: false,
            product: Some("prod_1"),
        }],
        discounts: smallvec![Discount { percent_micros: Some(10_000_000), amount_micros: None, recurring: true, ends_at: Some(AT) }],
        started_at: Some(AT - 2),
        term_start: Some(AT - 1),
        term_end: Some(AT + 1),
        trial_end: None,
        cancels_at: Some(AT + 2),
        ended_at: None,
        cancel_reason: Some("too dear"),
    }
}

pub(crate) fn moved() -> Move {
    Move { tenant: "default".into(), from_account: "~stripe_customer:cus_1".into(), to_account: "a1".into(), rows: vec![1, 0, 255] }
}

pub(crate) fn command() -> AlertCommand {
    AlertCommand {
        tenant: "default".into(),
        account_id: "a1".into(),
        alert_id: "al_1".into(),
        action: AlertAction::Snooze,
        at: AT,
        by: Some("bo".into()),
        reason: None,
        until: Some(AT + 86_400_000),
        verdict: None,
    }
}

pub(crate) fn alert() -> Alert {
    Alert {
        alert_id: "al_1".into(),
        revision: 2,
        alert_type: "health.changed".into(),
        status: AlertStatus::Updated,
        severity: Severity::Critical,
        at: AT,
        notify: true,
        tenant: "default".into(),
        account_id: "a1".into(),
        account_name: Some("Acme".into()),
        owner_name: None,
        owner_email: Some("bo@c360.test".into()),
        band_before: Some("green".into()),
        band_after: Some("red".into()),
        score_before: Some(72),
        score_after: Some(41),
        receipt: vec![Contribution {
            measure: "past_due".into(),
            group: "billing".into(),
            before: Some(100),
            after: Some(0),
            contribution: -31,
            events: vec!["evt_1".into(), "evt_2".into()],
        }],
        playbook: Some("call the payer".into()),
        why: Some("an invoice is 9 days past due".into()),
        acknowledged_by: None,
        snoozed_until: Some(AT + 1),
        verdict: Some("useful".into()),
        actions: vec!["call the payer".into(), "hold their hand".into()],
    }
}

pub(crate) fn feed() -> Feed {
    Feed {
        tenant: "default".into(),
        source: "stripe-eu".into(),
        partition: 3,
        customers: 17,
        families: vec!["billing".into()],
        silent: true,
        at: AT,
        last_at: AT - 90_000_000,
        usual_ms: 40_000_000,
    }
}

pub(crate) fn rules() -> Rules {
    Rules {
        tenant: "default".into(),
        version: 3,
        at: AT,
        by: "bo".into(),
        note: Some("less usage".into()),
        text: "name = \"ours\"\n".into(),
    }
}

pub(crate) fn delivery() -> Delivery {
    Delivery {
        tenant: "default".into(),
        account_id: "a1".into(),
        alert_id: "al_1".into(),
        revision: 1,
        destination: "slack".into(),
        kind: "slack".into(),
        outcome: DeliveryOutcome::Retry,
        at: AT,
        attempt: 2,
        status_code: Some(429),
        error: Some("too many requests".into()),
        next_attempt_at: Some(AT + 9_000),
        alert: Some(vec![0, 0, 0, 0, 5]),
    }
}

pub(crate) fn profile() -> Profile {
    Profile {
        tenant: "default".into(),
        account_id: "a1".into(),
        name: Some("Acme".into()),
        provisional: false,
        owner_name: None,
        owner_email: None,
        lifecycle: "steady".into(),
        score: Some(72),
        band: "green".into(),
        mrr: Some(120_000),
        currency: Some("USD".into()),
        last_seen_at: Some(AT - 60_000),
        renews_at: None,
        as_of: AT,
        view: r#"{"account_id":"a1"}"#.into(),
    }
}

pub(crate) fn progress() -> Progress {
    Progress { machine: "aggregate".into(), partition: 3, positions: vec![Position { topic: "events".into(), next_offset: 1234 }], now: AT }
}

pub(crate) fn dead_letter() -> DeadLetter {
    DeadLetter {
        tenant: Some("default".into()),
        source: "stripe".into(),
        stage: "ingest".into(),
        reason: "malformed".into(),
        message: "the body is not json".into(),
        at: AT,
        original: b"{\xff".to_vec(),
        content_type: Some("application/json".into()),
        path: Some("/hooks/stripe/stripe".into()),
    }
}

pub(crate) fn history() -> History {
    History {
        id: "h1".into(),
        tenant: "default".into(),
        account_id: "a1".into(),
        at: AT,
        kind: HistoryKind::Score,
        title: "72 to 41".into(),
        detail: r#"{"score":41}"#.into(),
    }
}
