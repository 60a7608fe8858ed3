//! The ceiling: a loop that only reads the events, and one that decodes them as well.
use crate::cpu;
use crate::installation::Installation;
use anyhow::bail;
use c360_log::Log;
use c360_schemas::{EventsValue, Topic, decode_events_value};
use std::time::{Duration, Instant};

/// Records taken at once at most, as the engine does.
const TAKE_MAX: usize = 10_000;

/// What a loop came to; printed as a line of JSON by the process that ran it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Consumed {
    pub records: u64,
    pub wall_s: f64,
    /// Of this process, from the first poll to the last.
    pub cpu_s: f64,
    /// What the loop made of them, so that nothing is left out of it.
    pub sum: u64,
}

/// Reads the events once, from the first to the last.
///
/// # Errors
/// Where the log does not answer, or a record is none of ours.
pub fn consume(installation: &Installation, decode: bool) -> anyhow::Result<Consumed> {
    let log = installation.connect(installation.clock())?;
    // The client fetches ahead from the moment that the reader is made.
    let (since, cpu_before) = (Instant::now(), cpu::own_s());
    let mut reader = log.reader(&[Topic::Events], &[])?;
    let (mut records, mut sum, mut broken) = (0, 0_u64, 0);
    while records < installation.drawing.events {
        records += reader.poll(Duration::from_millis(100), TAKE_MAX, &mut |record| {
            let taken = if decode { look_at(record.value) } else { Some(record.value.len() as u64) };
            match taken {
                Some(n) => sum = sum.wrapping_add(n),
                None => broken += 1,
            }
        })? as u64;
    }
    if broken > 0 {
        bail!("{broken} records could not be decoded");
    }
    Ok(Consumed { records, wall_s: since.elapsed().as_secs_f64(), cpu_s: cpu::own_s() - cpu_before, sum })
}

#[inline]
fn look_at(value: &[u8]) -> Option<u64> {
    match decode_events_value(value).ok()? {
        EventsValue::Event(event) => {
            let texts = event.message_id.len() + event.name.len() + event.properties.len() + event.user_id.map_or(0, str::len);
            Some(texts as u64 + event.kind as u64 + event.occurred_at as u64)
        }
        _ => Some(0),
    }
}
