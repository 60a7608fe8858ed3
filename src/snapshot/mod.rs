//! Snapshots, as an operator meets them: `c360 snapshot create|list|restore`, and the API behind the first.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what the terminal is for")]
mod api;
mod create;
mod list;
mod restore;
mod table;

pub(crate) use api::routes;

use clap::Subcommand;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Has a running process take a snapshot of each of its partitions now, and waits until they are verified
    ///
    /// With several processes on Kafka, ask each of them: a process takes those of the partitions that it has.
    Create(create::CreateOptions),
    /// Lists the snapshots in the store
    ///
    /// Each was read back when it was taken; `verified` says whether all its files are still there with the lengths that they should have, and with --verify whether they are what they
    /// were, which reads all of them.
    List(list::ListOptions),
    /// Puts snapshots into the data folder of a process that is stopped
    ///
    /// Rarely needed: a process that starts without its state fetches the newest snapshot by itself. When it starts, the log brings what the snapshot has not got, and nothing is said
    /// twice, however old the snapshot is.
    Restore(restore::RestoreOptions),
}

/// Runs one of the commands.
///
/// # Errors
/// What went wrong, for the terminal.
pub(crate) fn run(command: &SnapshotCommand, runtime: &Runtime) -> anyhow::Result<()> {
    match command {
        SnapshotCommand::Create(options) => runtime.block_on(create::run(options)),
        SnapshotCommand::List(options) => list::run(options, runtime.handle().clone()),
        SnapshotCommand::Restore(options) => restore::run(options, runtime.handle().clone()),
    }
}
