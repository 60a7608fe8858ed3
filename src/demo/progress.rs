//! How far the year is: a bar where a person watches, a line every few seconds where a file does.
use super::calendar::date_of;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A line this often where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(3);
/// How often the spinner turns.
const SPIN_EVERY: Duration = Duration::from_millis(100);

/// Shows how far the year is, on standard error.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { days: u64, started: Instant, said: Instant },
}

impl Progress {
    /// For a year of `days`.
    pub(crate) fn new(days: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { days, started: Instant::now(), said: Instant::now() };
        }
        let bar = ProgressBar::new(days);
        let style = ProgressStyle::with_template("  {bar:40.cyan/dim} day {pos}/{len}  {msg}  eta {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
        Self::Bar(bar)
    }

    /// `done` days are through, the last of them `day`; `events` were sent since `started`.
    pub(crate) fn day_done(&mut self, done: u64, day: i64, events: u64, started: Instant) {
        let rate = (events as f64 / started.elapsed().as_secs_f64().max(0.001)) as u64;
        let told = format!("{}  {} events  {}/s", date_of(day), HumanCount(events), HumanCount(rate));
        match self {
            Self::Bar(bar) => {
                bar.set_position(done);
                bar.set_message(told);
            }
            Self::Lines { days, started, said } if said.elapsed() >= LINE_EVERY => {
                *said = Instant::now();
                let left = started.elapsed().as_secs_f64() / done.max(1) as f64 * days.saturating_sub(done) as f64;
                eprintln!("  day {done}/{days}  {told}  eta {left:.0} s");
            }
            Self::Lines { .. } => {}
        }
    }

    /// The year is through: waits, with a spinner, for what is computed of it.
    pub(crate) async fn wait_for<T>(self, what: &'static str, wait: impl Future<Output = T>) -> T {
        let spinner = match self {
            Self::Bar(bar) => {
                bar.finish_and_clear();
                let spinner = ProgressBar::new_spinner();
                spinner.set_message(what);
                spinner.enable_steady_tick(SPIN_EVERY);
                Some(spinner)
            }
            Self::Lines { .. } => {
                eprintln!("  {what}");
                None
            }
        };
        let done = wait.await;
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        done
    }
}
