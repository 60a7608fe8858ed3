//! `c360 snapshot restore`: into the data folder of a process that is stopped. What was there is put aside, never deleted.
use super::table;
use crate::cli::Options;
use crate::data::DataFolder;
use crate::settings::Settings;
use anyhow::{Context, bail};
use c360_engine::{Choice, Restored, SnapshotInfo, SnapshotStore};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreOptions {
    #[command(flatten)]
    options: Options,
    /// Only this machine's: resolve, aggregate or deliver
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// The newest that was taken then or before, as in 2026-03-02T00:00:00Z [default: the newest]
    #[arg(long, value_name = "TIME", conflicts_with = "sequence")]
    at: Option<jiff::Timestamp>,
    /// The one of this number
    #[arg(long, value_name = "N", requires = "machine", requires = "partition")]
    sequence: Option<u64>,
    /// Restores where there is a state already, which is put aside
    #[arg(long)]
    force: bool,
}

impl RestoreOptions {
    fn choice(&self) -> Choice<'static> {
        match (self.at, self.sequence) {
            (Some(at), _) => Choice::At(at.as_millisecond()),
            (None, Some(sequence)) => Choice::Sequence(sequence),
            (None, None) => Choice::Newest,
        }
    }

    /// The snapshots that are likely to be taken, by partition.
    fn wanted(&self, all: Vec<SnapshotInfo>) -> BTreeMap<(String, u32), SnapshotInfo> {
        let mut wanted = BTreeMap::new();
        for snapshot in all {
            let fits = self.machine.as_ref().is_none_or(|machine| *machine == snapshot.machine)
                && self.partition.is_none_or(|partition| partition == snapshot.partition)
                && self.at.is_none_or(|at| snapshot.taken_at_ms <= at.as_millisecond())
                && self.sequence.is_none_or(|sequence| sequence == snapshot.sequence);
            if fits {
                // They come by rising sequence.
                wanted.insert((snapshot.machine.clone(), snapshot.partition), snapshot);
            }
        }
        wanted
    }
}

pub(super) fn run(asked: &RestoreOptions, runtime: Handle) -> anyhow::Result<()> {
    let settings = Settings::load(&asked.options)?;
    let data = DataFolder::open(&settings.data)?;
    let _lock = data.lock()?;
    let store = settings.snapshots.open(runtime)?;
    let wanted = asked.wanted(store.list()?);
    if wanted.is_empty() {
        bail!("no such snapshot in {}: `c360 snapshot list` shows what there is", settings.snapshots);
    }
    let state = data.join("state");
    let there: Vec<PathBuf> = wanted.keys().map(|place| dir_of(&state, place)).filter(|dir| holds_something(dir)).collect();
    if !there.is_empty() && !asked.force {
        let names: Vec<String> = there.iter().map(|dir| dir.display().to_string()).collect();
        bail!("there is a state already: {}. With --force it is put aside, and what the log keeps is folded in again", names.join(", "));
    }
    let bar = ProgressBar::new(wanted.values().map(|snapshot| snapshot.bytes).sum())
        .with_style(ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")?);
    let mut restored = Vec::new();
    for place in wanted.keys() {
        restored.push(restore(&store, place, &asked.choice(), &state, &bar)?);
    }
    bar.finish_and_clear();
    show(&restored);
    Ok(())
}

fn dir_of(state: &Path, (machine, partition): &(String, u32)) -> PathBuf {
    state.join(machine).join(partition.to_string())
}

fn holds_something(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some())
}

fn restore(store: &SnapshotStore, place: &(String, u32), choice: &Choice<'_>, state: &Path, bar: &ProgressBar) -> anyhow::Result<Restored> {
    let dir = dir_of(state, place);
    let aside = put_aside(&dir)?;
    let restored = store.restore((place.0.as_str(), place.1), choice, state, &|bytes| bar.inc(bytes));
    match restored {
        Ok(Some(restored)) => Ok(restored),
        other => {
            if let Some(aside) = aside {
                std::fs::rename(&aside, &dir).with_context(|| format!("the state is in {} and could not be put back", aside.display()))?;
            }
            let error = other.err().map_or_else(|| "the snapshot is gone".into(), |e| e.to_string());
            bail!("{} {} was left as it was: {error}", place.0, place.1)
        }
    }
}

/// Where what was there has gone.
fn put_aside(dir: &Path) -> anyhow::Result<Option<PathBuf>> {
    if !holds_something(dir) {
        return Ok(None);
    }
    let aside = dir.with_extension(format!("aside-{}", jiff::Timestamp::now().as_millisecond()));
    std::fs::rename(dir, &aside).with_context(|| format!("cannot put {} aside", dir.display()))?;
    eprintln!("what was there is in {}", aside.display());
    Ok(Some(aside))
}

fn show(restored: &[Restored]) {
    let mut table = table::new("outcome");
    for Restored { snapshot, passed_over } in restored {
        table.add_row(table::row(snapshot, "restored"));
        for (sequence, why) in passed_over {
            eprintln!("{} {}: snapshot {sequence} was passed over: {why}", snapshot.machine, snapshot.partition);
        }
    }
    println!("{}", table::text(&table));
}
