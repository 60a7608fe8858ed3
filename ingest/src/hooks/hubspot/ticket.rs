//! Tickets: the newest state, as far as one property tells it.
use super::types::Change;
use super::{Told, own};
use crate::hooks::provider::{HookScene, Trouble, Use};
use crate::outlet::Outlet;
use c360_schemas::{Kind, Payload, Ticket};

pub(super) fn changed(change: &Change<'_>, action: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    let told = Told::of(change)?;
    let Some(status) = status(action, change.property_name.get().unwrap_or_default(), change.property_value.get()) else {
        return Ok(Use::Unused);
    };
    let id = format!("hubspot:ticket:{}", told.object_id);
    let created_at = (action == "creation").then_some(told.at);
    let ticket = Ticket { id: told.object_id, status, version: told.at, created_at, ..Ticket::default() };
    scene.put(told.event(own(&id), Kind::Support, Payload::Ticket(ticket)), outlet)?;
    Ok(Use::Used)
}

/// The status in our words. Stages of other pipelines than the first have ids that say nothing; of those tickets `closed_date` tells.
fn status(action: &str, property: &str, value: Option<&str>) -> Option<&'static str> {
    match (action, property, value) {
        ("creation", ..) => Some("new"),
        ("deletion", ..) => Some("deleted"),
        (_, "hs_pipeline_stage", Some("1")) => Some("new"),
        (_, "hs_pipeline_stage", Some("2")) => Some("pending"),
        (_, "hs_pipeline_stage", Some("3")) => Some("open"),
        (_, "hs_pipeline_stage", Some("4")) => Some("closed"),
        (_, "closed_date", Some(_)) => Some("closed"),
        (_, "closed_date", None) => Some("open"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_s_stage_is_said_in_our_words() {
        for (action, property, value, expected) in [
            ("creation", "", None, Some("new")),
            ("deletion", "", None, Some("deleted")),
            ("propertyChange", "hs_pipeline_stage", Some("1"), Some("new")),
            ("propertyChange", "hs_pipeline_stage", Some("2"), Some("pending")),
            ("propertyChange", "hs_pipeline_stage", Some("3"), Some("open")),
            ("propertyChange", "hs_pipeline_stage", Some("4"), Some("closed")),
            ("propertyChange", "hs_pipeline_stage", Some("9912"), None),
            ("propertyChange", "closed_date", Some("1795341600000"), Some("closed")),
            ("propertyChange", "closed_date", None, Some("open")),
            ("propertyChange", "subject", Some("x"), None),
        ] {
            assert_eq!(status(action, property, value), expected, "{action} {property} {value:?}");
        }
    }
}
