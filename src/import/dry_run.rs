//! A dry run: the first rows as they would be taken, and each refused row with line and reason.
use super::prepare::{Preparer, Ready};
use crate::table;
use c360_ingest::rows::money_text;
use c360_schemas::{AccountTraits, Event, Payload, Subscription, Survey};
use comfy_table::Table;

/// Rows that are shown as they would be taken.
const TAKEN_SHOWN: usize = 10;
/// Refused rows that are shown.
const REFUSED_SHOWN: usize = 50;

/// What a dry run found.
pub(crate) struct Found {
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    /// For the terminal.
    pub(crate) text: String,
}

/// Goes through all rows, and sends none.
///
/// # Errors
/// Where the file cannot be read on.
pub(crate) fn run(mut preparer: Preparer) -> anyhow::Result<Found> {
    let mut taken = table::of(["line", "when", "customer", "what", "details"]);
    let mut refused = table::of(["line", "reason", "message"]);
    let mut found = Found { taken: 0, refused: 0, text: String::new() };
    while let Some(row) = preparer.next()? {
        match row {
            Ok(ready) => {
                if found.taken < TAKEN_SHOWN as u64 {
                    show(&ready, &mut taken);
                }
                found.taken += 1;
            }
            Err((raw, why)) => {
                if found.refused < REFUSED_SHOWN as u64 {
                    refused.add_row([raw.line.to_string(), why.reason, why.message]);
                }
                found.refused += 1;
            }
        }
    }
    if found.taken > 0 {
        found.text.push_str(&format!("the first rows, as they would be taken:\n{}\n", table::text(&taken)));
    }
    if found.refused > 0 {
        found.text.push_str(&format!("refused:\n{}\n", table::text(&refused)));
        if found.refused > REFUSED_SHOWN as u64 {
            found.text.push_str(&format!("  and {} more\n", found.refused - REFUSED_SHOWN as u64));
        }
    }
    Ok(found)
}

fn show(ready: &Ready, rows: &mut Table) {
    for entry in ready.events.entries() {
        let Ok(event) = Event::decode(ready.events.value(entry)) else { continue };
        let (what, details) = tell(&event);
        rows.add_row([ready.raw.line.to_string(), time(event.occurred_at), customer(&event), what, details]);
    }
}

fn customer(event: &Event<'_>) -> String {
    match (event.account_id, event.foreign_ids.first()) {
        (Some(account), _) => account.to_owned(),
        (None, Some(foreign)) => format!("{}:{}", foreign.kind, foreign.id),
        (None, None) => String::new(),
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

fn date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// What an event is, and what it says.
fn tell(event: &Event<'_>) -> (String, String) {
    let said = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    let named = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let (what, details) = match &event.payload {
        Payload::None => ("usage", said(&[Some(event.name.to_owned()), named("by", event.user_id.or(event.anonymous_id))])),
        Payload::Account(traits) => ("account", account(traits)),
        Payload::User(user) => ("user", said(&[event.user_id.map(str::to_owned), named("name", user.name), named("role", user.role)])),
        Payload::Subscription(s) => (event.name, subscription(s)),
        Payload::Ticket(t) => {
            let opened = t.created_at.map(|at| format!("opened {}", date(at)));
            (
                "ticket",
                said(&[
                    Some(format!("{} {}", t.id, t.status)),
                    opened,
                    named("priority", t.priority),
                    t.subject.map(|text| format!("{text:?}")),
                ]),
            )
        }
        Payload::Answer(a) => {
            let survey = if a.survey == Survey::Nps { "nps" } else { "csat" };
            (
                "answer",
                said(&[Some(format!("{survey} {}", a.score)), named("by", Some(a.respondent)), a.comment.map(|text| format!("{text:?}"))]),
            )
        }
        Payload::Link(link) => ("link", format!("{} {} belongs to {}", link.kind, link.id, link.account_id.unwrap_or("nobody"))),
        Payload::Invoice(invoice) => ("invoice", invoice.id.to_owned()),
    };
    let more = if event.properties.is_empty() { String::new() } else { format!(" {}", event.properties) };
    (what.to_owned(), format!("{details}{more}"))
}

fn account(traits: &AccountTraits<'_>) -> String {
    let text = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let day = |name: &str, value: Option<i64>| value.map(|at| format!("{name} {}", date(at)));
    [
        text("name", traits.name),
        text("owner", traits.owner_name),
        text("owner", traits.owner_email),
        text("plan", traits.plan),
        traits.seats.map(|seats| format!("seats {seats}")),
        day("created", traits.created_at),
        day("delivered", traits.delivered_at),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

fn subscription(s: &Subscription<'_>) -> String {
    let mut parts = vec![format!("{} {}", s.id, s.status)];
    for item in &s.items {
        let every = format!("{:?}", item.interval).to_lowercase();
        let count = if item.interval_count == 1 { String::new() } else { format!("{} ", item.interval_count) };
        parts.push(format!("{} x {} each {count}{every}", item.quantity, money_text(item.amount_micros, s.currency)));
    }
    let day = |name: &str, value: Option<i64>| value.map(|at| format!("{name} {}", date(at)));
    parts.extend(day("from", s.term_start));
    parts.extend(day("to", s.term_end));
    parts.extend(day("cancels", s.cancels_at));
    parts.extend(day("ended", s.ended_at));
    parts.join(", ")
}
