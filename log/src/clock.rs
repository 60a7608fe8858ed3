//! The one clock of a process.
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What `--clock START@RATE` says: where time starts and how much faster than real time it runs; 0 stands still.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockSpec {
    /// UTC ms.
    pub start: i64,
    pub rate: f64,
}

/// Where all time in c360 comes from: stamps of the log, ticks, signature tolerance, `now` in pages. Real time, unless `--clock` says otherwise.
/// What is between us and the world (retries, timeouts, `webhook-timestamp`) goes by [`Clock::real_ms`].
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<Mutex<Manual>>>);

#[derive(Debug)]
struct Manual {
    base: i64,
    since: Instant,
    rate: f64,
}

impl Manual {
    fn now(&self) -> i64 {
        self.base + (self.since.elapsed().as_millis() as f64 * self.rate) as i64
    }
}

impl Clock {
    /// The machine's time.
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that starts at `spec.start`.
    pub fn manual(spec: ClockSpec) -> Self {
        Self(Some(Arc::new(Mutex::new(Manual { base: spec.start, since: Instant::now(), rate: spec.rate }))))
    }

    /// Whether it can be moved: it was made by [`Clock::manual`].
    pub fn is_manual(&self) -> bool {
        self.0.is_some()
    }

    /// Now, UTC ms.
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            None => Self::real_ms(),
            Some(manual) => manual.lock().now(),
        }
    }

    /// Moves a manual clock on; the new now. `None` for the real clock.
    pub fn advance(&self, ms: i64) -> Option<i64> {
        let mut manual = self.0.as_ref()?.lock();
        manual.base = manual.base.saturating_add(ms.max(0));
        Some(manual.now())
    }

    /// Changes how fast a manual clock runs from now on. `None` for the real clock.
    pub fn set_rate(&self, rate: f64) -> Option<()> {
        let mut manual = self.0.as_ref()?.lock();
        *manual = Manual { base: manual.now(), since: Instant::now(), rate };
        Some(())
    }

    /// The machine's time whatever the clock says, UTC ms.
    pub fn real_ms() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
    }
}

impl std::str::FromStr for ClockSpec {
    type Err = String;

    /// `2026-01-01T00:00:00Z@0`; without `@` it runs as real time does.
    fn from_str(text: &str) -> Result<Self, String> {
        let (start, rate) = text.rsplit_once('@').unwrap_or((text, "1"));
        let start: jiff::Timestamp = start.parse().map_err(|e| format!("{start:?} is not a time like 2026-01-01T00:00:00Z: {e}"))?;
        let rate: f64 = rate.parse().map_err(|_| format!("{rate:?} is not a number: after @ stands how many times faster than real time"))?;
        if !rate.is_finite() || rate < 0.0 {
            return Err("the rate after @ must be 0 or more".into());
        }
        Ok(Self { start: start.as_millisecond(), rate })
    }
}
