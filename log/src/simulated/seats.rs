//! Who sits in a group, and who has which partition. A change of seats starts a new generation: a member commits only in the one that it has heard of.
use std::collections::{BTreeMap, BTreeSet};

/// A seat's number: the next who takes the seat has another.
pub(super) type Incarnation = u64;

#[derive(Default)]
pub(super) struct Group {
    /// Instance to whoever has its seat.
    seats: BTreeMap<String, Incarnation>,
    pub(super) generation: u64,
    next: Incarnation,
}

impl Group {
    /// Takes a seat, from whoever had it. Replacing a member moves no partitions, as with static membership.
    pub(super) fn join(&mut self, instance: &str) -> Incarnation {
        self.next += 1;
        if self.seats.insert(instance.to_owned(), self.next).is_none() {
            self.generation += 1;
        }
        self.next
    }

    pub(super) fn expel(&mut self, instance: &str) {
        if self.seats.remove(instance).is_some() {
            self.generation += 1;
        }
    }

    /// Who has the seat now.
    pub(super) fn holder(&self, instance: &str) -> Option<Incarnation> {
        self.seats.get(instance).copied()
    }

    /// The partitions of a seat: dealt out in the order of the instances' names.
    pub(super) fn partitions(&self, instance: &str, partitions: u32) -> BTreeSet<u32> {
        let Some(index) = self.seats.keys().position(|name| name == instance) else { return BTreeSet::new() };
        (0..partitions).filter(|partition| *partition as usize % self.seats.len() == index).collect()
    }
}
