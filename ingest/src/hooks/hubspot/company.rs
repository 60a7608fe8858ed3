//! Companies: what is told of an account, and which account a company is.
use super::types::Change;
use super::{COMPANY, Told};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use, properties};
use crate::outlet::Outlet;
use crate::time::parse_ms;
use c360_schemas::{AccountTraits, ForeignId, Kind, Link, Payload, Rank};
use serde::Serialize;

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

pub(super) fn changed(change: &Change<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let told = Told::of(change)?;
    let foreign = ForeignId { kind: COMPANY, id: told.object_id };
    let (property, value) = (change.property_name.get(), change.property_value.get());
    let mut traits = AccountTraits::default();
    match property.unwrap_or_default() {
        // A property of the user's own: who this company is with us.
        "account_id" | "c360_account_id" => {
            let link = Link { kind: COMPANY, id: told.object_id, account_id: value, rank: Rank::Told, at: told.at };
            let event = HookEvent { name: "link", ..told.event(foreign, Kind::Identity, Payload::Link(link)) };
            scene.put(event, outlet)?;
            return Ok(Use::Used);
        }
        "name" => traits.name = value,
        "owner_name" => traits.owner_name = value,
        "owner_email" => traits.owner_email = value,
        "plan" => traits.plan = value,
        "seats" => traits.seats = change.property_value.integer().filter(|seats| *seats >= 0),
        "delivered_at" => traits.delivered_at = value.and_then(parse_ms),
        "lifecyclestage" | "notes_last_contacted" | "hs_lead_status" => {
            let properties = properties(&Details { property, value })?;
            let event = HookEvent { properties: &properties, ..told.event(foreign, Kind::Billing, Payload::None) };
            scene.put(event, outlet)?;
            return Ok(Use::Used);
        }
        _ => return Ok(Use::Unused),
    }
    scene.put(told.event(foreign, Kind::Identity, Payload::Account(traits)), outlet)?;
    Ok(Use::Used)
}

/// A new one is known from now on; that one was deleted is told.
pub(super) fn came_or_went(change: &Change<'_>, action: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let told = Told::of(change)?;
    let foreign = ForeignId { kind: COMPANY, id: told.object_id };
    let event = if action == "creation" {
        told.event(foreign, Kind::Identity, Payload::Account(AccountTraits::default()))
    } else {
        told.event(foreign, Kind::Billing, Payload::None)
    };
    scene.put(event, outlet)?;
    Ok(Use::Used)
}
