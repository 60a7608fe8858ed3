//! What can be typed, and the commands that only look.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what the terminal is for")]
use crate::settings::Settings;
use c360_log::ClockSpec;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Event-streaming customer data platform for customer-success teams.
///
/// Product usage, support, billing and survey events come in; each customer's live 360-degree view, health and next best action come out, and the people who own the
/// customer hear of a change of health with its exact reasons.
///
/// Start with `c360 up`: no configuration, no services, data in one folder.
#[derive(Parser)]
#[command(name = "c360", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// All roles in one process, on the embedded log or on Kafka
    Up(Options),
    /// HTTP in, events into the log (needs --kafka)
    Ingest(Options),
    /// Identity, rolling state, score and alerts (needs --kafka)
    Process(Options),
    /// Delivery of alerts (needs --kafka)
    Sink(Options),
    /// The read model, the API and the pages (needs --kafka)
    Console(Options),
    /// Takes in files: usage, accounts, users, subscriptions, tickets, survey answers
    ///
    /// CSV (comma, semicolon, tab or bar) and JSONL, plain or packed with gzip or zstd; what a file is, is seen from what is in it. Rows go over HTTP to a running c360, which
    /// acknowledges them when its log has them.
    Import(crate::import::ImportOptions),
    /// What was refused, and taking it again
    ///
    /// Asks a running c360 at its private port, with an API token.
    #[command(subcommand)]
    DeadLetters(crate::dead_letters::DeadLettersCommand),
    /// Health as code: scorecards, alert rules and playbooks in a file
    #[command(subcommand)]
    Health(crate::health::HealthCommand),
    /// A made-up company lives through a year in under a minute, then goes on live
    Demo(DemoOptions),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Snapshots of the processors' state
    #[command(subcommand)]
    Snapshot(crate::snapshot::SnapshotCommand),
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Checks the configuration file and the environment, and says what is wrong and where
    Check(Options),
}

/// Where things are and how to reach them; what is not said here comes from the configuration file, else from the defaults.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Folder for everything that is kept [default: ./data]
    #[arg(long, env = "C360_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Public port: events and webhooks [default: 127.0.0.1:8360]
    #[arg(long, env = "C360_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Private port: console, API, metrics [default: 127.0.0.1:8361]
    #[arg(long, env = "C360_ADMIN_LISTEN", value_name = "ADDR")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Kafka's bootstrap servers; without it the embedded log is used
    #[arg(long, env = "C360_KAFKA", value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Prefix of all topics and groups, so that several installations share a cluster [default: c360.]
    #[arg(long, env = "C360_TOPIC_PREFIX", value_name = "PREFIX")]
    pub(crate) topic_prefix: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, env = "C360_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Starts the process's time there; after @ how many times faster than real time it runs, 0 stands still. For tests, demos and rehearsals
    #[arg(long, env = "C360_CLOCK", value_name = "START@RATE")]
    pub(crate) clock: Option<ClockSpec>,
    /// How to write log lines: human or json
    #[arg(long, env = "C360_LOG_FORMAT", value_name = "FORMAT", default_value = "human", value_parser = ["human", "json"])]
    pub(crate) log_format: String,
    /// Which log lines to write, as in RUST_LOG
    #[arg(long, env = "C360_LOG", value_name = "FILTER", default_value = "info,librdkafka=warn")]
    pub(crate) log_filter: String,
}

/// How the demo runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoOptions {
    /// Folder for the demo's data; made anew for each run unless given [default: a temporary folder]
    #[arg(long, env = "C360_DEMO_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Public port [default: 127.0.0.1:8360]
    #[arg(long, env = "C360_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Private port [default: 127.0.0.1:8361]
    #[arg(long, env = "C360_ADMIN_LISTEN", value_name = "ADDR")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Kafka's bootstrap servers; without it the embedded log is used
    #[arg(long, env = "C360_KAFKA", value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Ends by itself after so many seconds
    #[arg(long, env = "DEMO_SECONDS", value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// Seed of the made-up company: the same seed, the same year
    #[arg(long, default_value_t = 360)]
    pub(crate) seed: u64,
    /// Customers of the made-up company
    #[arg(long, default_value_t = 320)]
    pub(crate) accounts: usize,
    /// Real seconds that a day takes once the year is through
    #[arg(long, default_value_t = 3)]
    pub(crate) day_seconds: u64,
}

/// Says on stderr what went wrong, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("c360: {error:#}");
}

/// `c360 config check`.
pub(crate) fn config_check(options: &Options) -> anyhow::Result<()> {
    let settings = Settings::load(options)?;
    settings.check()?;
    println!("the configuration is good: {}", settings.describe());
    Ok(())
}
