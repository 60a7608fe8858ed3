//! One run: what comes in, who steps next, what goes wrong, and how everything comes to rest.
use crate::mischief::{LogFaults, Mischief};
use crate::process::{Process, Shared};
use crate::receiver::Receiver;
use crate::scenario::{PARTITIONS, PROCESSES, Scenario, Trouble, stream};
use crate::traffic::Incoming;
use c360_engine::{EngineConfig, Machine};
use c360_log::simulated::{Faultless, SimulatedLog};
use c360_log::{Batch, Clock, ClockSpec, Log};
use c360_processor::{Aggregate, AggregateConfig, Resolve};
use c360_schemas::Topic;
use c360_sink::{Deliver, Kind, Match, Routes, Target};
use futures::executor::block_on;
use rand::Rng;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A Monday, 09:00 UTC.
const START: i64 = 20_605 * 86_400_000 + 9 * 3_600_000;
/// All jumps of time together stay below this, so that a repeated message id is still known (7 days) and no window runs empty.
const JUMPS_MS_MAX: i64 = 5 * 86_400_000;
/// Rounds after which a run that does not come to rest never will.
const ROUNDS_MAX: usize = 3_000;
/// Rounds without work after which it is at rest.
const QUIET_ROUNDS: usize = 4;

pub(crate) struct World {
    pub(crate) shared: Shared,
    pub(crate) processes: Vec<Process>,
    waiting: VecDeque<Waiting>,
    /// Records that the log has, acknowledged or not, in order.
    pub(crate) written: Vec<Incoming>,
    /// Records that the log acknowledged.
    pub(crate) acknowledged: Vec<Incoming>,
    jumped: i64,
}

/// Something that is to come in.
enum Waiting {
    Planned(crate::traffic::Planned),
    /// It was sent before, and not acknowledged.
    Again(Incoming),
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut rng = stream(scenario.seed, 2);
        let clock = Clock::manual(ClockSpec { start: START, rate: 0.0 });
        let mischief = Arc::new(Mischief::new(scenario));
        let log = SimulatedLog::new(PARTITIONS, clock.clone());
        log.misbehave(Box::new(LogFaults(Arc::clone(&mischief))));
        let config = EngineConfig {
            batch_records_max: rng.random_range(1..12),
            batch_timers_max: rng.random_range(1..4),
            poll_wait: Duration::ZERO,
            write_every: Duration::from_millis(rng.random_range(0..2_000)),
            patience_behind: Duration::from_secs(3),
            write_records_max: rng.random_range(1..60),
            flush_every: Duration::from_secs(5),
            flush_records: rng.random_range(1..100),
            snapshot_every: None,
            ..EngineConfig::new("/nowhere".into(), String::new())
        };
        let aggregate = AggregateConfig {
            cache_bytes: if rng.random() { 0 } else { 1 << 20 },
            profiles_max: rng.random_range(1..5),
            ..AggregateConfig::default()
        };
        let routes = Routes::new(&[target("everyone"), target("again")]);
        let receiver = Arc::new(Receiver::default());
        let monotonic = Arc::new(AtomicU64::new(0));
        let shared = Shared { log, clock, monotonic, mischief, receiver, routes, config, aggregate };
        let mut processes: Vec<Process> = (0..PROCESSES).map(|number| Process::new(number, &shared)).collect();
        processes.iter_mut().for_each(|process| process.start(&shared));
        let waiting = scenario.events.iter().cloned().map(Waiting::Planned).collect();
        Self { shared, processes, waiting, written: Vec::new(), acknowledged: Vec::new(), jumped: 0 }
    }

    /// Runs it to rest. An error where it does not come to rest.
    pub(crate) fn run(&mut self, scenario: &Scenario) -> Result<(), String> {
        let mut rng = stream(scenario.seed, 3);
        for _ in 0..scenario.steps {
            let process = rng.random_range(0..PROCESSES);
            let which = rng.random_range(0..4);
            match rng.random_range(0..100) {
                0..70 => {
                    self.processes[process].step(which, &self.shared);
                }
                70..85 => self.take_in(),
                85..93 => self.pass_time(rng.random_range(1..400)),
                _ => self.trouble(process),
            }
        }
        self.put_right();
        self.rest()
    }

    /// The next record comes in; where it is not acknowledged it comes again later.
    fn take_in(&mut self) {
        let Some(next) = self.waiting.pop_front() else { return };
        let record = match next {
            Waiting::Planned(planned) => planned.record(self.shared.clock.now_ms()),
            Waiting::Again(record) => record,
        };
        let mut batch = Batch::default();
        batch.push(record.topic, |key| key.extend_from_slice(&record.key), |value| value.extend_from_slice(&record.value));
        let acknowledged = block_on(self.shared.log.append(batch)).is_ok();
        if self.shared.mischief.written.load(Ordering::Relaxed) > 0 || acknowledged {
            self.written.push(record.clone());
        }
        if acknowledged {
            self.acknowledged.push(record);
        } else {
            let place = self.shared.mischief.below(self.waiting.len() + 1);
            self.waiting.insert(place, Waiting::Again(record));
        }
    }

    fn pass_time(&mut self, ms: i64) {
        self.shared.clock.advance(ms);
        self.shared.monotonic.fetch_add(ms.unsigned_abs(), Ordering::Relaxed);
    }

    fn trouble(&mut self, number: usize) {
        let mischief = Arc::clone(&self.shared.mischief);
        let process = &mut self.processes[number];
        let down = process.running.is_none();
        if down && mischief.below(2) == 0 {
            mischief.tell(format!("process {number} starts"));
            process.start(&self.shared);
        } else if process.stalled {
            mischief.tell(format!("process {number} goes on"));
            process.stalled = false;
        } else if mischief.comes(Trouble::Crash, 1, 4) {
            mischief.tell(format!("process {number} is killed"));
            process.die();
        } else if mischief.comes(Trouble::Stall, 1, 4) {
            mischief.tell(format!("process {number} stands still"));
            process.stalled = true;
            self.expel(number, usize::MAX);
        } else if mischief.comes(Trouble::Move, 1, 4) {
            mischief.tell(format!("process {number} stops"));
            process.stop(&self.shared);
            self.expel(number, usize::MAX);
        } else if mischief.comes(Trouble::Expel, 1, 4) {
            self.expel(number, mischief.below(3));
        } else if mischief.comes(Trouble::Time, 1, 3) {
            let jump = (mischief.below(26) as i64 + 1) * 3_600_000;
            if self.jumped + jump < JUMPS_MS_MAX {
                mischief.tell(format!("{} hours go by", jump / 3_600_000));
                self.jumped += jump;
                self.pass_time(jump);
            }
        } else {
            self.shared.log.deliver_late();
        }
    }

    /// The brokers take a process for dead, all of its members or one.
    fn expel(&self, number: usize, which: usize) {
        let instance = self.processes[number].instance();
        for (index, group) in [Resolve::NAME, Aggregate::NAME, Deliver::NAME].into_iter().enumerate() {
            if which == usize::MAX || which == index {
                self.shared.mischief.tell(format!("process {number} loses its seat in {group}"));
                self.shared.log.expel(group, &instance);
            }
        }
    }

    /// Everything works again.
    fn put_right(&mut self) {
        self.shared.log.deliver_late();
        self.shared.mischief.end();
        self.shared.log.misbehave(Box::new(Faultless));
        for process in &mut self.processes {
            process.stalled = false;
            if process.running.is_none() {
                process.start(&self.shared);
            }
        }
    }

    /// Goes on until nobody has anything to do.
    fn rest(&mut self) -> Result<(), String> {
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let mut busy = !self.waiting.is_empty();
            self.take_in();
            for process in &mut self.processes {
                for which in 0..4 {
                    busy |= process.step(which, &self.shared);
                }
            }
            self.pass_time(1);
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet >= QUIET_ROUNDS {
                return self.all_is_consumed();
            }
        }
        Err("it did not come to rest".into())
    }

    fn all_is_consumed(&mut self) -> Result<(), String> {
        for process in &mut self.processes {
            process.stop(&self.shared);
        }
        for (group, topics) in [(Resolve::NAME, Resolve::INPUTS), (Aggregate::NAME, Aggregate::INPUTS), (Deliver::NAME, Deliver::INPUTS)] {
            for &topic in topics {
                let committed = self.shared.log.committed(group, topic).map_err(|error| error.to_string())?;
                let ends = self.shared.log.bounds(topic).map_err(|error| error.to_string())?;
                for (partition, (next, bounds)) in committed.into_iter().zip(ends).enumerate() {
                    if next.unwrap_or(0) != bounds.end {
                        return Err(format!("{group} is at {next:?} of {}/{partition}, which ends at {}", topic.suffix(), bounds.end));
                    }
                }
            }
        }
        Ok(())
    }

    /// The records of a topic, by partition.
    pub(crate) fn records(&self, topic: Topic) -> Vec<Vec<Record>> {
        let mut records: Vec<Vec<Record>> = (0..PARTITIONS).map(|_| Vec::new()).collect();
        let Ok(mut reader) = self.shared.log.reader(&[topic], &[]) else { return records };
        let _ = reader.poll(Duration::ZERO, usize::MAX, &mut |r| {
            let record = Record { at: r.recorded_at, topic, offset: r.offset, key: r.key.to_vec(), value: r.value.to_vec() };
            records[r.partition as usize].push(record);
        });
        records
    }
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) at: i64,
    pub(crate) topic: Topic,
    pub(crate) offset: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

fn target(name: &str) -> Target {
    let url = "http://receiver.invalid/".parse().unwrap_or_else(|_| unreachable!("a url"));
    Target { name: name.into(), kind: Kind::Webhook, url, keys: Vec::new(), only: Match::default() }
}
