//! The order of fields, branches and symbols on the wire: one line for each record, as in its `.avsc`. A property test holds them equal.
use crate::primitive::{Field, Reader, put_long};
use crate::{
    AccountTraits, Alert, AlertAction, AlertCommand, AlertStatus, Answer, Contribution, DeadLetter, Delivery, DeliveryOutcome, Discount,
    Event, Feed, ForeignId, History, HistoryKind, Interval, Invoice, Kind, Link, Move, Payload, Position, Profile, Progress, Rank, Rules,
    Severity, Subscription, SubscriptionItem, Survey, Tick, Ticket, UserTraits,
};

/// A record: its fields one after the other.
macro_rules! record {
    ($name:ident $(<$life:lifetime>)? { $($field:ident),* $(,)? }) => {
        impl<'a> Field<'a> for $name $(<$life>)? {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            #[inline]
            fn get(reader: &mut Reader<'a>) -> Option<Self> {
                // Rust evaluates the fields in the order in which they are written here.
                Some(Self { $($field: Field::get(reader)?),* })
            }
        }
    };
}

/// An enum: the index of its symbol.
macro_rules! symbols {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl<'a> Field<'a> for $name {
            #[inline(always)]
            fn put(&self, out: &mut Vec<u8>) {
                put_long(*self as i64, out);
            }
            #[inline(always)]
            fn get(reader: &mut Reader<'a>) -> Option<Self> {
                const ALL: &[$name] = &[$($name::$variant),*];
                reader.index(ALL.len()).map(|i| ALL[i])
            }
        }
        // What `put` writes is the discriminant: it has to be the index that `get` expects.
        const _: () = {
            let mut index = 0;
            $(assert!($name::$variant as usize == index); index += 1;)*
            let _ = index;
        };
    };
}

symbols!(Kind { Usage, Support, Billing, Survey, Identity });
symbols!(Interval { Day, Week, Month, Year });
symbols!(Survey { Nps, Csat });
symbols!(Rank { Domain, Group, Told });
symbols!(AlertStatus { Open, Updated, Resolved, Retracted });
symbols!(Severity { Info, Warning, Critical });
symbols!(AlertAction { Acknowledge, Snooze, Verdict });
symbols!(DeliveryOutcome { Planned, Delivered, Retry, Dead });
symbols!(HistoryKind { Event, Score, Link, Note });

record!(Event<'a> {
    message_id, tenant, account_id, foreign_ids, user_id, anonymous_id, kind, name, occurred_at, received_at, source, payload, properties,
});
record!(ForeignId<'a> { kind, id });
record!(Subscription<'a> {
    id, status, version, currency, items, discounts, started_at, term_start, term_end, trial_end, cancels_at, ended_at, cancel_reason,
});
record!(SubscriptionItem<'a> { amount_micros, quantity, interval, interval_count, metered, product });
record!(Discount { percent_micros, amount_micros, recurring, ends_at });
record!(Invoice<'a> {
    id, status, version, currency, amount_due, amount_remaining, due_at, attempt_count, attempt_failed, next_attempt_at, subscription_id,
});
record!(Ticket<'a> { id, status, priority, version, created_at, replied_at, subject, requester });
record!(Answer<'a> { id, survey, score, respondent, comment, version });
record!(AccountTraits<'a> { name, owner_name, owner_email, created_at, delivered_at, plan, seats });
record!(UserTraits<'a> { name, email, role });
record!(Link<'a> { kind, id, account_id, rank, at });
record!(Tick { at });
record!(Move { tenant, from_account, to_account, rows });
record!(Rules { tenant, version, at, by, note, text });
record!(Feed { tenant, source, partition, customers, families, silent, at, last_at, usual_ms });
record!(AlertCommand { tenant, account_id, alert_id, action, at, by, reason, until, verdict });
record!(Alert {
    alert_id,
    revision,
    alert_type,
    status,
    severity,
    at,
    notify,
    tenant,
    account_id,
    account_name,
    owner_name,
    owner_email,
    band_before,
    band_after,
    score_before,
    score_after,
    receipt,
    playbook,
    why,
    acknowledged_by,
    snoozed_until,
    verdict,
    actions,
});
record!(Contribution { measure, group, before, after, contribution, events });
record!(Delivery {
    tenant,
    account_id,
    alert_id,
    revision,
    destination,
    kind,
    outcome,
    at,
    attempt,
    status_code,
    error,
    next_attempt_at,
    alert,
});
record!(Profile {
    tenant,
    account_id,
    name,
    provisional,
    owner_name,
    owner_email,
    lifecycle,
    score,
    band,
    mrr,
    currency,
    last_seen_at,
    renews_at,
    as_of,
    view,
});
record!(Progress { machine, partition, positions, now });
record!(Position { topic, next_offset });
record!(DeadLetter { tenant, source, stage, reason, message, at, original, content_type, path });
record!(History { id, tenant, account_id, at, kind, title, detail });

/// How many branches the union has.
const PAYLOADS: usize = 8;

impl<'a> Field<'a> for Payload<'a> {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Payload::None => out.push(0),
            Payload::Subscription(record) => put_branch(1, record, out),
            Payload::Invoice(record) => put_branch(2, record, out),
            Payload::Ticket(record) => put_branch(3, record, out),
            Payload::Answer(record) => put_branch(4, record, out),
            Payload::Account(record) => put_branch(5, record, out),
            Payload::User(record) => put_branch(6, record, out),
            Payload::Link(record) => put_branch(7, record, out),
        }
    }

    #[inline]
    fn get(reader: &mut Reader<'a>) -> Option<Self> {
        match reader.index(PAYLOADS)? {
            0 => Some(Payload::None),
            1 => Field::get(reader).map(Payload::Subscription),
            2 => Field::get(reader).map(Payload::Invoice),
            3 => Field::get(reader).map(Payload::Ticket),
            4 => Field::get(reader).map(Payload::Answer),
            5 => Field::get(reader).map(Payload::Account),
            6 => Field::get(reader).map(Payload::User),
            _ => Field::get(reader).map(Payload::Link),
        }
    }
}

/// A branch of a union.
fn put_branch<'a, T: Field<'a>>(index: i64, value: &T, out: &mut Vec<u8>) {
    put_long(index, out);
    value.put(out);
}
