//! How soon `c360 up` answers right again: after a kill under load, on a machine whose state is gone but for the snapshots, and, to compare with, after a stop and from the log alone.
//! `benches/recovery/README.md` says what is measured and how.
#![allow(unreachable_pub, reason = "the modules of a binary")]
mod customers;
mod server;

use anyhow::ensure;
use clap::Parser;
use comfy_table::{Table, presets};
use server::{Place, Server, folder_bytes};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How soon c360 answers right again after a kill, and on a new machine
#[derive(Parser)]
struct Cli {
    /// The binary c360
    #[arg(long)]
    c360: PathBuf,
    #[arg(long, env = "CUSTOMERS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(2..))]
    customers: u64,
    /// Kills
    #[arg(long, env = "ROUNDS", default_value_t = 5)]
    rounds: u64,
    /// Events a second of the load before each kill; 0: as many as are acknowledged
    #[arg(long, env = "RATE", default_value_t = 2_000)]
    rate: u64,
    /// Seconds of load before each kill
    #[arg(long, env = "LOAD_S", default_value_t = 5)]
    load_s: u64,
    /// For the data, which is deleted again [default: c360-recovery-PID under the system's folder for such]
    #[arg(long, env = "BENCH_DIR")]
    dir: Option<PathBuf>,
}

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// How often a snapshot is taken where one is wanted, s.
const SNAPSHOT_EVERY_S: u64 = 5;
/// One of each partition (4 by default) of each of the three machines.
const SNAPSHOTS_MIN: f64 = 12.0;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // Whoever has one already keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = format!("c360-recovery-{}", std::process::id());
    let dir = cli.dir.as_ref().map_or_else(std::env::temp_dir, PathBuf::clone).join(own);
    std::fs::create_dir_all(&dir)?;
    let result = run(&cli, &Place::new(cli.c360.clone(), dir.clone())?);
    std::fs::remove_dir_all(&dir)?;
    result
}

#[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn run(cli: &Cli, place: &Place) -> anyhow::Result<()> {
    let mut server = place.start(0)?;
    customers::make(place, cli.customers)?;
    // The customer that is asked for has two uses from its making.
    let mut expected = 2;
    server.until(PATIENCE, |place| all_shown(place, cli.customers))?;
    println!("{} customers; data {:.0} MB", cli.customers, mb(folder_bytes(&place.data())));

    server.stop()?;
    server = place.start(0)?;
    let after_stop = vec![until_right(&mut server, expected)?];

    let mut after_kill = Vec::new();
    for round in 0..cli.rounds {
        let sent = load_and_kill(cli, server, round)?;
        expected += 1;
        server = place.start(0)?;
        let seconds = until_right(&mut server, expected)?;
        println!("round {round}: killed after {sent} events in {} s; right again after {seconds:.2} s", cli.load_s);
        after_kill.push(seconds);
        // What came before is behind the next load.
        server.until(PATIENCE, settled)?;
    }

    server.stop()?;
    let (from_snapshot, bytes) = from_snapshot(place, &mut expected)?;
    let from_log = without(place, &["state", "snapshots"], &mut expected)?;
    let refolded = without(place, &["console.sqlite", "console.sqlite-wal", "console.sqlite-shm"], &mut expected)?;
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["from the process's start to the right answer", "s", "of a start after a stop"]);
    let base = median(&after_stop);
    for (what, seconds) in [
        ("after a stop".to_owned(), &after_stop),
        (format!("after kill -9 under load (median of {})", after_kill.len()), &after_kill),
        (format!("state lost, {:.0} MB from snapshots", mb(bytes)), &from_snapshot),
        ("state and snapshots lost, from the log".to_owned(), &from_log),
        ("the console's read model lost".to_owned(), &refolded),
    ] {
        table.add_row([what, spread(seconds), format!("{:.1}x", median(seconds) / base)]);
    }
    println!("\n{table}");
    Ok(())
}

/// Every customer is in the list and nothing waits any more.
fn all_shown(place: &Place, customers: u64) -> bool {
    std::thread::sleep(Duration::from_millis(200));
    let listed = || place.ask("/api/v1/customers?limit=1").and_then(|list| list["total"].as_u64());
    settled(place) && listed() == Some(customers)
}

fn settled(place: &Place) -> bool {
    std::thread::sleep(Duration::from_millis(200));
    let lag = place.metric("c360_processor_lag_records{").zip(place.metric("c360_console_lag_records"));
    lag == Some((0.0, 0.0)) && place.metric("c360_processor_records_total{machine=\"aggregate\"}").is_some()
}

/// Seconds until the API has every event of the customer that was acknowledged.
fn until_right(server: &mut Server, expected: u64) -> anyhow::Result<f64> {
    let mut seen = None;
    let seconds = server.until(PATIENCE, |place| {
        seen = customers::probed(place).or(seen);
        seen >= Some(expected)
    })?;
    ensure!(seen == Some(expected), "the customer has {seen:?} events and not {expected}");
    Ok(seconds)
}

/// Load for a while, one more event of the customer that is asked for, and SIGKILL as soon as it is acknowledged.
fn load_and_kill(cli: &Cli, server: Server, round: u64) -> anyhow::Result<u64> {
    let (place, stop) = (server.place.clone(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| customers::load(&place, cli.customers, cli.rate, round, &stop));
        std::thread::sleep(Duration::from_secs(cli.load_s));
        let killed = customers::probe(&place, &format!("p{round}")).and_then(|()| server.kill());
        stop.store(true, Ordering::Relaxed);
        let sent = loading.join().map_err(|_| anyhow::anyhow!("the load broke down"))?;
        killed.and(sent)
    })
}

/// Seconds until the API has one more event, which is sent as soon as the server takes it: who has lost rows does not get by with what is still shown.
fn until_more(server: &mut Server, expected: &mut u64) -> anyhow::Result<f64> {
    *expected += 1;
    customers::probe(&server.place, &format!("e{expected}"))?;
    until_right(server, *expected)
}

/// The state is gone but for its snapshots, as on a new machine: seconds, and the bytes that were fetched.
fn from_snapshot(place: &Place, expected: &mut u64) -> anyhow::Result<(Vec<f64>, u64)> {
    let mut server = place.start(SNAPSHOT_EVERY_S)?;
    server.until(PATIENCE, |place| {
        std::thread::sleep(Duration::from_millis(100));
        place.metric("c360_processor_snapshots_total{").is_some_and(|taken| taken >= SNAPSHOTS_MIN)
    })?;
    server.kill()?;
    let state = place.data().join("state");
    std::fs::remove_dir_all(&state)?;
    let mut server = place.start(0)?;
    let seconds = until_more(&mut server, expected)?;
    let bytes = folder_bytes(&state);
    server.stop()?;
    Ok((vec![seconds], bytes))
}

/// Seconds where some of the data folder is gone and has to be folded from the log again.
fn without(place: &Place, gone: &[&str], expected: &mut u64) -> anyhow::Result<Vec<f64>> {
    for name in gone {
        let path = place.data().join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path)?;
        } else if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    let mut server = place.start(0)?;
    let seconds = until_more(&mut server, expected)?;
    server.stop()?;
    Ok(vec![seconds])
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    if values.len() < 2 { format!("{low:.2}") } else { format!("{low:.2} / {:.2} / {high:.2}", median(values)) }
}
