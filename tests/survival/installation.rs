//! The processes of one installation: `up` on either log, or a process for each role, two of them processors, on Kafka.
use super::receiver::Receiver;
use crate::common::LogKind;
use crate::common::kafka::{Broker, broker};
use crate::common::server::{Server, Setup, WEBHOOK_SECRET};
use c360_log::embedded::{EmbeddedConfig, EmbeddedLog};
use c360_log::kafka::{KafkaConfig, KafkaLog};
use c360_log::{Clock, ClockSpec, Log};
use c360_processor::AggregateConfig;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A member that is silent for so long loses its partitions.
pub const SESSION_MS: u64 = 2_000;
const START: &str = "2026-03-02T08:00:00Z@0";
/// Of [`START`], UTC ms.
pub const START_MS: i64 = 1_772_438_400_000;
/// Each process on Kafka, and its role.
const ROLES: [(&str, &str); 5] =
    [("ingest", "ingest"), ("process-a", "process"), ("process-b", "process"), ("sink", "sink"), ("console", "console")];

pub struct Installation {
    pub log: LogKind,
    /// Where it has one of its own.
    pub broker: Option<Broker>,
    pub servers: BTreeMap<&'static str, Server>,
    pub receiver: Receiver,
    pub config: AggregateConfig,
    files: TempDir,
    setup: Setup,
    random: StdRng,
}

/// How much processes take at once, and how often their rows go to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As the seed says, and at each start otherwise.
    #[default]
    Seeded,
    /// Rows never go to disk and batches are as large as they get: all that a crash can lose is lost.
    Lazy,
    /// Rows go to disk all the time.
    Eager,
}

/// What differs from the installation that most tests want.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub bug: Option<&'static str>,
    /// The disk of the process of this name.
    pub disk: Option<(&'static str, PathBuf)>,
    pub pace: Pace,
    /// One process with all roles, by a clock of its own, on Kafka too.
    pub whole: bool,
    /// On Kafka, the broker that all tests share: it must not be broken.
    pub shared_broker: bool,
}

impl Installation {
    pub fn start(log: LogKind, seed: u64, wish: &Wish) -> Self {
        let receiver = Receiver::start();
        let mut setup = Setup::up(log)
            .env("C360_WEBHOOK_URL", &receiver.url)
            .env("C360_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("C360_ALLOW_PRIVATE_DESTINATIONS", "true");
        if let Some(bug) = wish.bug {
            setup = setup.env("C360_PLANTED_BUG", bug);
        }
        let own = log == LogKind::Kafka && !wish.shared_broker;
        // It looks for transactions that ran out a hundred times as often as brokers do, also while it is just starting: see deploy/kafka/start.
        let broker = own.then(|| Broker::start(&["transaction.abort.timed.out.transaction.cleanup.interval.ms=100"]));
        setup.broker = broker.as_ref().map(|broker| broker.address.clone());
        let (whole, mut config) = (wish.whole || log == LogKind::Embedded, AggregateConfig::default());
        if whole {
            setup = setup.clock(START);
        } else {
            // Real time: scores are evaluated often, so that timers and ticks come by themselves.
            config.evaluate_every_ms = 1_000;
        }
        let (files, random) = (tempfile::tempdir().unwrap(), StdRng::seed_from_u64(seed));
        let mut this = Self { log, broker, servers: BTreeMap::new(), receiver, config, files, setup, random };
        for (name, role) in if whole { &[("up", "up")] } else { &ROLES[..] } {
            let disk = wish.disk.as_ref().filter(|(of, _)| of == name).map(|(_, disk)| disk.clone());
            let server = this.new_server(name, role, disk, wish.pace);
            this.servers.insert(name, server);
        }
        this
    }

    fn new_server(&mut self, name: &str, role: &'static str, disk: Option<PathBuf>, pace: Pace) -> Server {
        self.tune(name, pace);
        let file = self.file(name);
        let setup = self.setup.clone().role(role).env("C360_CONFIG", file.to_str().unwrap());
        Server::start(Setup { disk, ..setup })
    }

    /// One more process that takes part of the work.
    pub fn guest(&mut self) -> Server {
        self.new_server("guest", "process", None, Pace::Seeded)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}.toml"))
    }

    /// Chooses how the process of this name works from its next start on: how much it takes at once, and how often its rows go to disk.
    pub fn tune(&mut self, name: &str, pace: Pace) {
        let random = &mut self.random;
        let mut pick = |choices: &[u64], eager: usize| match pace {
            Pace::Seeded => choices[random.random_range(0..choices.len())],
            Pace::Lazy => choices[0],
            Pace::Eager => choices[eager],
        };
        let (workers, batch, timers) = (pick(&[2, 1], 0), pick(&[10_000, 200, 20], 0), pick(&[10_000, 3], 0));
        let (flush_s, flush_records, snapshot_s) = (pick(&[3_600, 3, 1], 2), pick(&[200_000, 500], 1), pick(&[0, 2], 1));
        let every = self.config.evaluate_every_ms;
        let text = format!(
            "[engine]\nworkers = {workers}\nbatch_records_max = {batch}\nbatch_timers_max = {timers}\nflush_every_s = {flush_s}\n\
             flush_records = {flush_records}\nmemory_mb = 64\n\
             [engine.snapshots]\nevery_s = {snapshot_s}\n\
             [processor.aggregate]\nevaluate_every_ms = {every}\n\
             [sink]\nretry_first_ms = 100\nretry_delay_max_ms = 1000\nwebhook_per_second = 5000\n\
             [log.kafka]\nsession_timeout_ms = {SESSION_MS}\n"
        );
        std::fs::write(self.file(name), text).unwrap();
    }

    fn any(&self, name: &str) -> &Server {
        self.servers.get(name).unwrap_or_else(|| &self.servers["up"])
    }

    pub fn ingest(&self) -> &Server {
        self.any("ingest")
    }

    pub fn console(&self) -> &Server {
        self.any("console")
    }

    /// Copies what the processes have logged to where it stays; there.
    pub fn keep_words(&self, seed: u64) -> PathBuf {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("survival-{:?}-{seed}", self.log).to_lowercase());
        std::fs::create_dir_all(&dir).unwrap();
        for (name, server) in &self.servers {
            std::fs::copy(server.log_file(), dir.join(format!("{name}.log"))).unwrap();
        }
        dir
    }

    /// Whether it runs by a clock of its own.
    pub fn has_clock(&self) -> bool {
        self.setup.clock.is_some()
    }

    /// The log itself, in this process. The embedded one belongs to one process at a time: its own must have ended.
    pub fn open_log(&self) -> Arc<dyn Log> {
        if self.log == LogKind::Embedded {
            return embedded(&self.servers["up"].data_folder());
        }
        let brokers = self.setup.broker.as_deref().unwrap_or_else(|| broker()).to_owned();
        let config = KafkaConfig { brokers, topic_prefix: self.setup.prefix.clone(), ..KafkaConfig::default() };
        let clock = if self.has_clock() { Clock::manual(ClockSpec { start: START_MS, rate: 0.0 }) } else { Clock::real() };
        KafkaLog::connect(config, clock).unwrap()
    }
}

fn embedded(data: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(EmbeddedConfig { dir: data.join("log"), ..EmbeddedConfig::default() }, Clock::real()).unwrap()
}
