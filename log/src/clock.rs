//! The one clock of a process.
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
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
    /// Where its time is kept, so that the next process goes on from it.
    file: Option<PathBuf>,
}

impl Manual {
    fn now(&self) -> i64 {
        self.base + (self.since.elapsed().as_millis() as f64 * self.rate) as i64
    }

    fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, self.now().to_string())?;
        std::fs::rename(fresh, file)
    }
}

impl Clock {
    /// The machine's time.
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that starts at `spec.start`.
    pub fn manual(spec: ClockSpec) -> Self {
        Self(Some(Arc::new(Mutex::new(Manual { base: spec.start, since: Instant::now(), rate: spec.rate, file: None }))))
    }

    /// A clock whose time is kept in `file`: where there is one already, it goes on from the time in it, whatever `spec.start` says.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or holds something else.
    pub fn kept(spec: ClockSpec, file: PathBuf) -> io::Result<Self> {
        let base = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "holds no time in milliseconds"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => spec.start,
            Err(error) => return Err(error),
        };
        let manual = Manual { base, since: Instant::now(), rate: spec.rate, file: Some(file) };
        manual.save()?;
        Ok(Self(Some(Arc::new(Mutex::new(manual)))))
    }

    /// Writes the time of a kept clock down.
    ///
    /// # Errors
    /// Where its file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |manual| manual.lock().save())
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

    /// Moves a manual clock on, and writes a kept one's time down; the new now. `None` for the real clock.
    pub fn advance(&self, ms: i64) -> Option<i64> {
        let mut manual = self.0.as_ref()?.lock();
        manual.base = manual.base.saturating_add(ms.max(0));
        if let Err(error) = manual.save() {
            tracing::error!(%error, "the clock's time could not be written down");
        }
        Some(manual.now())
    }

    /// Changes how fast a manual clock runs from now on. `None` for the real clock.
    pub fn set_rate(&self, rate: f64) -> Option<()> {
        let mut manual = self.0.as_ref()?.lock();
        (manual.base, manual.since, manual.rate) = (manual.now(), Instant::now(), rate);
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
        let rate: f64 =
            rate.parse().map_err(|_| format!("{rate:?} is not a number: after @ stands how many times faster than real time"))?;
        if !rate.is_finite() || rate < 0.0 {
            return Err("the rate after @ must be 0 or more".into());
        }
        Ok(Self { start: start.as_millisecond(), rate })
    }
}
