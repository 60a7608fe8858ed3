//! Snapshots that somebody asks for: of all partitions that this process has, now.
use super::SnapshotInfo;
use super::schedule::Schedule;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What came of a request for one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotAnswer {
    pub machine: String,
    pub partition: u32,
    #[serde(flatten)]
    pub outcome: SnapshotOutcome,
}

/// Whether there is a snapshot now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum SnapshotOutcome {
    /// Taken and verified.
    Taken {
        snapshot: SnapshotInfo,
    },
    /// Nothing has happened since the newest one.
    Unchanged {
        snapshot: SnapshotInfo,
    },
    Failed {
        message: String,
    },
}

impl Schedule {
    /// Asks for a snapshot of each partition of this process, and waits until they are verified, for `limit` at most.
    pub(crate) async fn take_now(&self, limit: Duration) -> Vec<SnapshotAnswer> {
        let request = self.requests.fetch_add(1, Ordering::AcqRel) + 1;
        let owned: Vec<_> = {
            let seats = self.seats.lock();
            let owned = seats.iter().filter(|(_, seat)| seat.is_owned());
            owned.map(|((machine, partition), seat)| (*machine, *partition, seat.ask(request))).collect()
        };
        let deadline = Instant::now() + limit;
        let mut answers = Vec::with_capacity(owned.len());
        for (machine, partition, mut told) in owned {
            let result = match timeout_at(deadline, told.wait_for(|told| told.request >= request)).await {
                Ok(Ok(told)) => told.result.clone(),
                Ok(Err(_)) => Some(Err("the partition's worker has stopped".into())),
                Err(_) => Some(Err(format!("not verified within {limit:?}; it goes on, see `c360 snapshot list`"))),
            };
            let outcome = match result {
                Some(Ok((snapshot, true))) => SnapshotOutcome::Taken { snapshot },
                Some(Ok((snapshot, false))) => SnapshotOutcome::Unchanged { snapshot },
                Some(Err(message)) => SnapshotOutcome::Failed { message },
                None => SnapshotOutcome::Failed { message: "nothing came of it".into() },
            };
            answers.push(SnapshotAnswer { machine: machine.into(), partition, outcome });
        }
        answers
    }
}
