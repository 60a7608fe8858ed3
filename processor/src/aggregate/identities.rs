//! What is told of an account: its traits, and the foreign ids that were linked to it.
use super::{Work, history};
use crate::rows::{Hot, Identity};
use c360_schemas::{AccountTraits, Event, Link};

const USER: &str = "user";

/// A group call or an import; of each trait the word that is newest in event time holds.
pub(crate) fn traits(hot: &mut Hot, at: i64, traits: &AccountTraits<'_>) {
    let told = &mut hot.traits;
    told.name.tell(at, traits.name);
    told.owner_name.tell(at, traits.owner_name);
    told.owner_email.tell(at, traits.owner_email);
    told.plan.tell(at, traits.plan);
    told.seats.tell(at, traits.seats);
    told.created_at.tell(at, traits.created_at);
    told.delivered_at.tell(at, traits.delivered_at);
}

/// *resolve* says that a foreign id now belongs to this account, or does not any more; its word comes in order.
pub(crate) fn link(work: &mut Work<'_>, hot: &mut Hot, at: i64, event: &Event<'_>, link: &Link<'_>) {
    let place = hot.identities.iter().position(|i| i.kind == link.kind && i.id == link.id);
    match (link.account_id, place) {
        (None, Some(index)) => {
            hot.identities.remove(index);
        }
        (Some(_), Some(index)) => link.rank.as_str().clone_into(&mut hot.identities[index].source),
        (Some(_), None) => add(
            hot,
            Identity { kind: link.kind.into(), id: link.id.into(), source: link.rank.as_str().into(), at: link.at },
            work.config.identities_max,
        ),
        (None, None) => return,
    }
    history::link(work, at, event, link);
}

/// Keeps the list short: users make room for other kinds, and come in only while there is room.
pub(crate) fn add(hot: &mut Hot, identity: Identity, identities_max: usize) {
    let list = &mut hot.identities;
    if list.iter().any(|i| i.kind == identity.kind && i.id == identity.id) {
        return;
    }
    if list.len() >= identities_max {
        match list.iter().position(|i| i.kind == USER) {
            Some(index) if identity.kind != USER => {
                list.remove(index);
            }
            _ => return,
        }
    }
    let place = list.partition_point(|i| (&i.kind, &i.id) < (&identity.kind, &identity.id));
    list.insert(place, identity);
}
