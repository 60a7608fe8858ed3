//! What is worth telling of a customer's past: each change of the shown score with its receipt, events that are no usage, links, first uses.
use super::{Work, actions};
use crate::hash;
use crate::metrics::Effect;
use crate::rows::{Hot, Line, Snapshot};
use c360_engine::{Actions, StateError};
use c360_schemas::{Event, History, HistoryKind, Key, Kind, Link, Payload, RULES_ACCOUNT, Rules, Survey, Topic, Wire};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What came of the account itself is numbered.
fn push(work: &mut Work<'_>, hot: &mut Hot, at: i64, kind: HistoryKind, title: String, detail: &impl Serialize) {
    let seq = hot.health.history_seq;
    hot.health.history_seq += 1;
    let id = hash::id_of(&[work.key_bytes, b"history", &seq.to_le_bytes()]);
    push_as(work, id, at, kind, title, json_of(detail));
}

/// What an event told stands once however often it is told, also past the days for which its message id is known.
fn push_of(work: &mut Work<'_>, event: &Event<'_>, at: i64, kind: HistoryKind, title: String, detail: &impl Serialize) {
    let id = hash::id_of(&[work.key_bytes, b"event", event.message_id.as_bytes()]);
    push_as(work, id, at, kind, title, json_of(detail));
}

/// What is told can always be written: texts, numbers and lists.
fn json_of(detail: &impl Serialize) -> String {
    serde_json::to_string(detail).unwrap_or_default()
}

fn push_as(work: &mut Work<'_>, id: String, at: i64, kind: HistoryKind, title: String, detail: String) {
    let entry = History { id, tenant: work.key.tenant.into(), account_id: work.key.id.into(), at, kind, title, detail };
    let key = work.key;
    work.out.outputs.push(Topic::History, |b| key.write(b), |b| entry.encode(b));
}

/// A change of the score, as the API gives it.
#[derive(Serialize)]
struct ScoreDetail<'a> {
    score: i32,
    band: &'static str,
    card: &'a str,
    rules: RulesDetail<'a>,
    before: Option<i32>,
    receipt: &'a [Line],
}

#[derive(Serialize)]
struct RulesDetail<'a> {
    name: &'a str,
    version: u32,
}

/// The shown score or band changed.
pub(crate) fn score(work: &mut Work<'_>, hot: &mut Hot, before: Option<&Snapshot>, after: &Snapshot, receipt: &[Line]) {
    let band = hot.health.band.as_str();
    let was = before.map(|b| b.shown);
    let title = match was {
        Some(was) => format!("Health {was} to {} ({band})", after.shown),
        None => format!("Health {} ({band})", after.shown),
    };
    let in_force = Arc::clone(&work.rules);
    let rules = &in_force.rules;
    let detail = ScoreDetail {
        score: after.shown,
        band,
        card: &rules.card(after.card).id,
        rules: RulesDetail { name: &rules.name, version: in_force.version },
        before: was,
        receipt,
    };
    push(work, hot, work.at.now, HistoryKind::Score, title, &detail);
}

pub(crate) fn first_use(work: &mut Work<'_>, at: i64, event: &Event<'_>) {
    let detail = json!({"feature": event.name, "user_id": event.user_id, "message_id": event.message_id});
    push_of(work, event, at, HistoryKind::Event, format!("First use of {}", event.name), &detail);
}

pub(crate) fn link(work: &mut Work<'_>, at: i64, event: &Event<'_>, link: &Link<'_>) {
    let word = if link.account_id.is_some() { "linked" } else { "unlinked" };
    let detail = json!({"kind": link.kind, "id": link.id, "source": link.rank.as_str(), "linked": link.account_id.is_some(), "message_id": event.message_id});
    push_of(work, event, at, HistoryKind::Link, format!("{} {} {word}", link.kind, link.id), &detail);
}

/// A provisional customer turned out to be this one.
pub(crate) fn merged(work: &mut Work<'_>, hot: &mut Hot, from: &str) {
    push(work, hot, work.at.now, HistoryKind::Link, format!("{from} merged into this customer"), &json!({"from": from}));
}

/// Something of the account itself that is worth a line.
pub(crate) fn note(work: &mut Work<'_>, hot: &mut Hot, title: String, detail: &Value) {
    push(work, hot, work.at.now, HistoryKind::Note, title, detail);
}

/// What an event told, as it stands in the history. (A list is read as a plan or an action as well, and has no names.)
fn told_of(event: &Event<'_>) -> Map<String, Value> {
    let mut detail: Map<String, Value> = serde_json::from_str(event.properties).unwrap_or_default();
    detail.insert("message_id".into(), event.message_id.into());
    detail
}

/// Somebody told what became of a next action.
pub(crate) fn action(work: &mut Work<'_>, at: i64, event: &Event<'_>, told: &actions::Told) {
    let detail = told_of(event);
    let by = told.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    push_of(work, event, at, HistoryKind::Note, format!("{}: {}{by}", told.playbook, told.outcome), &detail);
}

/// A tenant's rules were put in force. Every partition says so, under one id: it stands once.
pub(crate) fn rules(out: &mut Actions<Effect>, tenant: &str, applied: &Rules, name: &str) {
    let id =
        hash::id_of(&[tenant.as_bytes(), b"rules", &applied.version.to_le_bytes(), &applied.at.to_le_bytes(), applied.text.as_bytes()]);
    let title = format!("Rules {} ({name}) applied by {}", applied.version, applied.by);
    let detail = json!({"version": applied.version, "name": name, "by": applied.by, "note": applied.note, "text": applied.text});
    let key = Key { tenant, id: RULES_ACCOUNT };
    let entry = History {
        id,
        tenant: tenant.into(),
        account_id: RULES_ACCOUNT.into(),
        at: applied.at,
        kind: HistoryKind::Note,
        title,
        detail: detail.to_string(),
    };
    out.outputs.push(Topic::History, |b| key.write(b), |b| entry.encode(b));
}

/// Somebody told of the customer's plan.
pub(crate) fn told(work: &mut Work<'_>, at: i64, event: &Event<'_>) {
    let detail = told_of(event);
    let count = |name: &str| detail.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    let parts = [("goal", count("goals")), ("promise", count("promises")), ("result", count("results")), ("person", count("people"))];
    let told =
        parts.into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {}", if n == 1 { what.into() } else { plural(what) }));
    let title = format!("Plan: {} told", told.collect::<Vec<_>>().join(", "));
    push_of(work, event, at, HistoryKind::Note, title, &detail);
}

fn plural(what: &str) -> String {
    if what == "person" { "people".into() } else { format!("{what}s") }
}

/// An event of billing, support or a survey.
pub(crate) fn event(work: &mut Work<'_>, at: i64, event: &Event<'_>) -> Result<(), StateError> {
    if event.kind == Kind::Identity {
        return Ok(());
    }
    let (title, mut detail) = tell(event);
    detail["event"] = event.name.into();
    detail["source"] = event.source.into();
    detail["message_id"] = event.message_id.into();
    push_of(work, event, at, HistoryKind::Event, title, &detail);
    Ok(())
}

fn tell(event: &Event<'_>) -> (String, Value) {
    match &event.payload {
        Payload::Subscription(s) => {
            let title = if s.cancels_at.is_some() { "cancellation scheduled" } else { s.status };
            (
                format!("Subscription {}: {title}", s.id),
                json!({"subscription": s.id, "status": s.status, "cancels_at": s.cancels_at, "cancel_reason": s.cancel_reason}),
            )
        }
        Payload::Invoice(i) => {
            let title =
                if i.attempt_failed { format!("Payment failed (try {})", i.attempt_count) } else { format!("Invoice {}", i.status) };
            let (due, left) = (i.amount_due, i.amount_remaining);
            let detail = json!({"invoice": i.id, "status": i.status, "currency": i.currency, "amount_due": due, "amount_remaining": left, "last_try": i.attempt_failed && i.next_attempt_at.is_none()});
            (title, detail)
        }
        Payload::Ticket(t) => {
            let title = if t.replied_at.is_some() { "Ticket answered" } else { "Ticket" };
            let subject = t.subject.unwrap_or(t.id);
            (
                format!("{title} ({}): {subject}", t.status),
                json!({"ticket": t.id, "status": t.status, "priority": t.priority, "requester": t.requester}),
            )
        }
        Payload::Answer(a) => {
            let survey = if a.survey == Survey::Nps { "NPS" } else { "CSAT" };
            (
                format!("{survey} {} from {}", a.score, a.respondent),
                json!({"survey": survey, "score": a.score, "respondent": a.respondent, "comment": a.comment}),
            )
        }
        _ => (event.name.to_owned(), json!({})),
    }
}
