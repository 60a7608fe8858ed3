//! Sources that fall silent: noticed by how they are usually heard, so that a dead feed is not taken for customers who went away.
//!
//! Each partition listens for itself ([`Listener`]). A source that it heard on at least 7 of 28 days is silent when it was not heard for half as long again as ever in four weeks (12 hours at least), and is still not 12
//! hours after a record has shown that time was lived through: c360 itself may have been away, and then senders get that long to come back. The partitions' words come together ([`words`]), and what follows from
//! them is a record in each partition: from it on no score and no alert rule rests on what the source brings ([`Doubts`]). So one customer's life can be rehearsed without all the others.
mod doubts;
mod listen;
pub(crate) mod words;

pub(crate) use doubts::{Doubts, bit, touches};
pub(crate) use listen::{Listener, TIMER};

use c360_health::Family;

/// Families of events that sources bring, by their numbers in rows.
const FAMILIES: [&str; 4] = [Family::Usage.as_str(), Family::Billing.as_str(), Family::Support.as_str(), Family::Survey.as_str()];

/// A family's number in [`FAMILIES`]; none of one that no source brings.
const fn number(family: Family) -> Option<usize> {
    match family {
        Family::Usage => Some(0),
        Family::Billing => Some(1),
        Family::Support => Some(2),
        Family::Survey => Some(3),
        Family::People | Family::Lifecycle => None,
    }
}
