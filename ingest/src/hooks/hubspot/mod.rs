//! HubSpot: changes of companies, contacts, deals and tickets.
//!
//! A body is an array of up to 100 events, each with one property of one object. An event says of which object it is and not to which company that belongs: a company's goes to
//! the link `hubspot_company`, an association with a company too; what a contact, a deal or a ticket says by itself goes to `hubspot:<id>`, `hubspot:deal:<id>` and
//! `hubspot:ticket:<id>` as a user, whom a link can give an account.
mod company;
mod contact;
mod deal;
mod ticket;
mod types;
mod verify;

use super::provider::{Each, HookEvent, HookScene, Provider, Received, Trouble, Use};
use crate::bad::{Bad, Reason};
use crate::ids::USER;
use crate::outlet::Outlet;
use crate::sources::Source;
use c360_schemas::{ForeignId, Kind, Payload};
use serde_json::value::RawValue;
use types::{Change, ObjectType};

/// Kind of link of a HubSpot company.
const COMPANY: &str = "hubspot_company";

pub(crate) struct HubSpot;

impl Provider for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn verify(&self, received: &Received<'_>, source: &Source, now: i64) -> Result<(), &'static str> {
        verify::verify(received, source, now)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let events: Vec<&RawValue> = serde_json::from_str(body)?;
        let max = scene.config.limits.batch_events_max;
        if events.len() > max {
            return Err(Trouble::TooMany(max));
        }
        Ok(Use::Each(Each::of(&events, outlet, |event| format!("[{event}]"), |event, outlet| take(event.get(), scene, outlet))))
    }
}

fn take(event: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let change: Change<'_> = serde_json::from_str(event)?;
    let Some((object, action)) = change.what() else { return Ok(Use::Unused) };
    match (object, action) {
        (ObjectType::Company, "propertyChange") => company::changed(&change, scene, outlet),
        (ObjectType::Company, "creation" | "deletion") => company::came_or_went(&change, action, scene, outlet),
        (ObjectType::Contact, "propertyChange") => contact::changed(&change, scene, outlet),
        (ObjectType::Deal, "propertyChange" | "creation" | "deletion") => deal::changed(&change, scene, outlet),
        (ObjectType::Deal, "associationChange") => deal::associated(&change, scene, outlet),
        (ObjectType::Ticket, "propertyChange" | "creation" | "deletion") => ticket::changed(&change, action, scene, outlet),
        _ => Ok(Use::Unused),
    }
}

/// One event on its way: ids checked, names made.
struct Told<'a> {
    message_id: String,
    name: &'a str,
    object_id: &'a str,
    /// UTC ms; also the version of the property.
    at: i64,
}

impl<'a> Told<'a> {
    fn of(change: &'a Change<'_>) -> Result<Self, Bad> {
        let object_id = change.object_id.get().or(change.from_object_id.get());
        Ok(Self {
            message_id: change.message_id()?,
            name: &change.subscription_type,
            object_id: object_id.ok_or_else(|| Bad::new(Reason::BadPayload, "the event has no objectId"))?,
            at: change.occurred_at.integer().ok_or_else(|| Bad::new(Reason::BadTimestamp, "occurredAt is not a time in milliseconds"))?,
        })
    }

    /// An event of the customer that `foreign` is an id of.
    fn event<'b>(&'b self, foreign: ForeignId<'b>, kind: Kind, payload: Payload<'b>) -> HookEvent<'b> {
        HookEvent {
            message_id: &self.message_id,
            name: self.name,
            kind,
            occurred_at: self.at,
            account_id: None,
            foreign_ids: [foreign].into_iter().collect(),
            user_id: None,
            payload,
            properties: "",
        }
    }
}

/// The foreign id that stands in for the company of an object that does not name one.
fn own(id: &str) -> ForeignId<'_> {
    ForeignId { kind: USER, id }
}
