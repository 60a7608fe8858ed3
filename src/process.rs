//! A process and its roles: what starts in which order, what a signal does, and how it ends without losing anything.
#![allow(clippy::print_stderr, reason = "keys that were made up are shown once, to whoever started it")]
use crate::access::{Access, MadeUp, Tokens};
use crate::cli::{DemoOptions, Options};
use crate::data::DataFolder;
use crate::dead_letters::{self, Replayer};
use crate::demo::DemoContext;
use crate::http::{PortOptions, Tls, TlsFiles};
use crate::operations::Health;
use crate::settings::Settings;
use crate::{clock, demo, http, logging, operations, snapshot};
use anyhow::{Context, bail};
use c360_console::{Console, ConsoleConfig, Stage};
use c360_engine::{Engine, EngineConfig, NoEffects, Running};
use c360_ingest::{Ingest, Sources};
use c360_log::{Clock, ClockSpec, Log, embedded::EmbeddedLog, kafka::KafkaLog, planted};
use c360_processor::{Aggregate, MetricsShell, Resolve};
use c360_schemas::Topic;
use c360_sink::{Deliver, Sender};
use rustls::ServerConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long deliveries under way may take when it stops; what is not through by then is sent again at the next start.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(20);
/// Most worker threads of a machine where the setting does not say.
const WORKERS_MAX: u32 = 4;

/// The least that the state's memory is set to, MB.
const MEMORY_MB_MIN: usize = 32;
/// The least that snapshots' grace time is set to: half of it is what an upload has.
const SNAPSHOT_GRACE_S_MIN: u64 = 60;
/// Of the memory for decoded rows, this part is for identities.
const RESOLVE_SHARE: usize = 8;

/// Which roles a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    ingest: bool,
    process: bool,
    sink: bool,
    console: bool,
}

impl Roles {
    const NONE: Self = Self { ingest: false, process: false, sink: false, console: false };
    pub(crate) const ALL: Self = Self { ingest: true, process: true, sink: true, console: true };
    pub(crate) const INGEST: Self = Self { ingest: true, ..Self::NONE };
    pub(crate) const PROCESS: Self = Self { process: true, ..Self::NONE };
    pub(crate) const SINK: Self = Self { sink: true, ..Self::NONE };
    pub(crate) const CONSOLE: Self = Self { console: true, ..Self::NONE };
}

/// Runs `roles` until a signal.
///
/// # Errors
/// Where something cannot start.
pub(crate) async fn run(options: Options, roles: Roles) -> anyhow::Result<()> {
    logging::start(&options.log_format, &options.log_filter)?;
    warn_of_planted_bugs();
    let settings = Settings::load(&options)?;
    let process = Process::start(settings, roles, options.clock).await?;
    process.announce();
    process.until_told(&options).await?;
    process.stop_in_time().await;
    Ok(())
}

/// A build for tests must not be taken for another.
fn warn_of_planted_bugs() {
    match planted::asked_for() {
        Ok(Some(bug)) => tracing::error!(bug = bug.as_str(), "A BUG IS PLANTED IN THIS PROCESS: what it says is wrong on purpose"),
        _ if planted::POSSIBLE => tracing::warn!("this build is for tests: bugs can be planted in it; `make build` makes one without"),
        _ => {}
    }
}

/// Runs all roles on data of its own, with the made-up company on top.
///
/// # Errors
/// Where something cannot start, or the company cannot reach it.
pub(crate) async fn demo(options: DemoOptions) -> anyhow::Result<()> {
    logging::start("human", &crate::settings::env("C360_LOG").unwrap_or_else(|| "warn".into()))?;
    let own = options.data.is_none().then(|| std::env::temp_dir().join(format!("c360-demo-{}", std::process::id())));
    let data = options.data.clone().or_else(|| own.clone()).context("no data folder")?;
    let result = run_demo(&options, data).await;
    if let Some(own) = own {
        let _ = std::fs::remove_dir_all(own);
    }
    result
}

async fn run_demo(options: &DemoOptions, data: std::path::PathBuf) -> anyhow::Result<()> {
    let up = Options {
        data: Some(data),
        listen: options.listen,
        admin_listen: options.admin_listen,
        kafka: options.kafka.clone(),
        // A demo's topics are its own.
        topic_prefix: options.kafka.as_ref().map(|_| format!("c360-demo-{}.", std::process::id())),
        ..Options::default()
    };
    let mut settings = Settings::load(&up)?;
    let (stripe_secret, zendesk_secret) = ("whsec_demo".to_owned(), "zendesk-demo".to_owned());
    for (provider, secret) in [("stripe", &stripe_secret), ("zendesk", &zendesk_secret)] {
        settings.sources.retain(|source| source.name != provider);
        let secrets = [c360_ingest::Secret::new(secret.clone())];
        settings.sources.push(c360_ingest::Source::new(provider, provider, crate::access::DEFAULT_TENANT, secrets));
    }
    let today = Clock::real_ms() / 86_400_000 * 86_400_000;
    let year_starts_at = today - 365 * 86_400_000;
    let addresses = (format!("http://{}", settings.listen), format!("http://{}", settings.admin_listen));
    let process = Process::start(settings, Roles::ALL, Some(ClockSpec { start: year_starts_at, rate: 0.0 })).await?;
    let made_up = process.made_up.clone();
    let (Some(write_key), Some(api_token)) = (made_up.write_key, made_up.api_token) else {
        bail!("the demo needs a data folder of its own: {} has been used before", process.data.join("").display());
    };
    let context = DemoContext {
        ingest_url: addresses.0,
        console_url: addresses.1,
        write_key,
        api_token,
        stripe_source: "stripe".into(),
        stripe_secret,
        zendesk_source: "zendesk".into(),
        zendesk_secret,
        clock: process.clock.clone(),
        year_starts_at,
        seed: options.seed,
        accounts: options.accounts,
        seconds: options.seconds,
        day_every: Duration::from_secs(options.day_seconds.max(1)),
    };
    let shutdown = CancellationToken::new();
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            if let Err(error) = signalled().await {
                tracing::error!(%error, "signals cannot be heard");
            }
            shutdown.cancel();
        }
    });
    let result = demo::run(context, shutdown).await;
    process.stop_in_time().await;
    result
}

/// Resolves at SIGTERM or SIGINT.
async fn signalled() -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    Ok(())
}

/// Everything that runs.
struct Process {
    settings: Settings,
    roles: Roles,
    data: DataFolder,
    /// Keeps the folder ours.
    _lock: std::fs::File,
    tokens: Tokens,
    made_up: MadeUp,
    clock: Clock,
    ingest: Option<Ingest>,
    sender: Option<Arc<Sender>>,
    console: Option<Arc<Console>>,
    health: Arc<Health>,
    tls: Option<Arc<Tls>>,
    admin_tls: Option<Arc<Tls>>,
    embedded: Option<Arc<EmbeddedLog>>,
    /// Ends the public port, then the private one.
    stop_public: CancellationToken,
    stop_private: CancellationToken,
    tasks: TaskTracker,
}

impl Process {
    async fn start(settings: Settings, roles: Roles, clock: Option<ClockSpec>) -> anyhow::Result<Self> {
        settings.check()?;
        if roles != Roles::ALL && settings.kafka.is_none() {
            bail!("a role by itself meets the others in kafka: give --kafka HOST:PORT, or run all roles with `c360 up`");
        }
        let data = DataFolder::open(&settings.data)?;
        let lock = data.lock()?;
        let clock = clock::open(clock, &data)?;
        let node = data.node()?;
        let access = Access::gather(&settings, &data)?;
        let (tls, admin_tls) = (open_tls(settings.tls.as_ref())?, open_tls(settings.admin_tls.as_ref())?);
        http::raise_handles();
        // The ports come first: a port that is taken is found before anything is opened.
        let public = if roles.ingest { Some(http::bind(settings.listen).await?) } else { None };
        let private = http::bind(settings.admin_listen).await?;
        let (log, embedded) = open_log(&settings, &clock).await?;

        let runtime = Handle::current();
        let snapshots = settings.snapshots.open(runtime.clone())?;
        let engine = Engine::new(Arc::clone(&log), clock.clone(), engine_config(&settings, node), Some(snapshots.clone()));
        let mut machines = Vec::new();
        if roles.process {
            machines.extend(start_processor(&engine, &settings, log.partitions())?);
        }
        let mut sender = None;
        if roles.sink {
            let started = Sender::start(settings.sink.clone(), Arc::clone(&log), clock.clone(), runtime.clone())?;
            let machine = Arc::clone(&started);
            machines.push(engine.start::<Deliver>(move || machine.machine(), started.clone())?);
            sender = Some(started);
        }
        let console = if roles.console { Some(Arc::new(open_console(&settings, &access, Arc::clone(&log), &clock).await?)) } else { None };
        let health = Arc::new(Health { log: Arc::clone(&log), machines, console: console.clone(), ready: AtomicBool::new(false) });

        let (stop_public, stop_private, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let mut ingest = None;
        if let Some(listener) = public {
            let stage = Ingest::new(
                settings.ingest.clone(),
                access.write_keys,
                Sources::new(settings.sources.clone())?,
                Arc::clone(&log),
                clock.clone(),
            );
            let options = PortOptions { name: "public", config: settings.http.clone(), eighths: 7, tls: tls.clone(), bodies_timed: false };
            tasks.spawn(http::serve(listener, c360_ingest::app(stage.clone()), options, stop_public.clone()));
            ingest = Some(stage);
        }
        let tokens = Tokens::new(access.api_tokens);
        let mut private_app = operations::routes(Arc::clone(&health)).merge(snapshot::routes(engine, snapshots, tokens.clone()));
        if let Some(console) = &console {
            private_app = private_app.merge(console.router());
        }
        if let Some(ingest) = &ingest {
            let replayer = Replayer { log: Arc::clone(&log), ingest: ingest.clone(), clock: clock.clone() };
            private_app = private_app.merge(dead_letters::routes(replayer, tokens.clone()));
        }
        let options =
            PortOptions { name: "private", config: settings.http.clone(), eighths: 1, tls: admin_tls.clone(), bodies_timed: true };
        tasks.spawn(http::serve(private, private_app, options, stop_private.clone()));
        if clock.is_manual() {
            tasks.spawn(clock::keep(clock.clone(), stop_private.clone()));
        }
        health.ready.store(true, Ordering::Relaxed);
        let made_up = access.made_up;
        Ok(Self {
            settings,
            roles,
            data,
            _lock: lock,
            tokens,
            made_up,
            clock,
            ingest,
            sender,
            console,
            health,
            tls,
            admin_tls,
            embedded,
            stop_public,
            stop_private,
            tasks,
        })
    }

    /// Says where it listens, and, once, what was made up.
    fn announce(&self) {
        let (public, private) = (self.settings.listen, self.settings.admin_listen);
        tracing::info!(roles = ?self.roles, %public, %private, log = self.settings.describe(), "c360 is up");
        if let Some(key) = self.made_up.write_key.as_ref().filter(|_| self.roles.ingest) {
            eprintln!("write key (shown once, for your SDKs):       {key}");
        }
        if let Some(token) = self.made_up.api_token.as_ref().filter(|_| self.roles.console) {
            eprintln!("API token (shown once, for console and API): {token}");
            let scheme = if self.admin_tls.is_some() { "https" } else { "http" };
            eprintln!("console: {scheme}://{private}/");
        }
    }

    /// Until SIGTERM or SIGINT; SIGHUP reloads.
    async fn until_told(&self, options: &Options) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let stopped = signalled();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                result = &mut stopped => return result,
                _ = hangup.recv() => match self.reload(options) {
                    Ok(()) => tracing::info!("the configuration was reloaded"),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the new configuration is not good, the old one stays in force"),
                },
            }
        }
    }

    /// Puts new keys, tokens, sources, destinations and certificates in force, or none of them.
    fn reload(&self, options: &Options) -> anyhow::Result<()> {
        let settings = Settings::load(options)?;
        settings.check()?;
        let access = Access::gather(&settings, &self.data)?;
        let sources = Sources::new(settings.sources.clone())?;
        let certificates = [(&self.tls, &settings.tls), (&self.admin_tls, &settings.admin_tls)];
        let certificates = certificates.into_iter().map(new_certificate).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(sender) = &self.sender {
            sender.reload(&settings.sink.destinations)?;
        }
        if let Some(ingest) = &self.ingest {
            ingest.reload(access.write_keys, sources);
        }
        if let Some(console) = &self.console {
            console.set_tokens(access.api_tokens.clone());
        }
        self.tokens.set(access.api_tokens);
        for (tls, certificate) in certificates.into_iter().flatten() {
            tls.set(certificate);
        }
        Ok(())
    }

    /// Stops in order, for as long as whoever runs it will wait before they kill it, and until a second signal.
    async fn stop_in_time(self) {
        let within = Duration::from_secs(self.settings.stop_s_max);
        // A task of its own: what blocks it must not block the clock.
        let stopping = tokio::spawn(self.stop());
        tokio::select! {
            _ = stopping => return,
            () = tokio::time::sleep(within) => {
                tracing::error!(
                    after_s = within.as_secs(),
                    "not all of it stopped in time (is the log away?), so it ends as it is: what was not committed is done again at the next start"
                );
            }
            _ = signalled() => tracing::warn!("a second signal: it ends as it is, and what was not committed is done again at the next start"),
        }
        // Threads are still at work, and clearing up under them would crash: this leaves destructors of C++ alone.
        #[allow(unsafe_code, reason = "the standard library's exit runs them")]
        // SAFETY: it takes a number, and does not return.
        unsafe {
            libc::_exit(1)
        }
    }

    /// Not ready, no new requests, finish those under way, finish batches, flush, and the log last.
    async fn stop(self) {
        tracing::info!("stopping");
        self.health.ready.store(false, Ordering::Relaxed);
        self.stop_public.cancel();
        self.stop_private.cancel();
        if let Some(console) = &self.console {
            console.end_streams();
        }
        self.tasks.close();
        self.tasks.wait().await;
        if let Some(sender) = &self.sender {
            sender.stop(DELIVERY_DEADLINE).await;
        }
        let Self { health, console, embedded, clock, sender, ingest, _lock: lock, .. } = self;
        let stopped = tokio::task::spawn_blocking(move || {
            if let Some(console) = console {
                console.stop();
            }
            for machine in &health.machines {
                machine.ask_to_stop();
            }
            drop((sender, ingest));
            // The last holder of the machines: dropping them waits for their threads.
            drop(health);
            if let Some(log) = embedded {
                log.close();
            }
            let saved = clock.save();
            drop(lock);
            saved
        });
        match stopped.await {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(error)) => tracing::warn!(%error, "the clock's time could not be written down"),
            Err(error) => tracing::error!(%error, "stopping broke down"),
        }
    }
}

fn open_tls(files: Option<&TlsFiles>) -> anyhow::Result<Option<Arc<Tls>>> {
    files.map(|files| files.load().map(|config| Arc::new(Tls::new(config)))).transpose()
}

/// What a port is to show from now on; `None` where it speaks no TLS.
fn new_certificate<'a>((tls, files): (&'a Option<Arc<Tls>>, &Option<TlsFiles>)) -> anyhow::Result<Option<(&'a Tls, Arc<ServerConfig>)>> {
    match (tls, files) {
        (Some(tls), Some(files)) => Ok(Some((tls, files.load()?))),
        (None, None) => Ok(None),
        _ => bail!("a reload cannot turn TLS on or off: restart c360 for that"),
    }
}

async fn open_log(settings: &Settings, clock: &Clock) -> anyhow::Result<(Arc<dyn Log>, Option<Arc<EmbeddedLog>>)> {
    let (kafka, embedded, clock) = (settings.kafka.clone(), settings.embedded.clone(), clock.clone());
    // Opening may take a while (recovery, a broker that is coming up): not on the runtime's threads.
    tokio::task::spawn_blocking(move || match kafka {
        Some(config) => {
            let log: Arc<dyn Log> = KafkaLog::connect(config, clock)?;
            Ok((log, None))
        }
        None => {
            let log = EmbeddedLog::open(embedded, clock)?;
            let dynamic: Arc<dyn Log> = Arc::<EmbeddedLog>::clone(&log);
            Ok((dynamic, Some(log)))
        }
    })
    .await?
}

fn engine_config(settings: &Settings, node: String) -> EngineConfig {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let file = &settings.engine;
    EngineConfig {
        workers: if file.workers == 0 { cores.min(WORKERS_MAX) } else { file.workers },
        batch_records_max: file.batch_records_max.max(1),
        memory_bytes: storage_bytes(settings),
        batch_timers_max: file.batch_timers_max.max(1),
        write_every: Duration::from_millis(file.write_every_ms),
        patience_behind: Duration::from_millis(file.patience_behind_ms.max(file.write_every_ms)),
        write_records_max: file.write_records_max.max(1),
        flush_records: file.flush_records.max(1),
        flush_every: Duration::from_secs(file.flush_every_s.max(1)),
        snapshot_every: (file.snapshots.every_s > 0).then(|| Duration::from_secs(file.snapshots.every_s)),
        snapshots_kept: file.snapshots.kept.max(1),
        snapshots_kept_for: Duration::from_secs(file.snapshots.kept_s),
        snapshots_grace: Duration::from_secs(file.snapshots.grace_s.max(SNAPSHOT_GRACE_S_MIN)),
        ..EngineConfig::new(settings.data.join("state"), node)
    }
}

/// Of the one number for the state, what the storage has for blocks and write buffers; decoded rows have the rest.
fn storage_bytes(settings: &Settings) -> usize {
    (settings.engine.memory_mb.max(MEMORY_MB_MIN) << 20) / 2
}

fn start_processor(engine: &Engine, settings: &Settings, partitions: u32) -> anyhow::Result<[Running; 2]> {
    let (mut resolve, mut aggregate) = (settings.processor.resolve.clone(), settings.processor.aggregate.clone());
    // As if this process had all partitions: how many it gets is not known, and may change.
    let rows_bytes = storage_bytes(settings) / partitions.max(1) as usize;
    resolve.cache_bytes = rows_bytes / RESOLVE_SHARE;
    aggregate.cache_bytes = rows_bytes - resolve.cache_bytes;
    Ok([
        engine.start(move || Resolve::new(resolve.clone()), Arc::new(NoEffects))?,
        engine.start(move || Aggregate::new(aggregate.clone()), Arc::new(MetricsShell::new()))?,
    ])
}

async fn open_console(settings: &Settings, access: &Access, log: Arc<dyn Log>, clock: &Clock) -> anyhow::Result<Console> {
    let stage = |group: &str, topics: &[Topic]| Stage { group: group.into(), topics: topics.to_vec() };
    let config = ConsoleConfig {
        db_path: settings.data.join("console.sqlite"),
        tokens: access.api_tokens.clone(),
        console_url: settings.console_url.clone(),
        barrier: vec![
            stage("resolve", &[Topic::Unresolved]),
            stage("aggregate", &[Topic::Events]),
            stage("deliver", &[Topic::Alerts, Topic::Deliveries]),
        ],
        limits: settings.console.clone(),
    };
    let clock = clock.clone();
    Ok(tokio::task::spawn_blocking(move || Console::open(config, log, clock)).await??)
}
