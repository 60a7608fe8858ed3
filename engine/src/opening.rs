//! Partitions that were assigned and are being opened, one at a time; the member is not polled meanwhile.
use crate::machine::Machine;
use crate::metrics::METRICS;
use crate::partition::Partition;
use crate::session::{Ended, Session};
use crate::storage::{OpenError, Rows};
use crate::worker::{Shared, Step};
use c360_log::LogError;
use c360_schemas::Topic;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Between two tries to open a state that another worker holds, or to ask a log that does not answer.
const WAIT: Duration = Duration::from_millis(100);
/// Tries before the worker is made anew.
const TRIES_MAX: u32 = 50;

/// Partitions in the order in which they are opened, with their rows where these are open already.
#[derive(Default)]
pub(crate) struct Opening {
    queue: VecDeque<(u32, Option<Arc<dyn Rows>>)>,
    tries: u32,
}

impl Opening {
    pub(crate) fn add(&mut self, partition: u32, rows: Option<Arc<dyn Rows>>) {
        self.queue.push_back((partition, rows));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Another try later, unless there were too many.
    fn later(&mut self, reason: &'static str, error: impl ToString) -> Result<Step, Ended> {
        self.tries += 1;
        if self.tries > TRIES_MAX { Err(Ended::new(reason, error)) } else { Ok(Step::Pause(WAIT)) }
    }
}

impl<M: Machine> Session<M> {
    /// Opens the first partition that waits for it.
    pub(crate) fn open_next(&mut self, shared: &Shared<M>) -> Result<Step, Ended> {
        let Some((number, rows)) = self.opening.queue.front().cloned() else { return Ok(Step::Idle) };
        let committed = match self.member.committed(number) {
            Ok(committed) => committed,
            Err(error @ LogError::Unavailable(_)) => {
                // It may last: on Kafka it waits for transactions of others that are open, too.
                tracing::warn!(
                    machine = M::NAME,
                    partition = number,
                    %error,
                    "how far the group is cannot be told yet, trying again; where it stays so, see \"A Kafka of one node that is killed\" in docs/reliability.md"
                );
                return self.opening.later("fatal", error);
            }
            Err(error) => return Err(Ended::new("fatal", error)),
        };
        let offsets: Vec<(Topic, u64)> = committed.iter().map(|c| (c.topic, c.next)).collect();
        let rows = match rows.map_or_else(|| shared.parts.disk.open(M::NAME, number, &offsets), Ok) {
            Ok(rows) => rows,
            Err(OpenError::Fetching) => return Ok(Step::Pause(WAIT)),
            Err(error @ OpenError::Held(_)) => return self.opening.later("state", error),
            Err(error) => return Err(Ended::new("state", error)),
        };
        let partition = Partition::open(number, (shared.parts.make)(), rows, &committed, (shared.parts.monotonic)())?;
        self.start(partition)?;
        self.opening.queue.pop_front();
        self.opening.tries = 0;
        Ok(Step::Changed)
    }

    fn start(&mut self, mut partition: Partition<M>) -> Result<(), Ended> {
        loop {
            match self.member.start(partition.number, &partition.start_from()) {
                Ok(()) => break,
                Err(LogError::OffsetGone { topic, wanted, start, .. }) => {
                    tracing::error!(
                        machine = M::NAME,
                        partition = partition.number,
                        topic,
                        wanted,
                        start,
                        lost = start.saturating_sub(wanted),
                        "the log no longer keeps what the state lacks; going on without it: views may be wrong. Where an older data folder or another snapshot store is nearer, \
                         stop and restore from it; and raise the topic's retention or take snapshots more often"
                    );
                    METRICS.gone.with_label_values(&[M::NAME]).inc_by(start.saturating_sub(wanted));
                    let gone = M::INPUTS.iter().find(|t| t.suffix() == topic);
                    let Some(gone) = gone.filter(|t| partition.next(**t) < start) else {
                        return Err(Ended::new("state", format!("{topic}: offset {wanted} is gone")));
                    };
                    partition.skip_to(*gone, start);
                }
                Err(error) => return Err(Ended::new("fatal", error)),
            }
        }
        self.partitions.insert(partition.number, partition);
        Ok(())
    }
}
