//! Zendesk: tickets.
//!
//! Each ticket event carries the whole ticket as it stands after it, so whichever type it is, the newest one tells the state. `account_id` in the envelope is the Zendesk
//! tenant; the customer is the ticket's organisation. Where it has none, the ticket goes to its requester, as the user `zendesk:<requester_id>`, whom a link can give an account.
mod types;
mod verify;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use, unknown};
use crate::bad::{Bad, Reason};
use crate::ids::USER;
use crate::outlet::Outlet;
use crate::sources::Source;
use crate::time::parse_ms;
use c360_schemas::{ForeignId, Kind, Payload, Ticket};
use std::borrow::Cow;
use types::{Detail, Envelope};

const TICKET_PREFIX: &str = "zen:event-type:ticket.";
const ORGANIZATION: &str = "zendesk_organization";

pub(crate) struct Zendesk;

impl Provider for Zendesk {
    fn name(&self) -> &'static str {
        "zendesk"
    }

    fn verify(&self, received: &Received<'_>, source: &Source, _now: i64) -> Result<(), &'static str> {
        verify::verify(received, &source.secrets)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let envelope: Envelope<'_> = serde_json::from_str(body)?;
        let Some(what) = envelope.event_type.strip_prefix(TICKET_PREFIX) else { return Ok(Use::Unused) };
        let detail: Detail<'_> = envelope.detail.map_or_else(|| Ok(Detail::default()), |raw| serde_json::from_str(raw.get()))?;
        put(&envelope, what, &detail, scene, outlet)?;
        Ok(Use::Used)
    }
}

fn put(envelope: &Envelope<'_>, what: &str, detail: &Detail<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let at = parse_ms(&envelope.time).ok_or_else(|| Bad::new(Reason::BadTimestamp, "time is not a time"))?;
    let id = detail.id.get().ok_or_else(|| Bad::new(Reason::BadPayload, "the ticket has no id"))?;
    let status = status(what, detail)?;
    let priority = detail.priority.get().map(str::to_ascii_lowercase);
    let requester = detail.requester_id.get();
    let replied = envelope.event.as_ref().and_then(|event| event.comment.as_ref()).is_some_and(types::Comment::is_public_reply);
    let ticket = Ticket {
        id,
        status: &status,
        priority: priority.as_deref(),
        version: at,
        created_at: detail.created_at.get().and_then(parse_ms),
        replied_at: (what == "comment_added" && replied).then_some(at),
        subject: detail.subject.get(),
        requester,
    };
    let organization = detail.organization_id.get().filter(|id| *id != "0");
    let user = requester.filter(|id| *id != "0").map(|id| format!("zendesk:{id}"));
    let foreign = match (organization, &user) {
        (Some(id), _) => Some(ForeignId { kind: ORGANIZATION, id }),
        (None, Some(id)) => Some(ForeignId { kind: USER, id }),
        (None, None) => None,
    };
    let hook = HookEvent {
        message_id: &envelope.id,
        name: envelope.event_type.trim_start_matches("zen:event-type:"),
        kind: Kind::Support,
        occurred_at: at,
        account_id: None,
        foreign_ids: foreign.into_iter().collect(),
        user_id: None,
        payload: Payload::Ticket(ticket),
        properties: "",
    };
    Ok(scene.put(hook, outlet)?)
}

/// The status in our words; a ticket that was thrown away is deleted whatever its status says.
fn status<'a>(what: &str, detail: &'a Detail<'_>) -> Result<Cow<'a, str>, Bad> {
    if matches!(what, "soft_deleted" | "permanently_deleted" | "marked_as_spam") {
        return Ok(Cow::Borrowed("deleted"));
    }
    let status = detail.status.get().unwrap_or_default().to_ascii_lowercase();
    match status.as_str() {
        "new" | "open" | "pending" | "hold" | "solved" | "closed" | "deleted" => Ok(Cow::Owned(status)),
        "on-hold" | "on_hold" => Ok(Cow::Borrowed("hold")),
        _ => Err(unknown("a status", &status)),
    }
}
