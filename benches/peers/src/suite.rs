//! The runs of all parts, one after the other, in rounds, so that what else goes on in the machine meets all of them alike.
use crate::consume::Consumed;
use crate::cpu;
use crate::fill::fill;
use crate::installation::{Installation, Times};
use crate::measure::{Measured, Watch, count, folder_mb};
use crate::report::Report;
use anyhow::{Context, ensure};
use c360_log::Clock;
use c360_schemas::Topic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Part {
    /// A loop that reads and does not decode.
    Read,
    /// A loop that reads and decodes.
    Decode,
    /// c360's engine with the rule of Kafka Streams' arm A as its machine.
    Engine,
    /// `c360 process`, the product.
    Product,
    /// Kafka Streams, Processor API: one packed row an account.
    StreamsA,
    /// Kafka Streams, DSL: four hopping windows.
    StreamsB,
}

impl Part {
    pub fn label(self) -> &'static str {
        match self {
            Part::Read => "read",
            Part::Decode => "read and decode",
            Part::Engine => "c360's engine, arm A's rule",
            Part::Product => "c360 process",
            Part::StreamsA => "Kafka Streams, arm A",
            Part::StreamsB => "Kafka Streams, arm B",
        }
    }
}

/// How it is run.
pub struct Suite {
    pub broker_pid: u32,
    /// For states and outputs of the processes.
    pub dir: PathBuf,
    /// The binary `c360`.
    pub c360: PathBuf,
    /// Class path of the Kafka Streams processors.
    pub streams: Option<String>,
    pub patience: Duration,
    pub large: Installation,
    /// For arm B: as many events an account, fewer accounts.
    pub small: Installation,
}

impl Suite {
    /// Runs each of `parts` `rounds` times.
    ///
    /// # Errors
    /// Where one does not come to its end, or arm A's rule finds different alerts on the two engines.
    pub fn run(&self, parts: &[Part], rounds: usize, report: &mut Report) -> anyhow::Result<()> {
        for round in 0..rounds {
            for part in parts {
                let measured = match part {
                    Part::Read | Part::Decode => self.loop_over(*part),
                    _ => self.process(*part, round),
                };
                report.add(*part, measured.with_context(|| part.label())?)?;
            }
        }
        let (ours, theirs) = (report.alerts(Part::Engine), report.alerts(Part::StreamsA));
        ensure!(
            ours.is_empty() || theirs.is_empty() || ours == theirs,
            "arm A's rule found {theirs:?} alerts, and {ours:?} on c360's engine"
        );
        Ok(())
    }

    fn installation(&self, part: Part) -> &Installation {
        if part == Part::StreamsB { &self.small } else { &self.large }
    }

    fn loop_over(&self, part: Part) -> anyhow::Result<Measured> {
        let installation = self.installation(part);
        fill(installation)?;
        let broker_before = cpu::of_s(self.broker_pid).context("the broker is gone")?;
        let machine_before = cpu::machine_s();
        let since = Instant::now();
        let mut command = self.ourselves(installation, "consume")?;
        if part == Part::Decode {
            command.arg("--decode");
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let consumed: Consumed = serde_json::from_slice(&output.stdout)?;
        let broker_cpu_s = cpu::of_s(self.broker_pid).unwrap_or(f64::NAN) - broker_before;
        tracing::debug!(?consumed, whole_s = since.elapsed().as_secs_f64(), "consumed");
        Ok(Measured {
            events: consumed.records,
            wall_s: consumed.wall_s,
            cpu_s: consumed.cpu_s,
            broker_cpu_s,
            other_cpu_s: cpu::machine_s() - machine_before - consumed.cpu_s - broker_cpu_s,
            ..Measured::default()
        })
    }

    fn process(&self, part: Part, round: usize) -> anyhow::Result<Measured> {
        let installation = self.installation(part);
        fill(installation)?;
        let group = match part {
            Part::Engine => "arm-a".to_owned(),
            Part::Product => "aggregate".to_owned(),
            _ => format!("streams-{}-{round}", std::process::id()),
        };
        for group in [group.as_str(), "resolve"] {
            installation.forget_group(group)?;
        }
        installation.clear()?;
        let log = installation.connect(installation.clock())?;
        let ends = installation.filled(&*log)?.context("the topic is empty")?;
        let work = self.dir.join("work");
        let _ = std::fs::remove_dir_all(&work);
        std::fs::create_dir_all(&work)?;
        let command = self.command(part, installation, &group, &work)?;
        let watch = Watch { log: &*log, group: &group, ends: &ends, broker_pid: self.broker_pid, patience: self.patience };
        let (mut running, mut measured) = watch.run(command, &self.dir.join(format!("{part:?}.log").to_lowercase()))?;
        running.stop();
        measured.alerts = Some(count(&*log, Topic::Alerts)?);
        measured.state_mb = folder_mb(&work);
        drop(log);
        installation.clear()?;
        std::fs::remove_dir_all(&work)?;
        Ok(measured)
    }

    fn command(&self, part: Part, installation: &Installation, group: &str, work: &Path) -> anyhow::Result<Command> {
        match part {
            Part::Engine => {
                let mut command = self.ourselves(installation, "engine")?;
                command.arg("--state").arg(work);
                Ok(command)
            }
            Part::Product => Ok(self.product(installation, work)),
            _ => self.streams(part, installation, group, work),
        }
    }

    /// This program, as another process.
    fn ourselves(&self, installation: &Installation, command: &str) -> anyhow::Result<Command> {
        let mut ourselves = Command::new(std::env::current_exe()?);
        let drawing = installation.drawing;
        ourselves
            .arg(command)
            .args(["--brokers", &installation.brokers])
            .args(["--events", &drawing.events.to_string(), "--accounts", &drawing.accounts.to_string()])
            .args(["--skew", &drawing.skew.to_string(), "--seed", &drawing.seed.to_string()])
            .args(["--end-ms", &drawing.end_ms.to_string()])
            .args(["--times", if installation.times == Times::Append { "append" } else { "event" }]);
        Ok(ourselves)
    }

    fn product(&self, installation: &Installation, work: &Path) -> Command {
        let mut command = Command::new(&self.c360);
        command
            .args(["process", "--kafka", &installation.brokers, "--topic-prefix", &installation.prefix(), "--data"])
            .arg(work)
            .args(["--admin-listen", "127.0.0.1:0"])
            .env("C360_LOG", std::env::var("C360_LOG").unwrap_or_else(|_| "warn".into()));
        if installation.times == Times::Event {
            // It stands where the events end; the partitions' time goes with the records.
            let end = jiff::Timestamp::from_millisecond(installation.drawing.end_ms).unwrap_or_default();
            command.args(["--clock", &format!("{end}@1")]);
        }
        command
    }

    fn streams(&self, part: Part, installation: &Installation, group: &str, work: &Path) -> anyhow::Result<Command> {
        let classes = self.streams.as_ref().context("--streams CLASSPATH is needed")?;
        let heap = std::env::var("STREAMS_HEAP").unwrap_or_else(|_| "2g".into());
        let prefix = installation.prefix();
        let mut command = Command::new("java");
        command
            .args([&format!("-Xms{heap}"), &format!("-Xmx{heap}"), "-XX:+UseParallelGC"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .args(["-Dorg.slf4j.simpleLogger.log.org.apache.kafka.streams.kstream.internals.KStreamWindowAggregate=error"])
            .arg(format!("-Darm={}", if part == Part::StreamsA { "a" } else { "b" }))
            .arg(format!("-Dbootstrap={}", installation.brokers))
            .arg(format!("-Dapp={prefix}{group}"))
            .arg(format!("-Dstate={}", work.display()))
            .arg(format!("-Din={}", Topic::Events.name(&prefix)))
            .arg(format!("-Dout={}", Topic::Alerts.name(&prefix)))
            .args(std::env::var("STREAMS_OPTIONS").unwrap_or_default().split_whitespace())
            .args(["-cp", classes, "c360.peers.Main"]);
        Ok(command)
    }
}

/// A clock for whoever only looks at an installation.
pub fn today_ms() -> i64 {
    Clock::real_ms() / crate::draw::DAY_MS * crate::draw::DAY_MS
}
