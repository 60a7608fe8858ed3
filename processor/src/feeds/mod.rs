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

/// Families of events that sources bring, by their numbers in rows.
const FAMILIES: [&str; 4] = ["usage", "billing", "support", "survey"];
