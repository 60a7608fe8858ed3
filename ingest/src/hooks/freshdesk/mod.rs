//! Freshdesk: tickets, as an automation rule of the user's own sends them.
//!
//! A rule's content is a template of the user's; `docs/sources.md` has the one to paste. It has no event id and perhaps no time. Where the ticket says when it was changed, the
//! same content counts once; else each request counts, which does no harm, since a state that is told twice changes nothing.
mod ticket;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use};
use super::signature::{check_pair, verify_basic};
use crate::bad::{Bad, Reason};
use crate::ids::{ForeignIds, person_ids};
use crate::lenient::Lenient;
use crate::outlet::Outlet;
use crate::sources::Source;
use crate::time::parse_ms;
use c360_schemas::{ForeignId, Kind, Payload};
use sha2::{Digest, Sha256};
use ticket::Fields;

/// Kind of link of a Freshdesk company.
const COMPANY: &str = "freshdesk_company";

pub(crate) struct Freshdesk;

impl Provider for Freshdesk {
    fn name(&self) -> &'static str {
        "freshdesk"
    }

    fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        check_pair(secret)
    }

    fn verify(&self, received: &Received<'_>, source: &Source, _now: i64) -> Result<(), &'static str> {
        verify_basic(received, &source.secrets)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let Lenient(fields) = serde_json::from_str::<Lenient<Fields<'_>>>(body)?;
        let id = fields.get(&fields.id).ok_or_else(|| Bad::new(Reason::BadPayload, "there is no ticket_id"))?;
        let changed_at = fields.get(&fields.updated_at).and_then(parse_ms);
        let at = changed_at.unwrap_or(scene.received_at);
        let email = fields.get(&fields.requester_email);
        let message_id = message_id(id, body, changed_at.is_none().then_some(scene.received_at));
        let payload = Payload::Ticket(fields.ticket(id, at, email)?);
        let user_id = fields.get(&fields.user_id);
        let hook = HookEvent {
            message_id: &message_id,
            name: fields.event_name(),
            kind: Kind::Support,
            occurred_at: at,
            account_id: fields.get(&fields.account_id),
            foreign_ids: foreign_ids(&fields, user_id, email),
            user_id,
            payload,
            properties: "",
        };
        scene.put(hook, outlet)?;
        Ok(Use::Used)
    }
}

/// By the company's id, its name, the person, in this order.
fn foreign_ids<'a>(fields: &'a Fields<'_>, user_id: Option<&'a str>, email: Option<&'a str>) -> ForeignIds<'a> {
    let company = [&fields.company_id, &fields.company_name].into_iter().filter_map(|id| fields.get(id));
    company.map(|id| ForeignId { kind: COMPANY, id }).chain(person_ids(user_id, email)).collect()
}

/// The same for the same content.
fn message_id(ticket_id: &str, body: &str, received_at: Option<i64>) -> String {
    let digest = hex::encode(&Sha256::digest(body.as_bytes())[..16]);
    let ticket_id: String = ticket_id.chars().take(64).collect();
    match received_at {
        None => format!("freshdesk:{ticket_id}:{digest}"),
        Some(at) => format!("freshdesk:{ticket_id}:{digest}:{at}"),
    }
}
