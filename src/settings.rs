//! What c360 is told: flags and environment before the file, the file before the defaults. Each stage brings its own part.
use crate::cli::Options;
use anyhow::{Context, bail};
use c360_console::ConsoleLimits;
use c360_ingest::IngestConfig;
use c360_log::{embedded::EmbeddedConfig, kafka::KafkaConfig};
use c360_processor::{AggregateConfig, ResolveConfig};
use c360_sink::{Destination, Limits as SinkLimits, SinkConfig};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
    allow_private_destinations: bool,
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
    /// For the block cache and write buffers of all partitions.
    pub(crate) memory_mb: usize,
    pub(crate) batch_records_max: usize,
    pub(crate) flush_every_s: u64,
    /// 0: none.
    pub(crate) snapshot_every_s: u64,
    pub(crate) snapshots_kept: usize,
}

impl Default for EngineFile {
    fn default() -> Self {
        Self { workers: 0, memory_mb: 256, batch_records_max: 10_000, flush_every_s: 10, snapshot_every_s: 600, snapshots_kept: 2 }
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
}

impl std::fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyEntry").field("tenant", &self.tenant).field("name", &self.name).finish_non_exhaustive()
    }
}

impl KeyEntry {
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
        let console_url = file.console_url.or_else(|| env("C360_CONSOLE_URL")).unwrap_or_else(|| format!("http://{admin_listen}"));
        let mut destinations = file.destinations;
        destinations.extend(destinations_of_environment()?);
        let mut sources = file.sources.iter().map(source).collect::<anyhow::Result<Vec<_>>>()?;
        sources.extend(sources_of_environment()?);
        Ok(Self {
            listen: options.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8360))),
            admin_listen,
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
        self.ingest.validate()?;
        c360_ingest::Sources::new(self.sources.clone())?;
        self.sink.check()?;
        for entry in self.write_keys.iter().chain(&self.api_tokens) {
            entry.hash()?;
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
            "{log}; {} sources, {} destinations, listening on {} and {}",
            self.sources.len(),
            self.sink.destinations.len(),
            self.listen,
            self.admin_listen
        )
    }
}

fn source(entry: &SourceEntry) -> anyhow::Result<c360_ingest::Source> {
    let first = secret(entry.secret.as_deref(), entry.secret_file.as_deref())?;
    let secrets = first.into_iter().chain(entry.secrets.iter().cloned()).map(c360_ingest::Secret::new).collect();
    Ok(c360_ingest::Source { name: entry.name.clone(), provider: entry.provider.clone(), tenant: entry.tenant.clone(), secrets })
}

/// `C360_HOOK_STRIPE_SECRET` makes the source `stripe`, and so for each provider.
fn sources_of_environment() -> anyhow::Result<Vec<c360_ingest::Source>> {
    let mut sources = Vec::new();
    for provider in c360_ingest::providers() {
        let name = format!("C360_HOOK_{}_SECRET", provider.to_uppercase());
        if let Some(secret) = env_secret(&name)? {
            let secrets = vec![c360_ingest::Secret::new(secret)];
            sources.push(c360_ingest::Source { name: provider.into(), provider: provider.into(), tenant: default_tenant(), secrets });
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
