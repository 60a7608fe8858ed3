//! Which clock a data folder runs by.
use crate::data::DataFolder;
use anyhow::{Context, bail};
use c360_log::{Clock, ClockSpec};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Holds the time of a folder that is run with `--clock`.
const FILE: &str = "clock";
/// How often the time of a running clock is written down.
const SAVE_EVERY: Duration = Duration::from_millis(250);

/// The clock for a data folder: a folder that was run with `--clock` refuses to go on without, and goes on from the time that it had.
///
/// # Errors
/// Where flag and folder don't fit, or the time cannot be read.
pub(crate) fn open(spec: Option<ClockSpec>, data: &DataFolder) -> anyhow::Result<Clock> {
    let file = data.join(FILE);
    let Some(spec) = spec else {
        if file.exists() {
            bail!(
                "{} was run with --clock: go on with --clock (it goes on from the time that it had), or use another folder",
                data.join("").display()
            );
        }
        return Ok(Clock::real());
    };
    if !file.exists() && data.join("node.json").exists() {
        bail!("{} was run on real time: --clock needs a folder of its own", data.join("").display());
    }
    Clock::kept(spec, file).context("the clock's time cannot be kept in the data folder")
}

/// Writes a running clock's time down, so that a process that is killed goes on from about where it was.
pub(crate) async fn keep(clock: Clock, stop: CancellationToken) {
    let mut every = tokio::time::interval(SAVE_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = every.tick() => if let Err(error) = clock.save() {
                tracing::error!(%error, "the clock's time could not be written down");
            },
        }
    }
}
