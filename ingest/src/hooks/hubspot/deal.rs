//! Deals: told in the customer's history.
use super::types::Change;
use super::{COMPANY, Told, own};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use, properties};
use crate::outlet::Outlet;
use c360_schemas::{ForeignId, Kind, Payload};
use serde::Serialize;

#[derive(Serialize)]
struct Details<'a> {
    deal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

pub(super) fn changed(change: &Change<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let told = Told::of(change)?;
    // HubSpot's own property with the company in it.
    let company = change.property_value.get().filter(|_| change.property_name.get() == Some("hs_primary_associated_company"));
    let id = format!("hubspot:deal:{}", told.object_id);
    let foreign = company.map_or(own(&id), |id| ForeignId { kind: COMPANY, id });
    put(change, &told, foreign, scene, outlet)
}

/// A deal came to a company, or left it.
pub(super) fn associated(change: &Change<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let Some(id) = change.company_at_the_end() else { return Ok(Use::Unused) };
    put(change, &Told::of(change)?, ForeignId { kind: COMPANY, id }, scene, outlet)
}

fn put(change: &Change<'_>, told: &Told<'_>, foreign: ForeignId<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let details = Details {
        deal: told.object_id,
        property: change.property_name.get(),
        value: change.property_value.get(),
        removed: change.association_removed,
    };
    let properties = properties(&details)?;
    scene.put(HookEvent { properties: &properties, ..told.event(foreign, Kind::Billing, Payload::None) }, outlet)?;
    Ok(Use::Used)
}
