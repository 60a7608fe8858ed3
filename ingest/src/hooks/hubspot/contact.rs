//! Contacts: what is told of a user.
use super::types::Change;
use super::{Told, own};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use};
use crate::ids::USER;
use crate::outlet::Outlet;
use c360_schemas::{Kind, Link, Payload, Rank, UserTraits};

pub(super) fn changed(change: &Change<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let told = Told::of(change)?;
    let id = format!("hubspot:{}", told.object_id);
    let value = change.property_value.get();
    let mut traits = UserTraits::default();
    match change.property_name.get().unwrap_or_default() {
        // A property of the user's own: whose this contact is with us.
        "account_id" | "c360_account_id" => {
            let link = Link { kind: USER, id: &id, account_id: value, rank: Rank::Told, at: told.at };
            let event = HookEvent { name: "link", ..told.event(own(&id), Kind::Identity, Payload::Link(link)) };
            scene.put(event, outlet)?;
            return Ok(Use::Used);
        }
        "email" => traits.email = value,
        "jobtitle" => traits.role = value,
        _ => return Ok(Use::Unused),
    }
    let event = HookEvent { user_id: Some(&id), ..told.event(own(&id), Kind::Identity, Payload::User(traits)) };
    scene.put(event, outlet)?;
    Ok(Use::Used)
}
