//! What happens at the help desk, as Zendesk's webhooks tell it.
use super::account::Account;
use super::happening::{Happening, What};
use super::ids;
use super::segment::rfc3339;
use super::stripe::hmac_sha256;
use super::tickets::{Ticket, TicketStep};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The made-up company itself, at the help desk; customers are organisations.
const HELP_DESK: i64 = 22_129_848;

/// The webhook's body for a happening; `None` for those that other tools tell of.
pub(crate) fn event(seed: u64, account: &Account, happening: &Happening) -> Option<Value> {
    let What::Asked { step, ticket } = &happening.what else { return None };
    let (kind, event) = change(account, *step, ticket, happening.number);
    Some(json!({
        "id": ids::message(seed, happening),
        "type": format!("zen:event-type:ticket.{kind}"),
        "subject": format!("zen:ticket:{}", ticket_id(account, ticket)),
        "time": rfc3339(happening.at),
        "account_id": HELP_DESK,
        "zendesk_event_version": "2022-11-06",
        "detail": detail(account, ticket, happening.at),
        "event": event,
    }))
}

/// The values of `X-Zendesk-Webhook-Signature` and `X-Zendesk-Webhook-Signature-Timestamp` for a body sent at `at`, UTC ms.
pub(crate) fn signature(secret: &str, body: &[u8], at: i64) -> (String, String) {
    let at = rfc3339(at.div_euclid(1_000) * 1_000);
    (STANDARD.encode(hmac_sha256(secret.as_bytes(), &[at.as_bytes(), body])), at)
}

/// Ids are numbers there, in text.
fn ticket_id(account: &Account, ticket: &Ticket) -> String {
    ((account.index + 1) * 10_000 + ticket.number as usize).to_string()
}

fn requester_id(account: &Account, person: u32) -> String {
    ((account.index + 1) * 100_000 + person as usize).to_string()
}

fn priority(urgent: bool) -> &'static str {
    if urgent { "URGENT" } else { "NORMAL" }
}

fn detail(account: &Account, ticket: &Ticket, at: i64) -> Value {
    json!({
        "id": ticket_id(account, ticket),
        "organization_id": ids::zendesk_organization(account),
        "requester_id": requester_id(account, ticket.person),
        "status": ticket.status.as_str(),
        "priority": priority(ticket.urgent),
        "type": if ticket.urgent { "INCIDENT" } else { "QUESTION" },
        "subject": ticket.subject,
        "created_at": rfc3339(ticket.opened_at),
        "updated_at": rfc3339(at),
        "is_public": true,
        "tags": [],
        "via": {"channel": "email"},
    })
}

/// The last part of the event's type, and what changed.
fn change(account: &Account, step: TicketStep, ticket: &Ticket, number: u64) -> (&'static str, Value) {
    let status = || json!({"current": ticket.status.as_str(), "previous": ticket.status_before.as_str()});
    match step {
        TicketStep::Opened => ("created", json!({"meta": {"sequence": {"id": number, "position": 1, "total": 1}}})),
        TicketStep::AgentReplied => {
            ("comment_added", comment(number, "1900001", true, "Thank you for telling us. We are looking into it."))
        }
        TicketStep::CustomerReplied => {
            ("comment_added", comment(number, &requester_id(account, ticket.person), false, "Here is what we see on our side."))
        }
        TicketStep::Escalated => ("priority_changed", json!({"current": "URGENT", "previous": "NORMAL"})),
        TicketStep::Solved | TicketStep::Reopened => ("status_changed", status()),
    }
}

fn comment(number: u64, author: &str, is_staff: bool, body: &str) -> Value {
    json!({"comment": {"id": number.to_string(), "is_public": true, "body": body, "author": {"id": author, "is_staff": is_staff}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_the_time_and_the_body_and_tells_the_time() {
        let (signature, at) = signature("secret", b"{}", 1_767_225_600_123);
        assert_eq!(at, "2026-01-01T00:00:00Z");
        assert_eq!(signature, STANDARD.encode(hmac_sha256(b"secret", &[b"2026-01-01T00:00:00Z{}"])));
    }
}
