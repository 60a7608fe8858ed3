//! `c360 demo`, once the roles run: a year in the life of a made-up company goes in through the public endpoints as fast as they take it, under the process's own clock;
//! then who is at risk is told, and life goes on, a day every few seconds, with the alerts as they come.
//!
//! What happens depends on the seed and on the day alone, and so do the message ids: a demo that is started again on the same data goes on with the day that it was at,
//! and doubles nothing.
use super::calendar::{DAY_MS, day_at};
use super::company::{Company, Settings, YEAR_DAYS};
use super::courier::{Addresses, Courier};
use super::happening::Happening;
use super::parcels::pack;
use super::progress::Progress;
use super::{report, watch};
use anyhow::Context;
use c360_log::Clock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Times at which a day of the year is sent; what happened in between is sent with the next.
const STEPS_A_YEAR_DAY: i64 = 4;
/// The same for a day that is lived through live.
const STEPS_A_LIVE_DAY: i64 = 12;
/// Usage events of a customer on a mean day.
const EVENTS_A_DAY: f64 = 5.0;

/// What the demo works with.
#[derive(Clone, Debug)]
pub(crate) struct DemoContext {
    /// Public port, such as `http://127.0.0.1:8360`.
    pub(crate) ingest_url: String,
    /// Private port, such as `http://127.0.0.1:8361`.
    pub(crate) console_url: String,
    pub(crate) write_key: String,
    pub(crate) api_token: String,
    pub(crate) stripe_source: String,
    pub(crate) stripe_secret: String,
    pub(crate) zendesk_source: String,
    pub(crate) zendesk_secret: String,
    /// The process's clock: manual, standing still.
    pub(crate) clock: Clock,
    /// UTC ms at which the year starts; the clock stands there, or later if the data is from an earlier run.
    pub(crate) year_starts_at: i64,
    pub(crate) seed: u64,
    /// Customers after the first year.
    pub(crate) accounts: usize,
    /// Ends by itself after so many seconds in all.
    pub(crate) seconds: Option<u64>,
    /// Real time that a day takes once the year is through.
    pub(crate) day_every: Duration,
}

/// Runs the demo until `shutdown`, or for `seconds`.
pub(crate) async fn run(ctx: DemoContext, shutdown: CancellationToken) -> anyhow::Result<()> {
    let seconds = ctx.seconds;
    let until = async move {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        () = until => {
            println!("the demo's {} seconds are over", seconds.unwrap_or_default());
            Ok(())
        }
        ended = Demo::new(ctx)?.live_through() => ended,
    }
}

struct Demo {
    seed: u64,
    company: Company,
    courier: Arc<Courier>,
    clock: Clock,
    first_day: i64,
    day_every: Duration,
    /// Usage of the step before, which may still be under way: nothing in it is signed, so time may go on.
    under_way: JoinSet<anyhow::Result<()>>,
    events: u64,
}

impl Demo {
    fn new(ctx: DemoContext) -> anyhow::Result<Self> {
        anyhow::ensure!(ctx.clock.is_manual(), "the demo needs a clock that it can move on");
        anyhow::ensure!(ctx.accounts > 0, "the demo needs at least one account");
        let first_day = day_at(ctx.year_starts_at);
        let settings = Settings { seed: ctx.seed, accounts: ctx.accounts, events_a_day: EVENTS_A_DAY, first_day };
        let mut company = Company::new(settings);
        // What an earlier run has lived through is not told again, but for the day in which it ended.
        while (company.next_day() + 1) * DAY_MS <= ctx.clock.now_ms() {
            company.day();
        }
        let to = Addresses {
            ingest_url: ctx.ingest_url,
            console_url: ctx.console_url,
            write_key: ctx.write_key,
            api_token: ctx.api_token,
            stripe_source: ctx.stripe_source,
            stripe_secret: ctx.stripe_secret,
            zendesk_source: ctx.zendesk_source,
            zendesk_secret: ctx.zendesk_secret,
        };
        let courier = Arc::new(Courier::new(to, ctx.clock.clone())?);
        let (clock, day_every) = (ctx.clock, ctx.day_every);
        Ok(Self { seed: ctx.seed, company, courier, clock, first_day, day_every, under_way: JoinSet::new(), events: 0 })
    }

    async fn live_through(mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        self.year(started).await?;
        report::print(&self.courier, self.events, started.elapsed()).await?;
        let (courier, since) = (self.courier.clone(), self.clock.now_ms());
        tokio::try_join!(self.go_on(), watch::alerts(&courier, since)).map(|_| ())
    }

    /// The year, as fast as it is taken.
    async fn year(&mut self, started: Instant) -> anyhow::Result<()> {
        let mut progress = Progress::new(YEAR_DAYS as u64);
        while self.company.next_day() < self.first_day + YEAR_DAYS {
            let day = self.company.next_day();
            let happenings = self.company.day();
            for step in 1..=STEPS_A_YEAR_DAY {
                self.step(&happenings, day, step, STEPS_A_YEAR_DAY).await?;
            }
            progress.day_done((day + 1 - self.first_day) as u64, day, self.events, started);
        }
        progress.wait_for("the year is in; waiting until all of it is scored", self.settle()).await
    }

    /// A day every `day_every`, in small steps; does not end.
    async fn go_on(&mut self) -> anyhow::Result<()> {
        let mut pace = tokio::time::interval((self.day_every / STEPS_A_LIVE_DAY as u32).max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let day = self.company.next_day();
            let happenings = self.company.day();
            for step in 1..=STEPS_A_LIVE_DAY {
                pace.tick().await;
                self.step(&happenings, day, step, STEPS_A_LIVE_DAY).await?;
            }
        }
    }

    /// Moves the clock to the end of a part of the day, and sends what happened in that part.
    async fn step(&mut self, happenings: &[Happening], day: i64, step: i64, steps: i64) -> anyhow::Result<()> {
        let moment = |step: i64| day * DAY_MS + step * DAY_MS / steps;
        self.clock.advance(moment(step) - self.clock.now_ms());
        let from = happenings.partition_point(|h| h.at < moment(step - 1));
        let to = happenings.partition_point(|h| h.at < moment(step));
        let load = pack(self.seed, &self.company, &happenings[from..to]);
        self.events += load.events;
        self.courier.carry(load.links).await?;
        self.land().await?;
        if !load.batches.is_empty() {
            let courier = self.courier.clone();
            self.under_way.spawn(async move { courier.carry(load.batches).await });
        }
        // Signatures are good for minutes of the clock: it waits for those who bear one.
        self.courier.carry(load.hooks).await
    }

    /// Waits for the usage that is under way.
    async fn land(&mut self) -> anyhow::Result<()> {
        while let Some(done) = self.under_way.join_next().await {
            done.context("sending usage broke off")??;
        }
        Ok(())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.land().await?;
        self.courier.barrier().await
    }
}
