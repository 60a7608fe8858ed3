//! Writes the drawn events into an installation's events topic.
use crate::draw::Draws;
use crate::installation::Installation;
use crate::wording::Wording;
use anyhow::Context;
use c360_log::{Appended, Batch, Clock, Log, LogError};
use c360_schemas::Topic;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;

/// Records appended at once at most.
const APPEND_RECORDS_MAX: usize = 500;
/// How far apart the arrivals of records appended at once may be where their stamp is when they came.
const STAMP_MS_MAX: i64 = 15 * 60_000;
/// Appends under way at most.
const UNDER_WAY_MAX: usize = 200;

/// Fills the topic, unless it is filled already; events in each partition.
///
/// # Errors
/// Where the log does not take them.
pub fn fill(installation: &Installation) -> anyhow::Result<Vec<u64>> {
    let clock = installation.clock();
    let log = installation.connect(clock.clone())?;
    if let Some(ends) = installation.filled(&*log)? {
        return Ok(ends);
    }
    let bar = ProgressBar::new(installation.drawing.events)
        .with_style(ProgressStyle::with_template("writing events {bar:40} {human_pos} of {human_len}, {eta} left")?);
    let mut filler = Filler { log: &*log, clock, batch: Batch::default(), stamp: 0, under_way: VecDeque::new() };
    let (mut wording, mut bytes) = (Wording::default(), 0);
    for (drawn, arrival) in Draws::new(installation.drawing) {
        filler.make_room(arrival)?;
        let (key, event) = wording.event(&drawn);
        let before = filler.batch.bytes_len();
        filler.batch.push(Topic::Events, |k| key.write(k), |v| event.encode(v));
        bytes += filler.batch.bytes_len() - before;
        bar.inc(1);
    }
    filler.finish()?;
    bar.finish_and_clear();
    tracing::info!(bytes_per_event = bytes as f64 / installation.drawing.events as f64, "events written");
    installation.filled(&*log)?.context("the topic is empty")
}

struct Filler<'a> {
    log: &'a dyn Log,
    clock: Clock,
    batch: Batch,
    /// Arrival of the batch's first record, UTC ms.
    stamp: i64,
    under_way: VecDeque<BoxFuture<'static, Result<Vec<Appended>, LogError>>>,
}

impl Filler<'_> {
    /// Sends the batch off where a record that came at `arrival` should not go with it.
    fn make_room(&mut self, arrival: i64) -> anyhow::Result<()> {
        let apart = self.clock.is_manual() && arrival - self.stamp > STAMP_MS_MAX;
        if !self.batch.is_empty() && (apart || self.batch.len() >= APPEND_RECORDS_MAX) {
            self.send()?;
        }
        if self.batch.is_empty() {
            self.stamp = arrival;
            self.clock.advance(arrival - self.clock.now_ms());
        }
        Ok(())
    }

    /// All appends of one caller keep their order.
    fn send(&mut self) -> anyhow::Result<()> {
        let mut append = self.log.append(self.batch.clone());
        while let Some(Err(LogError::Overloaded)) = (&mut append).now_or_never() {
            self.await_oldest()?;
            append = self.log.append(self.batch.clone());
        }
        self.under_way.push_back(append);
        self.batch.clear();
        if self.under_way.len() > UNDER_WAY_MAX { self.await_oldest() } else { Ok(()) }
    }

    fn await_oldest(&mut self) -> anyhow::Result<()> {
        if let Some(append) = self.under_way.pop_front() {
            block_on(append)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if !self.batch.is_empty() {
            self.send()?;
        }
        while !self.under_way.is_empty() {
            self.await_oldest()?;
        }
        Ok(())
    }
}
