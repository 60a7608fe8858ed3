//! When an event happened.
//!
//! A client stamps an event by its own clock, and says by the same clock when it sent it; what that clock is off by shows where the time of sending differs from our time of
//! receiving. Below a threshold it is transit, not skew, and correcting it would reorder events. A time that was set by hand is never corrected: `timestamp` where
//! `originalTimestamp` stands beside it, and a time that no clock can have stamped at sending: later than it was sent, or longer before than a queue lasts.
use super::call::Call;
use crate::bad::{Bad, Reason};
use crate::clamp::{EventTime, clamp};
use crate::config::TimeConfig;
use crate::lenient::Text;
use crate::time::parse_ms;

/// The time of a call.
pub(crate) fn of(call: &Call<'_>, batch_sent_at: Option<i64>, received_at: i64, config: &TimeConfig) -> Result<EventTime, Bad> {
    let timestamp = parse("timestamp", &call.timestamp)?;
    let original = parse("originalTimestamp", &call.original_timestamp)?;
    let sent_at = call.sent_at.get().and_then(parse_ms).or(batch_sent_at);
    decide(timestamp, original, sent_at, received_at, config)
}

fn parse(field: &str, text: &Text<'_>) -> Result<Option<i64>, Bad> {
    let bad = |shown: &str| {
        let shown: String = shown.chars().take(40).collect();
        Bad::new(Reason::BadTimestamp, format!("{field} is not a time: {shown:?}"))
    };
    if text.is_wrong() {
        return Err(bad("neither a string nor a number"));
    }
    text.get().map(|text| parse_ms(text).ok_or_else(|| bad(text))).transpose()
}

fn decide(
    timestamp: Option<i64>,
    original: Option<i64>,
    sent_at: Option<i64>,
    received_at: i64,
    config: &TimeConfig,
) -> Result<EventTime, Bad> {
    let at = match (timestamp, original) {
        (None, None) => received_at,
        (Some(by_hand), Some(_)) => by_hand,
        (Some(stamped), None) | (None, Some(stamped)) => corrected(stamped, sent_at, received_at, config),
    };
    clamp(at, received_at, config)
}

fn corrected(stamped: i64, sent_at: Option<i64>, received_at: i64, config: &TimeConfig) -> i64 {
    let Some(sent_at) = sent_at else { return stamped };
    let skew = sent_at.saturating_sub(received_at);
    let queued = sent_at.saturating_sub(stamped);
    if skew.saturating_abs() <= ms(config.skew_s_min) || !(0..=ms(config.skew_queue_s_max)).contains(&queued) {
        return stamped;
    }
    received_at.saturating_sub(queued)
}

fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_341_600_000;
    const S: i64 = 1000;
    const H: i64 = 3600 * S;
    const D: i64 = 24 * H;

    #[test]
    fn the_time_of_an_event_follows_the_rules() {
        for (what, timestamp, original, sent_at, at, clamped) in [
            ("nothing said: now", None, None, None, NOW, false),
            ("nothing but sentAt: now", None, None, Some(NOW - D), NOW, false),
            ("a right clock", Some(NOW - 5 * S), None, Some(NOW - S), NOW - 5 * S, false),
            ("a clock within the threshold is not touched", Some(NOW - 70 * S), None, Some(NOW - 60 * S), NOW - 70 * S, false),
            ("an hour behind", Some(NOW - H - 5 * S), None, Some(NOW - H), NOW - 5 * S, false),
            ("an hour ahead, by originalTimestamp", None, Some(NOW + H - 5 * S), Some(NOW + H), NOW - 5 * S, false),
            ("a year ahead", Some(NOW + 365 * D - 5 * S), None, Some(NOW + 365 * D), NOW - 5 * S, false),
            ("set by hand, beside originalTimestamp", Some(NOW - 30 * D), Some(NOW - H), Some(NOW - H), NOW - 30 * D, false),
            ("set by hand: no queue lasts so long", Some(NOW - 90 * D), None, Some(NOW - H), NOW - 90 * D, false),
            ("set by hand: later than it was sent", Some(NOW - 5 * S), None, Some(NOW - 300 * D), NOW - 5 * S, false),
            ("a little ahead is let be", Some(NOW + 22 * H), None, None, NOW + 22 * H, false),
            ("far ahead becomes now", Some(NOW + 24 * H), None, None, NOW, true),
            ("the year 9999 becomes now", Some(253_402_300_799_999), None, Some(NOW), NOW, true),
        ] {
            let time = decide(timestamp, original, sent_at, NOW, &TimeConfig::default()).unwrap();
            assert_eq!((time.at, time.clamped_from.is_some()), (at, clamped), "{what}");
        }
        assert!(decide(Some(-1), None, None, NOW, &TimeConfig::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_times_give_a_time_that_is_not_far_ahead(t in any::<Option<i64>>(), o in any::<Option<i64>>(), s in any::<Option<i64>>(), now in 0..i64::MAX / 2) {
            if let Ok(time) = decide(t, o, s, now, &TimeConfig::default()) {
                prop_assert!(time.at >= 0 && time.at - now <= 23 * H);
            }
        }
    }
}
