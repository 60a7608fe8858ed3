//! Who sits where: which member owns which partition of a group, and who may still commit.
//!
//! Only one process can have the folder open, so a member of an earlier process cannot come back: this lives in memory, in the sequencer, which decides on every commit.
use crate::LogError;
use std::collections::HashMap;

/// One member's place; a later one of the same instance, or of one of its partitions, takes it away for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) group: String,
    pub(super) instance: String,
    pub(super) partitions: Vec<u32>,
    /// Unique in the process, rising.
    pub(super) epoch: u64,
}

/// All seats taken.
#[derive(Debug, Default)]
pub(super) struct Seats {
    instances: HashMap<String, HashMap<String, u64>>,
    owners: HashMap<String, HashMap<u32, u64>>,
}

impl Seats {
    /// Sits down; whoever sat there is fenced.
    pub(super) fn take(&mut self, seat: &Seat) {
        self.instances.entry(seat.group.clone()).or_default().insert(seat.instance.clone(), seat.epoch);
        let owners = self.owners.entry(seat.group.clone()).or_default();
        owners.extend(seat.partitions.iter().map(|p| (*p, seat.epoch)));
    }

    /// Whether `seat` may commit `partitions`.
    pub(super) fn check(&self, seat: &Seat, mut partitions: impl Iterator<Item = u32>) -> Result<(), LogError> {
        let newest = self.instances.get(&seat.group).and_then(|i| i.get(&seat.instance));
        if newest != Some(&seat.epoch) {
            return Err(LogError::Fenced(format!("a newer member of {} is {}", seat.group, seat.instance)));
        }
        let owner = |p: &u32| self.owners.get(&seat.group).and_then(|o| o.get(p)).copied();
        if let Some(p) = seat.partitions.iter().find(|p| owner(p) != Some(seat.epoch)) {
            return Err(LogError::Fenced(format!("another member of {} owns partition {p}", seat.group)));
        }
        match partitions.find(|p| !seat.partitions.contains(p)) {
            Some(p) => Err(LogError::Fenced(format!("partition {p} of {} was not given to {}", seat.group, seat.instance))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(instance: &str, partitions: &[u32], epoch: u64) -> Seat {
        Seat { group: "g".into(), instance: instance.into(), partitions: partitions.to_vec(), epoch }
    }

    #[test]
    fn whoever_sat_there_before_may_not_commit() {
        let cases = [
            ("the same instance again", seat("a", &[0, 2], 1), seat("a", &[0, 2], 2), true),
            ("the same instance elsewhere", seat("a", &[0], 1), seat("a", &[1], 2), true),
            ("another instance on one of its partitions", seat("a", &[0, 1], 1), seat("b", &[1], 2), true),
            ("another instance elsewhere", seat("a", &[0, 2], 1), seat("b", &[1, 3], 2), false),
            ("another group", seat("a", &[0], 1), Seat { group: "h".into(), ..seat("a", &[0], 2) }, false),
        ];
        for (what, older, newer, fenced) in cases {
            let mut seats = Seats::default();
            seats.take(&older);
            seats.take(&newer);
            assert!(seats.check(&newer, newer.partitions.iter().copied()).is_ok(), "{what}");
            assert_eq!(matches!(seats.check(&older, [].into_iter()), Err(LogError::Fenced(_))), fenced, "{what}");
        }
    }

    #[test]
    fn nobody_commits_a_partition_that_was_not_given_to_it() {
        let mut seats = Seats::default();
        let mine = seat("a", &[0, 2], 1);
        seats.take(&mine);
        assert!(seats.check(&mine, [0, 2].into_iter()).is_ok());
        assert!(matches!(seats.check(&mine, [0, 1].into_iter()), Err(LogError::Fenced(_))));
    }
}
