//! `c360 snapshot list`.
use super::table;
use crate::cli::Options;
use crate::settings::Settings;
use anyhow::bail;
use c360_engine::{SnapshotInfo, SnapshotStore};
use clap::Args;
use tokio::runtime::Handle;

#[derive(Args, Clone, Debug)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    options: Options,
    /// Reads all files of all snapshots back, and holds them against their checksums
    #[arg(long)]
    verify: bool,
    /// Prints JSON, one snapshot a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(asked: &ListOptions, runtime: Handle) -> anyhow::Result<()> {
    let settings = Settings::load(&asked.options)?;
    let store = settings.snapshots.open(runtime)?;
    let snapshots = store.list()?;
    if asked.json {
        for snapshot in &snapshots {
            println!("{}", serde_json::to_string(snapshot)?);
        }
    } else if snapshots.is_empty() {
        println!("no snapshots in {}", settings.snapshots);
    } else {
        show(&store, &snapshots, asked.verify)?;
    }
    Ok(())
}

fn show(store: &SnapshotStore, snapshots: &[SnapshotInfo], verify: bool) -> anyhow::Result<()> {
    let mut table = table::new("verified");
    let mut broken = Vec::new();
    for snapshot in snapshots {
        let why = if verify { store.verify(snapshot).err().map(|e| e.to_string()) } else { None };
        let why = why.or_else(|| (!snapshot.whole).then(|| "not all its files are there".into()));
        table.add_row(table::row(snapshot, if why.is_none() { "yes" } else { "no" }));
        broken.extend(why.map(|why| format!("{} {} {}: {why}", snapshot.machine, snapshot.partition, snapshot.sequence)));
    }
    println!("{}", table::text(&table));
    if !broken.is_empty() {
        bail!("{} of {} snapshots cannot be restored: {}", broken.len(), snapshots.len(), broken.join("; "));
    }
    Ok(())
}
