//! `c360 import`: files of what other tools export, to a running c360.
//!
//! A file's journey: `open` (unpack) → `read` (rows) → `columns` and `guess` (which field, which kind) → `convert` → `prepare` (check, message id) → `send` → `progress` and `refused`.
//! Progress moves only past what c360's log has acknowledged. Message ids follow from what the rows say, so whatever is sent again counts once: after a crash, or when the same file is
//! imported again.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what the terminal is for")]
mod columns;
mod convert;
mod dry_run;
mod guess;
mod open;
mod options;
mod plan;
mod prepare;
mod progress;
mod read;
mod refused;
mod send;

pub(crate) use options::ImportOptions;

use crate::table;
use anyhow::{Context, bail};
use c360_ingest::rows::RowKind;
use c360_log::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use plan::Plan;
use prepare::Preparer;
use progress::{Progress, ProgressFile};
use read::Rows;
use refused::RefusedFile;
use send::{Books, Envelope, Target};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the bar is drawn though nothing came.
const BAR_TICK: Duration = Duration::from_millis(200);

/// Imports the files, one after the other.
///
/// # Errors
/// What is wrong with a file or the connection; and, after all files are through, that rows were refused.
pub(crate) async fn run(options: ImportOptions) -> anyhow::Result<()> {
    if let Some(kind) = options.fields {
        println!("{}", fields(kind));
        return Ok(());
    }
    let source = options.source.clone().context("--source says where the data comes from")?;
    if options.dry_run {
        return dry_run(&options, &source);
    }
    let Some(write_key) = options.write_key.as_deref().filter(|key| !key.is_empty()) else {
        bail!("a write key is needed: --write-key or C360_WRITE_KEY (`c360 up` shows one at its first start)");
    };
    let target = Target::new(&options.to, write_key, options.patience)?;
    // All files are looked at before the first row goes.
    let plans = options.files.iter().map(|path| plan(path, &options)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut refused: Vec<(u64, PathBuf)> = Vec::new();
    for (path, plan) in options.files.iter().zip(&plans) {
        let (rows, file) = import(path, plan, &source, &options, &target).await.with_context(|| path.display().to_string())?;
        if rows > 0 {
            refused.push((rows, file));
        }
    }
    complain_of(&refused)
}

fn complain_of(refused: &[(u64, PathBuf)]) -> anyhow::Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let rows: u64 = refused.iter().map(|(rows, _)| rows).sum();
    let files: Vec<String> = refused.iter().map(|(_, file)| file.display().to_string()).collect();
    bail!("{rows} rows were refused; they stand with their reasons in {}: correct them there and import that", files.join(", "))
}

fn plan(path: &Path, options: &ImportOptions) -> anyhow::Result<Plan> {
    Plan::of(path, options).with_context(|| path.display().to_string())
}

fn dry_run(options: &ImportOptions, source: &str) -> anyhow::Result<()> {
    let mut refused = 0;
    for path in &options.files {
        let plan = plan(path, options)?;
        let rows = Rows::of(plan.open(path)?)?;
        let preparer = Preparer::new(rows, plan.converter.clone(), source, plan.as_of, Clock::real_ms());
        let found = dry_run::run(preparer).with_context(|| path.display().to_string())?;
        println!("{}: {}{}", path.display(), plan.said, found.text);
        println!("{} rows would be taken, {} refused; nothing was sent\n", found.taken, found.refused);
        refused += found.refused;
    }
    if refused > 0 { bail!("{refused} rows would be refused") } else { Ok(()) }
}

/// How many rows were refused, and where they are.
async fn import(path: &Path, plan: &Plan, source: &str, options: &ImportOptions, target: &Target) -> anyhow::Result<(u64, PathBuf)> {
    eprint!("{}: {}", path.display(), plan.said);
    let envelope = Envelope { source: source.into(), kind: plan.converter.kind.as_str(), as_of: plan.as_of };
    target.ask(&envelope).await?;
    let bytes = plan.open(path)?.bytes;
    let started = Instant::now();
    let (preparer, bytes_read, progress) = resume(path, plan, source, options)?;
    let first = progress.rows;
    let file = ProgressFile::of(path);
    let file = match file.save(&progress) {
        Ok(()) => Some(file),
        Err(error) => {
            eprintln!("c360: {error:#}; if it stops, it begins at the first row again, which takes nothing twice");
            None
        }
    };
    let refused = RefusedFile::of(path, plan.format, &plan.header, progress.refused_bytes)?;
    let mut books = Books { progress, file, refused, bar: bar(bytes) };
    let result = send::send_all(preparer, bytes_read, target, &envelope, &mut books).await;
    books.bar.finish_and_clear();
    let progress = &books.progress;
    result.with_context(|| format!("it stopped after row {}; run the same command again, and it goes on there", progress.rows))?;
    if let Some(file) = &books.file {
        file.remove();
    }
    eprintln!("  {}", summary(progress, first, started.elapsed()));
    Ok((progress.refused, books.refused.path().to_owned()))
}

fn summary(progress: &Progress, first: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = (progress.rows - first) as f64 / seconds;
    let before = if first > 0 { format!(" ({first} of them before)") } else { String::new() };
    format!("{} rows{before}: {} taken, {} refused; {seconds:.1} s, {rate:.0} rows/s", progress.rows, progress.taken, progress.refused)
}

type Resumed = (Preparer, std::sync::Arc<std::sync::atomic::AtomicU64>, Progress);

/// Goes to the row after the last one that is through; to the first one, where the file or the import is another.
fn resume(path: &Path, plan: &Plan, source: &str, options: &ImportOptions) -> anyhow::Result<Resumed> {
    let begin = || -> anyhow::Result<(Preparer, _)> {
        let opened = plan.open(path)?;
        let bytes_read = opened.read.clone();
        let rows = Rows::of(opened)?;
        Ok((Preparer::new(rows, plan.converter.clone(), source, plan.as_of, Clock::real_ms()), bytes_read))
    };
    let (mut preparer, bytes_read) = begin()?;
    let fingerprint = plan.fingerprint(options);
    let fresh = Progress { import: fingerprint.clone(), ..Progress::default() };
    let known = ProgressFile::of(path).load().filter(|known| known.rows > 0 && !options.from_start);
    let Some(known) = known else { return Ok((preparer, bytes_read, fresh)) };
    if known.import != fingerprint {
        eprintln!("  it stopped at row {} the last time, but was another import: it begins at the first row", known.rows);
        return Ok((preparer, bytes_read, fresh));
    }
    while preparer.count() < known.rows && preparer.next()?.is_some() {}
    if preparer.digest().hex() != known.digest {
        eprintln!("  it stopped at row {} the last time, but the file was changed since: it begins at the first row", known.rows);
        let (preparer, bytes_read) = begin()?;
        return Ok((preparer, bytes_read, fresh));
    }
    eprintln!("  it goes on after row {}, where it stopped the last time", known.rows);
    Ok((preparer, bytes_read, known))
}

/// Over the bytes of the file as it lies there, so that the time left is known however it is packed.
fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let template = "  {bar:30} {percent:>3}%  {msg}  {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(BAR_TICK);
    bar
}

/// The fields of a kind, as a table.
fn fields(kind: RowKind) -> String {
    let mut rows = table::of(["field", "what it is", "also called"]);
    for field in kind.fields() {
        rows.add_row([field.name.to_owned(), field.says.to_owned(), field.synonyms.join(", ")]);
    }
    table::text(&rows)
}
