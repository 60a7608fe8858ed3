//! What c360 is told: flags and environment before the file, the file before the defaults. Each stage brings its own part.
use crate::cli::Options;
use crate::http::{HttpConfig, TlsFiles};
use anyhow::{Context, bail};
use c360_console::ConsoleLimits;
use c360_engine::SnapshotPlace;
use c360_ingest::{IngestConfig, QuotaLimits};
use c360_log::{embedded::EmbeddedConfig, kafka::KafkaConfig};
use c360_processor::{AggregateConfig, ResolveConfig};
use c360_sink::{Destination, Limits as SinkLimits, SinkConfig};
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Kubernetes waits for 30 s before it kills.
const STOP_S_MAX: u64 = 25;

/// The configuration file, table by table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    admin_listen: Option<SocketAddr>,
    kafka: Option<String>,
    topic_prefix: Option<String>,
    console_url: Option<String>,
    public_url: Option<String>,
    allow_private_destinations: bool,
    stop_s_max: Option<u64>,
    tls: Option<TlsFiles>,
    admin_tls: Option<TlsFiles>,
    http: HttpConfig,
    write_keys: Vec<KeyEntry>,
    api_tokens: Vec<KeyEntry>,
    sources: Vec<SourceEntry>,
    destinations: Vec<Destination>,
    ingest: IngestConfig,
    processor: ProcessorFile,
    sink: SinkLimits,
    console: ConsoleLimits,
    engine: EngineFile,
    log: LogFile,
}

/// `[processor]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProcessorFile {
    pub(crate) resolve: ResolveConfig,
    pub(crate) aggregate: AggregateConfig,
}

/// `[engine]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EngineFile {
    /// Worker threads for each machine; 0: as many as there are cores, at most 4.
    pub(crate) workers: u32,
    /// For the state of all partitions: half of it for the storage's blocks and write buffers, half for decoded rows.
    pub(crate) memory_mb: usize,
    pub(crate) batch_records_max: usize,
    pub(crate) batch_timers_max: u32,
    pub(crate) write_every_ms: u64,
    pub(crate) patience_behind_ms: u64,
    pub(crate) write_records_max: u64,
    pub(crate) flush_every_s: u64,
    pub(crate) flush_records: u64,
    pub(crate) snapshots: SnapshotsFile,
}

/// `[engine.snapshots]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SnapshotsFile {
    /// `s3://bucket/prefix`, or a folder; without it a folder beside the state.
    url: Option<String>,
    /// Of an S3-compatible service, and its region.
    endpoint: Option<String>,
    region: Option<String>,
    /// 0: only when somebody asks.
    pub(crate) every_s: u64,
    /// For each partition at most; one at least stays.
    pub(crate) kept: usize,
    /// Older ones go, but for the newest.
    pub(crate) kept_s: u64,
    /// What snapshots no longer need stays in the store for so long.
    pub(crate) grace_s: u64,
}

impl Default for SnapshotsFile {
    fn default() -> Self {
        Self { url: None, endpoint: None, region: None, every_s: 600, kept: 3, kept_s: 7 * 86_400, grace_s: 6 * 3_600 }
    }
}

impl SnapshotsFile {
    /// Where snapshots of the process with this data folder lie.
    fn place(&self, data: &Path) -> anyhow::Result<SnapshotPlace> {
        let Some(url) = env("C360_SNAPSHOTS_URL").or_else(|| self.url.clone()) else {
            return Ok(SnapshotPlace::Folder(data.join("snapshots")));
        };
        match url.split_once("://") {
            None => Ok(SnapshotPlace::Folder(PathBuf::from(url))),
            Some(("file", path)) => Ok(SnapshotPlace::Folder(PathBuf::from(path))),
            Some(("s3", _)) => Ok(SnapshotPlace::S3 { settings: self.s3()?, url }),
            Some((scheme, _)) => bail!("engine.snapshots.url starts with {scheme}://: give s3://bucket/prefix, or a folder"),
        }
    }

    /// What goes before the environment's `AWS_...`.
    fn s3(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut settings = Vec::new();
        let mut set = |name: &str, value: Option<String>| settings.extend(value.map(|value| (name.to_lowercase(), value)));
        set("AWS_ENDPOINT", self.endpoint.clone());
        set("AWS_REGION", self.region.clone());
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            set(name, env_secret(name)?);
        }
        Ok(settings)
    }
}

impl Default for EngineFile {
    fn default() -> Self {
        Self {
            workers: 0,
            memory_mb: 512,
            batch_records_max: 10_000,
            batch_timers_max: 10_000,
            write_every_ms: 500,
            patience_behind_ms: 5_000,
            write_records_max: 500_000,
            flush_every_s: 10,
            flush_records: 200_000,
            snapshots: SnapshotsFile::default(),
        }
    }
}

/// `[log]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogFile {
    embedded: EmbeddedConfig,
    kafka: KafkaConfig,
}

/// A write key or an API token: in the clear, in a file, or as the SHA-256 of it in hex.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyEntry {
    #[serde(default = "default_tenant")]
    pub(crate) tenant: String,
    #[serde(default)]
    pub(crate) name: String,
    key: Option<String>,
    key_file: Option<PathBuf>,
    sha256: Option<String>,
    /// Of a write key; without one it may send as much as the log takes.
    quota: Option<QuotaEntry>,
}

/// How much a write key may send.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaEntry {
    events_per_s: NonZeroU32,
    /// As much as in a second where it is not said.
    burst: Option<NonZeroU32>,
}

impl std::fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyEntry").field("tenant", &self.tenant).field("name", &self.name).finish_non_exhaustive()
    }
}

impl KeyEntry {
    pub(crate) fn quota(&self) -> Option<QuotaLimits> {
        self.quota.map(|QuotaEntry { events_per_s, burst }| QuotaLimits { events_per_s, burst: burst.unwrap_or(events_per_s) })
    }

    /// The SHA-256 of the key.
    pub(crate) fn hash(&self) -> anyhow::Result<[u8; 32]> {
        if let Some(hex) = &self.sha256 {
            let bytes = hex::decode(hex).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
            return bytes.with_context(|| format!("key {:?}: sha256 must be 64 hex digits", self.name));
        }
        let key = secret(self.key.as_deref(), self.key_file.as_deref())?;
        Ok(crate::access::hash(&key.with_context(|| format!("key {:?} has none of key, key_file, sha256", self.name))?))
    }
}

/// A source of webhooks.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceEntry {
    name: String,
    provider: String,
    #[serde(default = "default_tenant")]
    tenant: String,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
    /// More secrets, while they are rotated.
    #[serde(default)]
    secrets: Vec<String>,
    /// Where this source's provider reaches the public port, if elsewhere than others.
    public_url: Option<String>,
    /// Of provider `json`.
    auth: Option<c360_ingest::AuthName>,
    hmac: Option<c360_ingest::HmacConfig>,
    map: Option<c360_ingest::MapConfig>,
}

impl std::fmt::Debug for SourceEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceEntry").field("name", &self.name).field("provider", &self.provider).finish_non_exhaustive()
    }
}

fn default_tenant() -> String {
    crate::access::DEFAULT_TENANT.into()
}

/// Everything, settled.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    /// How long stopping may take.
    pub(crate) stop_s_max: u64,
    /// Of the public port, and of the private one.
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) admin_tls: Option<TlsFiles>,
    pub(crate) http: HttpConfig,
    pub(crate) write_keys: Vec<KeyEntry>,
    pub(crate) api_tokens: Vec<KeyEntry>,
    /// Whether a configuration file was given: without one a first start makes a key and a token.
    pub(crate) has_file: bool,
    pub(crate) sources: Vec<c360_ingest::Source>,
    pub(crate) ingest: IngestConfig,
    pub(crate) processor: ProcessorFile,
    pub(crate) sink: SinkConfig,
    pub(crate) console: ConsoleLimits,
    pub(crate) console_url: String,
    pub(crate) engine: EngineFile,
    pub(crate) snapshots: SnapshotPlace,
    pub(crate) embedded: EmbeddedConfig,
    /// Where it is given, the log is Kafka.
    pub(crate) kafka: Option<KafkaConfig>,
}

impl Settings {
    /// Reads file and environment.
    ///
    /// # Errors
    /// What is wrong, and on which line.
    pub(crate) fn load(options: &Options) -> anyhow::Result<Self> {
        let file = match &options.config {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                toml::from_str(&text).with_context(|| path.display().to_string())?
            }
            None => File::default(),
        };
        let kafka = options.kafka.clone().or(file.kafka);
        let mut kafka_config = file.log.kafka;
        if let Some(prefix) = options.topic_prefix.clone().or(file.topic_prefix) {
            kafka_config.topic_prefix = prefix;
        }
        let data = options.data.clone().or(file.data).unwrap_or_else(|| PathBuf::from("data"));
        let admin_listen = options.admin_listen.or(file.admin_listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8361)));
        let scheme = if file.admin_tls.is_some() { "https" } else { "http" };
        let console_url = file.console_url.or_else(|| env("C360_CONSOLE_URL")).unwrap_or_else(|| format!("{scheme}://{admin_listen}"));
        let mut destinations = file.destinations;
        destinations.extend(destinations_of_environment()?);
        let public_url = env("C360_PUBLIC_URL").or(file.public_url);
        let public_url = public_url.as_deref();
        let mut sources = file.sources.iter().map(|entry| source(entry, public_url)).collect::<anyhow::Result<Vec<_>>>()?;
        sources.extend(sources_of_environment(public_url)?);
        Ok(Self {
            listen: options.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8360))),
            admin_listen,
            stop_s_max: file.stop_s_max.unwrap_or(STOP_S_MAX),
            tls: file.tls,
            admin_tls: file.admin_tls,
            http: file.http,
            write_keys: file.write_keys,
            api_tokens: file.api_tokens,
            has_file: options.config.is_some(),
            sources,
            ingest: file.ingest,
            processor: file.processor,
            sink: SinkConfig {
                destinations,
                console_url: console_url.clone(),
                allow_private: file.allow_private_destinations || flag("C360_ALLOW_PRIVATE_DESTINATIONS")?,
                limits: file.sink,
            },
            console: file.console,
            console_url,
            snapshots: file.engine.snapshots.place(&data)?,
            engine: file.engine,
            embedded: EmbeddedConfig { dir: data.join("log"), ..file.log.embedded },
            kafka: kafka.map(|brokers| KafkaConfig { brokers, ..kafka_config }),
            data,
        })
    }

    /// Everything that can be found wrong without starting.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.http.check()?;
        for tls in [&self.tls, &self.admin_tls].into_iter().flatten() {
            tls.load()?;
        }
        self.ingest.validate()?;
        c360_ingest::Sources::new(self.sources.clone())?;
        self.sink.check()?;
        for entry in self.write_keys.iter().chain(&self.api_tokens) {
            entry.hash()?;
        }
        if let Some(entry) = self.api_tokens.iter().find(|entry| entry.quota.is_some()) {
            bail!("api token {:?} has a quota: only write keys have one", entry.name);
        }
        Ok(())
    }

    /// One line on what is set.
    pub(crate) fn describe(&self) -> String {
        let log = self
            .kafka
            .as_ref()
            .map_or_else(|| format!("embedded log in {}", self.embedded.dir.display()), |k| format!("kafka at {}", k.brokers));
        format!(
            "{log}; snapshots in {}; {} sources, {} destinations, listening on {} and {}",
            self.snapshots,
            self.sources.len(),
            self.sink.destinations.len(),
            self.listen,
            self.admin_listen
        )
    }
}

fn source(entry: &SourceEntry, public_url: Option<&str>) -> anyhow::Result<c360_ingest::Source> {
    let first = secret(entry.secret.as_deref(), entry.secret_file.as_deref())?;
    let secrets = first.into_iter().chain(entry.secrets.iter().cloned()).map(c360_ingest::Secret::new);
    let public_url = entry.public_url.clone().or_else(|| public_url.map(str::to_owned));
    let json = json_hook(entry)?;
    Ok(c360_ingest::Source { public_url, json, ..c360_ingest::Source::new(&entry.name, &entry.provider, &entry.tenant, secrets) })
}

fn json_hook(entry: &SourceEntry) -> anyhow::Result<Option<c360_ingest::JsonHook>> {
    let Some(map) = &entry.map else {
        if entry.auth.is_some() || entry.hmac.is_some() {
            bail!("source {:?}: auth and hmac are for provider = \"json\" with a table [sources.map]", entry.name);
        }
        return Ok(None);
    };
    Ok(Some(c360_ingest::JsonHook::new(&entry.name, entry.auth.unwrap_or_default(), entry.hmac.clone(), map)?))
}

/// `C360_HOOK_STRIPE_SECRET` makes the source `stripe`, and so for each provider.
fn sources_of_environment(public_url: Option<&str>) -> anyhow::Result<Vec<c360_ingest::Source>> {
    let mut sources = Vec::new();
    for provider in c360_ingest::providers() {
        let name = format!("C360_HOOK_{}_SECRET", provider.to_uppercase());
        if let Some(secret) = env_secret(&name)? {
            let secrets = [c360_ingest::Secret::new(secret)];
            let public_url = public_url.map(str::to_owned);
            sources.push(c360_ingest::Source { public_url, ..c360_ingest::Source::new(provider, provider, &default_tenant(), secrets) });
        }
    }
    Ok(sources)
}

/// `C360_SLACK_WEBHOOK_URL`, and `C360_WEBHOOK_URL` with `C360_WEBHOOK_SECRET`, make one destination each.
fn destinations_of_environment() -> anyhow::Result<Vec<Destination>> {
    let mut found = Vec::new();
    if let Some(url) = env_secret("C360_SLACK_WEBHOOK_URL")? {
        found.push(destination("slack", c360_sink::Kind::Slack, url, None));
    }
    if let Some(url) = env_secret("C360_WEBHOOK_URL")? {
        let Some(secret) = env_secret("C360_WEBHOOK_SECRET")? else {
            bail!("C360_WEBHOOK_URL needs C360_WEBHOOK_SECRET (whsec_ and base64 of 24 to 64 bytes) to sign with");
        };
        found.push(destination("webhook", c360_sink::Kind::Webhook, url, Some(secret)));
    }
    Ok(found)
}

fn destination(name: &str, kind: c360_sink::Kind, url: String, secret: Option<String>) -> Destination {
    Destination {
        name: name.into(),
        kind,
        url: Some(c360_sink::Secret::new(url)),
        url_file: None,
        secret: secret.map(c360_sink::Secret::new),
        secret_file: None,
        secrets: Vec::new(),
        only: c360_sink::Match::default(),
    }
}

/// A secret given in the clear or in a file.
fn secret(text: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    match (text, file) {
        (Some(_), Some(file)) => bail!("a secret is given both in the clear and in {}: keep one", file.display()),
        (Some(text), None) => Ok(Some(text.to_owned())),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the secret in {}", file.display()))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

/// An environment variable that is set and not empty.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `NAME`, or the content of the file in `NAME_FILE`.
pub(crate) fn env_secret(name: &str) -> anyhow::Result<Option<String>> {
    let file = env(&format!("{name}_FILE")).map(PathBuf::from);
    secret(env(name).as_deref(), file.as_deref()).with_context(|| name.to_owned())
}

fn flag(name: &str) -> anyhow::Result<bool> {
    match env(name).as_deref() {
        None | Some("false" | "0" | "no") => Ok(false),
        Some("true" | "1" | "yes") => Ok(true),
        Some(other) => bail!("{name} is {other:?}: say true or false"),
    }
}
