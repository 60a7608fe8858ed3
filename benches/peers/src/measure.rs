//! One processor's run over the events, as a process of its own: from its start until its group has committed everything.
use crate::cpu;
use anyhow::{Context, bail};
use c360_log::Log;
use c360_schemas::Topic;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(50);
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What is known of one run.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Measured {
    pub events: u64,
    pub wall_s: f64,
    /// Of the processor's process, its start included.
    pub cpu_s: f64,
    /// The second half of the events alone: a start and a warming up are over by then.
    pub second_half_events: u64,
    pub second_half_cpu_s: f64,
    pub second_half_wall_s: f64,
    pub broker_cpu_s: f64,
    /// What other work there was on the machine meanwhile.
    pub other_cpu_s: f64,
    pub peak_mb: f64,
    /// What it said, as a reader of committed records sees it.
    pub alerts: Option<u64>,
    pub state_mb: f64,
}

/// What is watched.
pub struct Watch<'a> {
    pub log: &'a dyn Log,
    /// Consumer group, without the prefix.
    pub group: &'a str,
    /// Where it has to come to, in each partition.
    pub ends: &'a [u64],
    pub broker_pid: u32,
    pub patience: Duration,
}

/// A process that is stopped when this is dropped.
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// Starts `command`; what it prints goes to the file `output`.
    pub fn start(mut command: Command, output: &Path) -> anyhow::Result<Self> {
        let file = File::create(output)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        Ok(Self { child: child.with_context(|| format!("{command:?}"))?, output: output.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and SIGKILL where that is not heard.
    pub fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let since = Instant::now();
        while since.elapsed() < STOP_PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// One look at the run.
#[derive(Clone, Copy)]
struct Look {
    done: u64,
    wall_s: f64,
    cpu_s: f64,
}

impl Watch<'_> {
    /// Starts the processor and follows it to the end; it is left running.
    ///
    /// # Errors
    /// Where it ends before that, or does not come to it in time.
    pub fn run(&self, command: Command, output: &Path) -> anyhow::Result<(Running, Measured)> {
        let broker_before = cpu::of_s(self.broker_pid).context("the broker is gone")?;
        let (machine_before, own_before, since) = (cpu::machine_s(), cpu::own_s(), Instant::now());
        let running = Running::start(command, output)?;
        let (half, last) = self.follow(&running, since)?;
        let peak_mb = cpu::peak_mb(running.pid()).unwrap_or(f64::NAN);
        let broker_cpu_s = cpu::of_s(self.broker_pid).unwrap_or(f64::NAN) - broker_before;
        let ours = last.cpu_s + broker_cpu_s + cpu::own_s() - own_before;
        let measured = Measured {
            events: last.done,
            wall_s: last.wall_s,
            cpu_s: last.cpu_s,
            second_half_events: last.done - half.done,
            second_half_cpu_s: last.cpu_s - half.cpu_s,
            second_half_wall_s: last.wall_s - half.wall_s,
            broker_cpu_s,
            other_cpu_s: cpu::machine_s() - machine_before - ours,
            peak_mb,
            ..Measured::default()
        };
        Ok((running, measured))
    }

    /// The first look past half of it, and the one at the end.
    fn follow(&self, running: &Running, since: Instant) -> anyhow::Result<(Look, Look)> {
        let total: u64 = self.ends.iter().sum();
        let mut half = None;
        loop {
            let Some(cpu_s) = cpu::of_s(running.pid()) else { bail!("it ended: see {}", running.output.display()) };
            let look = Look { done: self.done()?, wall_s: since.elapsed().as_secs_f64(), cpu_s };
            if look.done * 2 >= total && half.is_none() {
                half = Some(look);
            }
            if look.done >= total {
                // The last commit came before it was seen: what was used since is what was used for it.
                let cpu_s = cpu::of_s(running.pid()).unwrap_or(look.cpu_s);
                return Ok((half.unwrap_or(look), Look { cpu_s, ..look }));
            }
            if since.elapsed() > self.patience {
                bail!("it came to {} of {total} events in {:?}: see {}", look.done, self.patience, running.output.display());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn done(&self) -> anyhow::Result<u64> {
        let committed = self.log.committed(self.group, Topic::Events)?;
        Ok(committed.iter().zip(self.ends).map(|(next, end)| next.unwrap_or(0).min(*end)).sum())
    }
}

/// Records of a topic, as a reader of committed ones sees them.
pub fn count(log: &dyn Log, topic: Topic) -> anyhow::Result<u64> {
    let bounds = log.bounds(topic)?;
    let mut reader = log.reader(&[topic], &[])?;
    let mut records = 0;
    while (0..).zip(&bounds).any(|(partition, bounds)| reader.position(topic, partition) < bounds.end) {
        records += reader.poll(Duration::from_millis(100), 10_000, &mut |_| ())? as u64;
    }
    Ok(records)
}

/// MB under a folder.
pub fn folder_mb(dir: &Path) -> f64 {
    fn bytes(dir: &Path) -> u64 {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().map_or(0, |m| m.len()) }).sum()
    }
    bytes(dir) as f64 / 1e6
}
