//! The command: one seed with its story, or many.
#![allow(clippy::print_stdout, reason = "a command prints")]
use c360_engine::planted::{self, Bug};
use c360_simulator::{Scenario, Verdict, run, shrink};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Runs the whole pipeline in one thread, with a log, disks, a clock and receivers that misbehave as a seed says, and checks each run against a plain recomputation.
///
/// A seed that fails is made small (fewer events, fewer troubles) and told, and the exit code is 1. The same seed is the same run.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Run this one seed, and tell its story.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// From this seed on.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Threads; each runs seeds of its own. 0: as many as there are cores.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Plant a bug (state-before-commit, offset-plus-one, offset-minus-one, no-fencing, dedup-mark-lost, tick-from-wall-clock): some seeds should fail then.
    #[arg(long, env = "C360_PLANTED_BUG")]
    planted_bug: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(bug) = &options.planted_bug
        && let Err(problem) = Bug::named(bug)
    {
        println!("{problem}");
        return ExitCode::from(2);
    }
    let failing = match options.seed {
        Some(seed) => one(seed, &options),
        None => many(&options),
    };
    match failing {
        None => ExitCode::SUCCESS,
        Some(seed) => {
            plant(&options);
            println!("\nseed {seed} fails; making it small ...");
            let (scenario, verdict) = shrink(&Scenario::of(seed));
            tell(&scenario, &verdict);
            println!("\nagain: cargo run --release -p c360-simulator -- --seed {seed}");
            ExitCode::FAILURE
        }
    }
}

fn plant(options: &Options) {
    planted::plant(options.planted_bug.as_deref().and_then(|name| Bug::named(name).ok()));
}

fn one(seed: u64, options: &Options) -> Option<u64> {
    plant(options);
    let scenario = Scenario::of(seed);
    let verdict = run(&scenario);
    tell(&scenario, &verdict);
    (!verdict.problems.is_empty()).then_some(seed)
}

fn tell(scenario: &Scenario, verdict: &Verdict) {
    println!("seed {}: {} events, {} steps, troubles {:?}", scenario.seed, scenario.events.len(), scenario.steps, scenario.troubles);
    if scenario.events.len() <= 12 {
        scenario.events.iter().for_each(|event| println!("  in: {event:?}"));
    }
    verdict.story.iter().for_each(|line| println!("  {line}"));
    let [records, alerts, accepted] = verdict.figures;
    println!("  {records} records acknowledged, {alerts} alerts, {accepted} deliveries accepted");
    if verdict.problems.is_empty() {
        println!("  all is well");
    }
    verdict.problems.iter().for_each(|problem| println!("  WRONG: {problem}"));
}

/// Runs many seeds; the lowest that fails.
fn many(options: &Options) -> Option<u64> {
    let threads = if options.threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { options.threads };
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(options.seeds).with_style(style);
    let (next, failed) = (AtomicU64::new(options.from), Mutex::new(Vec::new()));
    let figures: [AtomicUsize; 3] = Default::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                plant(options);
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < options.from + options.seeds) {
                    let verdict = run(&Scenario::of(seed));
                    if !verdict.problems.is_empty() {
                        bar.println(format!("seed {seed}: {}", verdict.problems.join("; ")));
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                    }
                    figures.iter().zip(verdict.figures).for_each(|(sum, n)| _ = sum.fetch_add(n, Ordering::Relaxed));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish();
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let [records, alerts, accepted] = figures.map(AtomicUsize::into_inner);
    println!(
        "{} seeds in {:.1} s: {records} records acknowledged, {alerts} alerts, {accepted} deliveries accepted; {} seeds failed",
        options.seeds,
        bar.elapsed().as_secs_f64(),
        failed.len()
    );
    failed.into_iter().min()
}
