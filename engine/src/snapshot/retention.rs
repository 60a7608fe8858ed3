//! What the log must keep: what comes after the oldest snapshot that may be restored.
//!
//! The embedded log is told, and keeps it. On Kafka retention is the broker's: it is looked at, and where it is too short that is said, with what to do.
use super::catalog::Catalog;
use super::layout::Place;
use super::observe;
use c360_log::{Keeps, Log};
use c360_schemas::Topic;
use std::time::Duration;

/// A topic keeps its records at least so many times as long as the interval between snapshots.
const INTERVALS: u32 = 2;

/// What a partition of a machine needs of the log.
pub(super) struct Retention {
    machine: String,
    partition: u32,
    /// For each input, the next offset of the oldest good snapshot, and of the newest.
    needs: Vec<(Topic, u64, u64)>,
    every: Duration,
}

impl Retention {
    pub(super) fn of(place: &Place, inputs: &[Topic], catalog: &Catalog, every: Duration) -> Self {
        let oldest = |topic: Topic| catalog.good().map(|manifest| manifest.next(topic)).min().unwrap_or(0);
        let newest = |topic: Topic| catalog.good().map(|manifest| manifest.next(topic)).max().unwrap_or(0);
        let needs = inputs.iter().map(|topic| (*topic, oldest(*topic), newest(*topic))).collect();
        Self { machine: place.machine.clone(), partition: place.partition, needs, every }
    }

    /// Tells the log, or looks at what it does by itself.
    pub(super) fn tell(&self, log: &dyn Log) {
        for (topic, oldest, newest) in &self.needs {
            log.keep_from(&self.machine, *topic, self.partition, *oldest);
            match self.trouble(log, *topic, *newest) {
                Ok(trouble) => {
                    observe::retention_short(&self.machine, *topic, self.partition, trouble.is_some());
                    if let Some(trouble) = trouble {
                        let topic = topic.suffix();
                        tracing::error!(machine = self.machine, partition = self.partition, topic, "{trouble}");
                    }
                }
                Err(error) => tracing::warn!(topic = topic.suffix(), %error, "the log's retention could not be looked at"),
            }
        }
    }

    fn trouble(&self, log: &dyn Log, topic: Topic, newest: u64) -> Result<Option<String>, c360_log::LogError> {
        let Keeps::ByItself { ms, .. } = log.keeps(topic)? else { return Ok(None) };
        let start = log.bounds(topic)?.get(self.partition as usize).map_or(0, |bounds| bounds.start);
        Ok(too_short(self.every, ms).or_else(|| gap(start, newest)))
    }
}

/// Whether records may go before two snapshots could be taken.
fn too_short(every: Duration, keeps_ms: Option<u64>) -> Option<String> {
    let wanted = every.saturating_mul(INTERVALS);
    let keeps = Duration::from_millis(keeps_ms?);
    (keeps < wanted).then(|| {
        let wanted_ms = wanted.as_millis();
        format!(
            "the topic keeps its records for {keeps:?}, and snapshots are taken each {every:?}: a restore may lack records. \
             Set the topic's retention.ms to {wanted_ms} at least, or engine.snapshots.every_s lower"
        )
    })
}

/// Whether records went already that the newest snapshot has not got. Without a snapshot that is for the start to say.
fn gap(start: u64, newest: u64) -> Option<String> {
    (newest > 0 && start > newest).then(|| {
        format!(
            "the topic's first record is {start}, and the newest snapshot is at {newest}: a restore would lack what is between. \
             Raise the topic's retention, and take a snapshot now with `c360 snapshot create`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_covers_two_intervals_and_what_the_newest_snapshot_lacks() {
        let every = Duration::from_secs(600);
        assert_eq!(too_short(every, None), None, "for ever");
        assert_eq!(too_short(every, Some(1_200_000)), None);
        assert!(too_short(every, Some(1_199_999)).unwrap().contains("retention.ms to 1200000"));
        assert_eq!((gap(10, 10), gap(0, 0), gap(5, 0)), (None, None, None));
        assert!(gap(11, 10).unwrap().contains("first record is 11"));
    }
}
