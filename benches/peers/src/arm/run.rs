//! The rule on the engine, until the process is stopped.
use super::ArmA;
use crate::installation::Installation;
use anyhow::Context;
use c360_engine::{Engine, EngineConfig, NoEffects};
use std::path::Path;
use std::sync::Arc;

/// Runs the rule with the engine's settings as `c360 process` has them, with its state in `dir`.
///
/// # Errors
/// Where it cannot start.
pub fn run(installation: &Installation, dir: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")?;
    let clock = installation.clock();
    let log = installation.connect(clock.clone())?;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let config = EngineConfig { workers: cores.min(4), ..EngineConfig::new(dir.join("state"), "peers".into()) };
    let running = Engine::new(log, clock, config, None).start::<ArmA>(ArmA::default, Arc::new(NoEffects))?;
    runtime.block_on(async {
        let mut told = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        told.recv().await;
        anyhow::Ok(())
    })?;
    running.stop();
    Ok(())
}
