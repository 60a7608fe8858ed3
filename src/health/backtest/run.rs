//! The command: reads, lives through, compares, says.
use super::compare::{moved, outcome};
use super::fold::{Lived, Lives, live};
use super::load::{Source, Wanted};
use super::report::Found;
use crate::health::check;
use crate::health::options::BacktestOptions;
use crate::remote::{self, Desk};
use crate::settings::Settings;
use anyhow::{Context, bail};
use c360_health::Rules;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Where a report is published.
const PUBLISHED_AT: &str = "/api/v1/rules/backtests";
const PUBLISHED_WITHIN: Duration = Duration::from_secs(30);

fn bar(len: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:12} {bar:40} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(len).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}

/// Runs it.
///
/// # Errors
/// What is wrong with the file, or with the log.
pub(crate) fn run(options: &BacktestOptions, runtime: &Runtime) -> anyhow::Result<()> {
    // Nobody is to wait for a report that then cannot be published.
    let desk = if options.publish { Some(Desk::of(&options.server, PUBLISHED_AT, PUBLISHED_WITHIN)?) } else { None };
    let tried = Arc::new(check::checked(&options.file, &check::read(&options.file)?)?);
    let settings = Settings::load(&options.options)?;
    let source = Source::open(&settings, options.options.clock)?;
    let (records, parts, hasher, started) = (source.count()?, source.parts()?, RandomState::new(), Instant::now());
    let wanted = Wanted {
        tenant: &options.tenant,
        as_recorded: options.as_recorded,
        from: options.from.map(jiff::Timestamp::as_millisecond),
        until: options.until.map(jiff::Timestamp::as_millisecond),
    };
    let config = &settings.processor.aggregate;
    let (mut before, mut after, mut refused, mut lived_until) = (Vec::<Lived>::new(), Vec::<Lived>::new(), 0, i64::MIN);
    let mut in_force = None;
    for number in 0..parts {
        let reading = bar(records, "reading");
        let (part, applied, last) = source.part(&wanted, (number, parts), &hasher, &reading)?;
        reading.finish_and_clear();
        if last == i64::MIN {
            bail!("there are no records of tenant {} in the log", options.tenant);
        }
        lived_until = wanted.until.unwrap_or(last);
        let rules = in_force.get_or_insert_with(|| {
            let applied = applied.as_ref().and_then(|applied| c360_health::check(&applied.text).ok());
            applied.map_or_else(Rules::built_in, Arc::new)
        });
        let living = bar(part.customers.len() as u64 * 2, "living through");
        let lives = |rules| Lives { config, rules, until: lived_until, bar: &living };
        let (lived, not_taken) = live(&part, lives(rules))?;
        before.extend(lived);
        refused += not_taken;
        after.extend(live(&part, lives(&tried))?.0);
        living.finish_and_clear();
    }
    let in_force = in_force.context("the log is empty")?;
    let names = if in_force.name == tried.name {
        [format!("{} (in force)", in_force.name), format!("{} (tried)", tried.name)]
    } else {
        [in_force.name.clone(), tried.name.clone()]
    };
    let found = Found {
        tenant: options.tenant.clone(),
        until: jiff::Timestamp::from_millisecond(lived_until).map(|at| at.to_string()).unwrap_or_default(),
        records,
        refused,
        in_force: outcome(&names[0], &before, lived_until),
        tried: outcome(&names[1], &after, lived_until),
        moved: moved(&before, &after),
    };
    println!("{}", found.text());
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{records} records lived through twice in {seconds:.1} s, {:.0} a second", 2.0 * records as f64 / seconds.max(1e-3));
    if let Some(file) = &options.report {
        found.write(file)?;
        println!("{} has the report", file.display());
    }
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_vec_pretty(&found)?).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if let Some(desk) = desk {
        let answer = runtime.block_on(remote::once(desk.request(Method::POST, "").json(&found.shown())));
        answer.with_context(|| format!("the report was to go to {}", desk.url))?;
        println!("the console's page Rules has the report");
    }
    Ok(())
}
