//! What became of next actions, as people tell it: what is learnt of later, and what keeps a playbook from being proposed again and again.
use crate::rows::{ActionTaken, Hot};
use c360_schemas::{Event, Kind, Payload};
use serde::Deserialize;

/// Name of the event that carries it.
const NAME: &str = "action";
/// The newest that are kept.
const KEPT_MAX: usize = 20;

/// The event's properties.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) playbook: String,
    pub(crate) outcome: String,
    pub(crate) by: Option<String>,
}

/// Whether an event tells of an action.
pub(crate) fn is_told(event: &Event<'_>) -> bool {
    event.kind == Kind::Identity && event.name == NAME && event.payload == Payload::None
}

/// What is told.
///
/// # Errors
/// Where it is something else.
pub(crate) fn parse(properties: &str) -> serde_json::Result<Told> {
    serde_json::from_str(properties)
}

/// Takes it in: of one playbook the newest word stays.
pub(crate) fn take(hot: &mut Hot, at: i64, told: &Told) {
    let list = &mut hot.health.actions;
    if list.iter().any(|known| known.playbook == told.playbook && known.at > at) {
        return;
    }
    list.retain(|known| known.playbook != told.playbook);
    let place = list.partition_point(|known| known.at <= at);
    list.insert(place, ActionTaken { playbook: told.playbook.clone(), outcome: told.outcome.clone(), at });
    list.drain(..list.len().saturating_sub(KEPT_MAX));
}
