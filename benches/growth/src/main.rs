//! What an event, and a quiet customer, cost as their number grows: the processor's own machines on the engine, over RocksDB, fed by a log that makes its records as they are read.
//! `benches/growth/README.md` says what is measured and how.
#![allow(unreachable_pub, reason = "the modules of a binary")]
mod customers;
mod disk;
mod draw;
mod log;
mod measure;
mod report;
mod run;
mod tape;

use clap::{Args, Parser, Subcommand};
use run::{Past, Plan};
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cost of an event and of a quiet customer at growing numbers of customers
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// One size, in this process; prints what it came to as a line of JSON
    One {
        #[arg(long)]
        customers: u64,
        #[arg(long, value_enum)]
        past: Past,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args)]
struct Options {
    /// Numbers of customers whose history was imported; the loads of all are compared with the first one's
    #[arg(long, env = "SIZES", value_delimiter = ',', default_value = "10000,100000,1000000")]
    sizes: Vec<u64>,
    /// Customers that live through months of silence, day by day; 0 leaves them out
    #[arg(long, env = "LIVED", default_value_t = 10_000)]
    lived: u64,
    /// Events of each load
    #[arg(long, env = "EVENTS", default_value_t = 1_000_000)]
    events: u64,
    /// Customers that send the first load, at every size
    #[arg(long, env = "BUSY", default_value_t = 10_000)]
    busy: u64,
    /// For the state, which is deleted again [default: c360-growth-PID under the system's folder for such]
    #[arg(long, env = "BENCH_DIR")]
    dir: Option<PathBuf>,
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn main() -> anyhow::Result<()> {
    let filter = std::env::var("C360_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    match cli.command {
        Some(Command::One { customers, past, options }) => {
            let plan = Plan { customers, past, events: options.events, busy: options.busy };
            println!("{}", serde_json::to_string(&run::run(&plan, &folder(&options))?)?);
        }
        None => all(&cli.options)?,
    }
    Ok(())
}

fn folder(options: &Options) -> PathBuf {
    let own = format!("c360-growth-{}", std::process::id());
    options.dir.as_ref().map_or_else(std::env::temp_dir, PathBuf::clone).join(own)
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn all(options: &Options) -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    let imported = options.sizes.iter().map(|customers| (*customers, Past::Imported));
    let lived = (options.lived > 0).then_some((options.lived, Past::Lived));
    for (customers, past) in imported.chain(lived) {
        let plan = Plan { customers, past, events: options.events, busy: options.busy };
        let outcome = run::in_a_process(&plan, &folder(options))?;
        println!("{}", report::line(&outcome));
        outcomes.push(outcome);
    }
    println!("\n{}\n\n{}", report::growth(&outcomes), report::quiet(&outcomes));
    Ok(())
}
