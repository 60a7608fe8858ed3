//! `c360`: the commands, the configuration, and the start and stop of the roles.
//!
//! `up` runs all roles in one process; `ingest`, `process`, `sink` and `console` run one each on Kafka. The stages know nothing of one another: they meet in the log, which is
//! opened here and handed to each.
mod access;
mod cli;
mod clock;
mod data;
mod dead_letters;
mod demo;
mod health;
mod http;
mod import;
mod logging;
mod operations;
mod process;
mod remote;
mod settings;
mod snapshot;
mod table;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            cli::complain(&error);
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    c360_log::planted::asked_for().map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")?;
    match cli.command {
        Command::Up(options) => runtime.block_on(process::run(options, process::Roles::ALL)),
        Command::Ingest(options) => runtime.block_on(process::run(options, process::Roles::INGEST)),
        Command::Process(options) => runtime.block_on(process::run(options, process::Roles::PROCESS)),
        Command::Sink(options) => runtime.block_on(process::run(options, process::Roles::SINK)),
        Command::Console(options) => runtime.block_on(process::run(options, process::Roles::CONSOLE)),
        Command::Demo(options) => runtime.block_on(process::demo(options)),
        Command::Import(options) => runtime.block_on(import::run(options)),
        Command::DeadLetters(command) => runtime.block_on(dead_letters::run(command)),
        Command::Config(cli::ConfigCommand::Check(options)) => cli::config_check(&options),
        Command::Snapshot(command) => snapshot::run(&command, &runtime),
        Command::Health(command) => health::run(&command, &runtime),
    }
}
