//! One installation's topics for one drawing: made by c360 itself, filled once, and cleared of everything but the events between runs.
use crate::draw::{DAY_MS, DAYS, Drawing};
use anyhow::{Context, bail};
use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Clock, ClockSpec, Log};
use c360_schemas::Topic;
use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the records' timestamps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Times {
    /// The broker's, when they are appended: the events are a history that comes late, as after an import or an outage.
    Append,
    /// When they came in the time that they tell of: whoever goes by the log's time lives through 120 days.
    Event,
}

/// Topics of their own for one drawing.
#[derive(Clone, Debug)]
pub struct Installation {
    pub brokers: String,
    pub times: Times,
    pub drawing: Drawing,
}

impl Installation {
    /// Says what is drawn, so that another drawing finds topics of its own.
    pub fn prefix(&self) -> String {
        let Drawing { events, accounts, skew, seed, end_ms } = self.drawing;
        let times = if self.times == Times::Append { "append" } else { "event" };
        format!("peers.{events}x{accounts}.z{}.s{seed}.d{}.{times}.", (skew * 100.0) as u32, end_ms / DAY_MS)
    }

    /// A clock that stands where the events begin; `None` where the machine's time is the log's.
    pub fn clock(&self) -> Clock {
        match self.times {
            Times::Append => Clock::real(),
            Times::Event => Clock::manual(ClockSpec { start: self.drawing.end_ms - DAYS * DAY_MS, rate: 0.0 }),
        }
    }

    /// The log, with the topics that are not there made.
    pub fn connect(&self, clock: Clock) -> anyhow::Result<Arc<KafkaLog>> {
        let config = KafkaConfig { brokers: self.brokers.clone(), topic_prefix: self.prefix(), ..KafkaConfig::default() };
        Ok(KafkaLog::connect(config, clock)?)
    }

    /// The ends of the events' partitions, without what a processor appended: how many there are in each.
    pub fn filled(&self, log: &dyn Log) -> anyhow::Result<Option<Vec<u64>>> {
        let ends: Vec<u64> = log.bounds(Topic::Events)?.iter().map(|bounds| bounds.end).collect();
        match ends.iter().sum::<u64>() {
            0 => Ok(None),
            have if have < self.drawing.events => bail!("{}events holds {have} events: filling it was cut short", self.prefix()),
            _ => Ok(Some(ends)),
        }
    }

    fn admin(&self) -> anyhow::Result<AdminClient<DefaultClientContext>> {
        Ok(ClientConfig::new().set("bootstrap.servers", &self.brokers).create()?)
    }

    /// Deletes this installation's topics but the events, and what other programs keep under its prefix.
    pub fn clear(&self) -> anyhow::Result<()> {
        let (admin, prefix) = (self.admin()?, self.prefix());
        let metadata = admin.inner().fetch_metadata(None, PATIENCE)?;
        let events = Topic::Events.name(&prefix);
        let names: Vec<&str> = metadata
            .topics()
            .iter()
            .map(rdkafka::metadata::MetadataTopic::name)
            .filter(|name| name.starts_with(&prefix) && *name != events)
            .collect();
        if !names.is_empty() {
            for result in block_on(admin.delete_topics(&names, &AdminOptions::new()))? {
                result.map_err(|(name, code)| anyhow::anyhow!("{name} could not be deleted: {code}"))?;
            }
        }
        Ok(())
    }

    /// Forgets how far a group is. A member that has just ended may be missed for the length of its session.
    pub fn forget_group(&self, group: &str) -> anyhow::Result<()> {
        let (admin, name, since) = (self.admin()?, format!("{}{group}", self.prefix()), Instant::now());
        loop {
            let result = block_on(admin.delete_groups(&[&name], &AdminOptions::new()))?.pop().context("no answer to a group's deletion")?;
            match result {
                Ok(_) | Err((_, Code::GroupIdNotFound)) => return Ok(()),
                Err((_, Code::NonEmptyGroup | Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress))
                    if since.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(200));
                }
                Err((name, code)) => bail!("group {name} could not be deleted: {code}"),
            }
        }
    }
}
