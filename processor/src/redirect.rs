//! The same event for another account.
use c360_schemas::{Event, Payload, Subscription};

/// `event` as an event of `account_id`; only its small lists are copied.
pub(crate) fn redirect<'b>(event: &'b Event<'_>, account_id: &'b str) -> Event<'b> {
    let payload = match &event.payload {
        Payload::None => Payload::None,
        Payload::Subscription(s) => Payload::Subscription(subscription(s)),
        Payload::Invoice(invoice) => Payload::Invoice(*invoice),
        Payload::Ticket(ticket) => Payload::Ticket(*ticket),
        Payload::Answer(answer) => Payload::Answer(*answer),
        Payload::Account(traits) => Payload::Account(*traits),
        Payload::User(traits) => Payload::User(*traits),
        Payload::Link(link) => Payload::Link(*link),
    };
    Event {
        message_id: event.message_id,
        tenant: event.tenant,
        account_id: Some(account_id),
        foreign_ids: event.foreign_ids.iter().copied().collect(),
        user_id: event.user_id,
        anonymous_id: event.anonymous_id,
        kind: event.kind,
        name: event.name,
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        source: event.source,
        payload,
        properties: event.properties,
    }
}

// The lists of an event hold on to its lifetime, so they are collected anew.
fn subscription<'b>(s: &'b Subscription<'_>) -> Subscription<'b> {
    Subscription {
        id: s.id,
        status: s.status,
        version: s.version,
        currency: s.currency,
        items: s.items.iter().copied().collect(),
        discounts: s.discounts.clone(),
        started_at: s.started_at,
        term_start: s.term_start,
        term_end: s.term_end,
        trial_end: s.trial_end,
        cancels_at: s.cancels_at,
        ended_at: s.ended_at,
        cancel_reason: s.cancel_reason,
    }
}
