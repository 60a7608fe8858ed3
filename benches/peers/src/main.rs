//! c360's processor beside Kafka Streams, on the same topic of the same broker in the same run. `benches/peers/README.md` says what is measured and how; `benches/peers/run` does all of it.
#![allow(unreachable_pub, reason = "the modules of a binary")]
mod arm;
mod consume;
mod cpu;
mod draw;
mod fill;
mod installation;
mod measure;
mod report;
mod suite;
mod wording;
mod zipf;

use clap::{Args, Parser, Subcommand};
use draw::Drawing;
use installation::{Installation, Times};
use report::Report;
use std::path::PathBuf;
use std::time::Duration;
use suite::{Part, Suite};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the events
    Fill(Input),
    /// Reads the events once, and says what it took
    Consume {
        #[command(flatten)]
        input: Input,
        /// Decodes them as well
        #[arg(long)]
        decode: bool,
    },
    /// Arm A's rule on c360's engine, until it is told to stop
    Engine {
        #[command(flatten)]
        input: Input,
        /// For the state
        #[arg(long)]
        state: PathBuf,
    },
    /// Measures all parts
    Run(RunOptions),
}

/// Which events, and where they are.
#[derive(Args, Clone, Debug)]
struct Input {
    #[arg(long, default_value = "127.0.0.1:9092")]
    brokers: String,
    #[arg(long, env = "N", default_value_t = 2_000_000)]
    events: u64,
    #[arg(long, env = "ACCOUNTS", default_value_t = 100_000)]
    accounts: usize,
    #[arg(long, env = "SKEW", default_value_t = 0.8)]
    skew: f64,
    #[arg(long, env = "SEED", default_value_t = 1)]
    seed: u64,
    /// Where the events end, UTC ms [default: today, 00:00 UTC]
    #[arg(long, env = "END_MS")]
    end_ms: Option<i64>,
    /// What the records' timestamps are
    #[arg(long, env = "TIMES", value_enum, default_value = "append")]
    times: Times,
}

impl Input {
    fn installation(&self) -> Installation {
        let end_ms = self.end_ms.unwrap_or_else(suite::today_ms);
        let drawing = Drawing { events: self.events, accounts: self.accounts, skew: self.skew, seed: self.seed, end_ms };
        Installation { brokers: self.brokers.clone(), times: self.times, drawing }
    }
}

#[derive(Args)]
struct RunOptions {
    #[command(flatten)]
    input: Input,
    #[arg(long)]
    broker_pid: u32,
    /// For states and outputs of the processes
    #[arg(long)]
    dir: PathBuf,
    /// The binary c360
    #[arg(long)]
    c360: PathBuf,
    /// Class path of the Kafka Streams processors
    #[arg(long)]
    streams: Option<String>,
    /// Events for arm B, over as many fewer accounts
    #[arg(long, env = "NB", default_value_t = 50_000)]
    small_events: u64,
    #[arg(long, env = "REPEATS", default_value_t = 3)]
    rounds: usize,
    /// A run may take so many seconds
    #[arg(long, env = "LIMIT_S", default_value_t = 900)]
    limit_s: u64,
    /// What is measured [default: all]
    #[arg(value_enum)]
    parts: Vec<Part>,
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn main() -> anyhow::Result<()> {
    let filter = std::env::var("C360_LOG").unwrap_or_else(|_| "warn,c360_peers=info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Cli::parse().command {
        Command::Fill(input) => println!("{:?}", fill::fill(&input.installation())?),
        Command::Consume { input, decode } => println!("{}", serde_json::to_string(&consume::consume(&input.installation(), decode)?)?),
        Command::Engine { input, state } => arm::run(&input.installation(), &state)?,
        Command::Run(options) => run(&options)?,
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn run(options: &RunOptions) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let large = options.input.installation();
    let accounts = (large.drawing.accounts as u64 * options.small_events / large.drawing.events).max(1) as usize;
    let small = Installation { drawing: Drawing { events: options.small_events, accounts, ..large.drawing }, ..large.clone() };
    let times = if large.times == Times::Append { "append" } else { "event" };
    let suite = Suite {
        broker_pid: options.broker_pid,
        dir: options.dir.clone(),
        c360: options.c360.clone(),
        streams: options.streams.clone(),
        patience: Duration::from_secs(options.limit_s),
        large,
        small,
    };
    let all = [Part::Read, Part::Decode, Part::Engine, Part::Product, Part::StreamsA, Part::StreamsB];
    let parts = if options.parts.is_empty() { &all[..] } else { &options.parts };
    let mut report = Report::new(&options.dir.join("results.jsonl"), times)?;
    suite.run(parts, options.rounds, &mut report)?;
    println!("\nTIMES={times}; least / median / most\n{}", report.table());
    for ratio in report.ratios() {
        println!("{ratio}");
    }
    Ok(())
}
