//! One size, in a process of its own: quiet customers first, then loads on top of them.
use crate::customers::{DAY_MS, START_MS};
use crate::disk::{self, Taken};
use crate::log::{GeneratedLog, Said};
use crate::measure;
use crate::tape::{LIVED_DAYS, Section, Spread, Tape};
use anyhow::{Context, ensure};
use c360_engine::{Engine, EngineConfig, NoEffects, Running};
use c360_log::{Clock, ClockSpec, Log};
use c360_processor::{Aggregate, AggregateConfig, MetricsShell, Resolve, ResolveConfig};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As the embedded log has them by default.
const PARTITIONS: u64 = 4;
const HOUR_MS: i64 = 3_600_000;
/// `engine.memory_mb` by default: half of it for the storage, half for decoded rows, an eighth of that for links.
const STORAGE_BYTES: usize = 256 << 20;
const RESOLVE_SHARE: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Nothing may stand still for so long.
const PATIENCE: Duration = Duration::from_secs(300);
/// The background is idle when it takes less than this part of a CPU for so long.
const IDLE_SHARE: f64 = 0.05;
const IDLE_FOR: Duration = Duration::from_millis(1_500);

/// How quiet customers became so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
pub enum Past {
    /// Their history was imported, and ended more than 90 days ago.
    Imported,
    /// They were live customers, and fell silent: 120 days are lived through, alerts and all.
    Lived,
}

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub customers: u64,
    pub past: Past,
    /// Of each load.
    pub events: u64,
    /// Customers that send the first load.
    pub busy: u64,
}

/// What a stretch cost.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    pub records: u64,
    /// Without the making of the records.
    pub cpu_s: f64,
    pub wall_s: f64,
    /// What other work there was on the machine meanwhile.
    pub other_cpu_s: f64,
    pub timers: u64,
    pub profiles: u64,
    pub profile_bytes: u64,
    pub alerts: u64,
}

/// What a size came to.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    pub customers: u64,
    pub past: Past,
    /// Writing the quiet ones.
    pub beginning: Cost,
    /// Until they are quiet: marks of their messages go, what time alone changes comes to its end.
    pub silence: Cost,
    pub aggregate: Taken,
    pub resolve: Taken,
    /// What a busy customer takes on disk beyond what it took while it was quiet, marks of its message ids included.
    pub busy_bytes: f64,
    pub busy: Cost,
    pub skewed: Cost,
    pub even: Cost,
    pub peak_mib: f64,
}

impl Outcome {
    /// Bytes on disk of a quiet customer.
    pub fn quiet_bytes(&self) -> f64 {
        (self.aggregate.compacted_bytes + self.resolve.compacted_bytes) as f64 / self.customers as f64
    }
}

/// Runs one size with its state under `dir`, which is emptied.
///
/// # Errors
/// Where the engine stands still, or the disk does not do.
pub fn run(plan: &Plan, dir: &Path) -> anyhow::Result<Outcome> {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir)?;
    let (tape, ends) = tape(plan);
    let log = GeneratedLog::new(tape);
    let mut stage = Stage { log: log.clone(), dir, bar: bar(&log)? };
    let mut machines = stage.start()?;
    let beginning = stage.through(ends[0])?;
    let silence = stage.through(ends[1])?;
    drop(machines);
    let state = dir.join("state");
    let measure = |machine| disk::measure(&state, machine, &dir.join("compacted"));
    let (aggregate, resolve) = (measure("aggregate")?, measure("resolve")?);
    machines = stage.start()?;
    let busy = stage.through(ends[2])?;
    drop(machines);
    let grown = (measure("aggregate")?.compacted_bytes + measure("resolve")?.compacted_bytes)
        .saturating_sub(aggregate.compacted_bytes + resolve.compacted_bytes);
    machines = stage.start()?;
    let (skewed, even) = (stage.through(ends[3])?, stage.through(ends[4])?);
    drop(machines);
    stage.bar.finish_and_clear();
    std::fs::remove_dir_all(dir)?;
    let customers = log.tape().customers;
    let peak_mib = measure::peak_mib();
    let busy_bytes = grown as f64 / plan.busy.min(customers).max(1) as f64;
    Ok(Outcome { customers, past: plan.past, beginning, silence, aggregate, resolve, busy_bytes, busy, skewed, even, peak_mib })
}

/// The log's contents, and the ends of its stretches: beginning, silence, three loads, each with the score that comes after an hour.
fn tape(plan: &Plan) -> (Tape, Vec<u64>) {
    use c360_schemas::Topic::Events;
    let mut tape = Tape::new(PARTITIONS, plan.customers);
    let mut ends = Vec::new();
    let (first, days, born) = match plan.past {
        Past::Imported => (Section::Imported, 10, START_MS),
        Past::Lived => (Section::Lived, 120, START_MS + LIVED_DAYS * DAY_MS),
    };
    tape.push(first);
    ends.push(tape.end(Events));
    // The score that was put off comes after an hour; then days pass.
    tape.push(Section::Silence { from: born + 2 * HOUR_MS, every_ms: 4 * HOUR_MS, ticks: days * 6 });
    ends.push(tape.end(Events));
    let mut from = born + (days as i64 + 1) * DAY_MS + HOUR_MS;
    for spread in [Spread::Busy(plan.busy), Spread::Skewed, Spread::Even] {
        tape.push(Section::Load { from, events: plan.events, spread });
        from += (plan.events / PARTITIONS) as i64 + 2 * HOUR_MS;
        tape.push(Section::Silence { from, every_ms: 1, ticks: 1 });
        ends.push(tape.end(Events));
    }
    (tape, ends)
}

fn bar(log: &GeneratedLog) -> anyhow::Result<ProgressBar> {
    let records = [c360_schemas::Topic::Events, c360_schemas::Topic::Unresolved].map(|topic| log.tape().end(topic) * PARTITIONS);
    let style = ProgressStyle::with_template("{msg} {bar:40} {human_pos} of {human_len} records, {elapsed}")?;
    Ok(ProgressBar::new(records.iter().sum()).with_style(style).with_message(format!("{} customers", log.tape().customers)))
}

struct Stage<'a> {
    log: GeneratedLog,
    dir: &'a Path,
    bar: ProgressBar,
}

/// A look at all that adds up.
struct Look {
    records: u64,
    cpu_s: f64,
    making_s: f64,
    machine_s: f64,
    said: Said,
    at: Instant,
}

impl Stage<'_> {
    /// The processor's machines as `c360 process` starts them.
    fn start(&self) -> anyhow::Result<[Running; 2]> {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let config = EngineConfig {
            workers: cores.min(PARTITIONS as u32),
            memory_bytes: STORAGE_BYTES,
            ..EngineConfig::new(self.dir.join("state"), "growth".into())
        };
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        // It stands before all records: time is theirs alone.
        let clock = Clock::manual(ClockSpec { start: START_MS - DAY_MS, rate: 0.0 });
        let engine = Engine::new(log, clock, config, None);
        let rows_bytes = STORAGE_BYTES / PARTITIONS as usize;
        let resolve = ResolveConfig { cache_bytes: rows_bytes / RESOLVE_SHARE, ..ResolveConfig::default() };
        let aggregate = AggregateConfig { cache_bytes: rows_bytes - resolve.cache_bytes, ..AggregateConfig::default() };
        Ok([
            engine.start(move || Resolve::new(resolve.clone()), Arc::new(NoEffects))?,
            engine.start(move || Aggregate::new(aggregate.clone()), Arc::new(MetricsShell::new()))?,
        ])
    }

    fn look(&self) -> Look {
        Look {
            records: self.log.done().0,
            cpu_s: measure::own_s(),
            making_s: self.log.making_s(),
            machine_s: measure::machine_s(),
            said: self.log.said(),
            at: Instant::now(),
        }
    }

    /// Goes on to `end`, and waits until rows are written and compacted as far as the storage finds it worth while.
    fn through(&mut self, end: u64) -> anyhow::Result<Cost> {
        let before = self.look();
        self.log.open_until(end);
        let (mut last, mut moved_at) = (0, Instant::now());
        loop {
            let (done, whole) = self.log.done();
            self.bar.set_position(done);
            if done == whole {
                break;
            }
            let seen = done + self.log.said().timers;
            if seen != last {
                (last, moved_at) = (seen, Instant::now());
            }
            ensure!(moved_at.elapsed() < PATIENCE, "nothing moves any more at {done} of {whole} records");
            std::thread::sleep(LOOK_EVERY);
        }
        let wall_s = before.at.elapsed().as_secs_f64();
        self.settle();
        let after = self.look();
        let cpu_s = after.cpu_s - before.cpu_s;
        Ok(Cost {
            records: after.records - before.records,
            cpu_s: cpu_s - (after.making_s - before.making_s),
            wall_s,
            other_cpu_s: after.machine_s - before.machine_s - cpu_s,
            timers: after.said.timers - before.said.timers,
            profiles: after.said.profiles - before.said.profiles,
            profile_bytes: after.said.profile_bytes - before.said.profile_bytes,
            alerts: after.said.alerts - before.said.alerts,
        })
    }

    fn settle(&self) {
        loop {
            let before = measure::own_s();
            std::thread::sleep(IDLE_FOR);
            if measure::own_s() - before < IDLE_SHARE * IDLE_FOR.as_secs_f64() {
                return;
            }
        }
    }
}

/// The outcome of a run in another process.
///
/// # Errors
/// Where it fails.
pub fn in_a_process(plan: &Plan, dir: &Path) -> anyhow::Result<Outcome> {
    let past = if plan.past == Past::Imported { "imported" } else { "lived" };
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(["one", "--customers", &plan.customers.to_string(), "--past", past])
        .args(["--events", &plan.events.to_string(), "--busy", &plan.busy.to_string(), "--dir"])
        .arg(dir)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{} customers: {}", plan.customers, output.status);
    serde_json::from_slice(&output.stdout).context("the run did not say what it came to")
}
