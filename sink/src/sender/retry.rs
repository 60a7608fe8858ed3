//! What follows from an answer: delivered, again later, or given up. Pure: time and chance are arguments.
use crate::config::{Kind, Limits};
use c360_schemas::DeliveryOutcome;
use std::time::Duration;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The destination took it.
    Taken { status: u16 },
    /// The destination answered, and did not take it.
    Refused { status: u16, retry_after: Option<Duration>, detail: String },
    /// There was no whole answer.
    Failed { detail: String },
    /// There is nothing that could be sent, now or later.
    Unsendable { detail: String },
    /// The destination said earlier that it is gone.
    Gone,
}

/// What is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) outcome: DeliveryOutcome,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    /// For a retry: real time, UTC ms.
    pub(super) next_attempt_at: Option<i64>,
    /// Nothing goes to the destination for so long.
    pub(super) hold: Option<Duration>,
    /// Nothing goes to the destination any more.
    pub(super) disables: bool,
}

/// How often it was tried, this attempt included, and since when (real time, UTC ms).
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    pub(super) attempt: u32,
    pub(super) first_retry_at: Option<i64>,
}

/// Decides at `now` (real time, UTC ms); `chance` is even in [0, 1).
pub(super) fn decide(kind: Kind, answer: Answer, tries: Tries, now: i64, chance: f64, limits: &Limits) -> Decision {
    match answer {
        Answer::Taken { status } => done(DeliveryOutcome::Delivered, Some(status), None),
        Answer::Unsendable { detail } => done(DeliveryOutcome::Dead, None, Some(detail)),
        Answer::Gone => done(DeliveryOutcome::Dead, None, Some("410 gone: destination disabled".into())),
        Answer::Refused { status: 410, .. } => {
            Decision { disables: true, ..done(DeliveryOutcome::Dead, Some(410), Some("410 gone: destination disabled".into())) }
        }
        Answer::Refused { status, detail, .. } if is_final(kind, status) => done(DeliveryOutcome::Dead, Some(status), Some(detail)),
        Answer::Refused { status, retry_after, detail } => {
            let hold = retry_after.filter(|_| matches!(status, 429 | 503)).map(|wait| wait.min(Duration::from_millis(limits.hold_max_ms)));
            Decision { hold, ..again(Some(status), detail, hold, tries, now, chance, limits) }
        }
        Answer::Failed { detail } => again(None, detail, None, tries, now, chance, limits),
    }
}

/// Slack's answers that no repetition changes. Of a webhook only 410 is final.
fn is_final(kind: Kind, status: u16) -> bool {
    kind == Kind::Slack && matches!(status, 400 | 403 | 404)
}

fn done(outcome: DeliveryOutcome, status: Option<u16>, error: Option<String>) -> Decision {
    Decision { outcome, status, error, next_attempt_at: None, hold: None, disables: false }
}

fn again(status: Option<u16>, detail: String, hold: Option<Duration>, tries: Tries, now: i64, chance: f64, limits: &Limits) -> Decision {
    let give_up_at = tries.first_retry_at.map(|first| first.saturating_add_unsigned(limits.retry_total_ms));
    if give_up_at.is_some_and(|end| now >= end) {
        return done(DeliveryOutcome::Dead, status, Some(format!("given up after {} attempts: {detail}", tries.attempt)));
    }
    let wait = delay(tries.attempt, chance, limits).max(hold.unwrap_or_default());
    let at = now.saturating_add_unsigned(wait.as_millis() as u64);
    let at = give_up_at.map_or(at, |end| at.min(end));
    Decision { next_attempt_at: Some(at), ..done(DeliveryOutcome::Retry, status, Some(detail)) }
}

/// The wait after the failed attempt number `attempt` (from 1): doubled each time up to the bound, and of that half to all.
pub(super) fn delay(attempt: u32, chance: f64, limits: &Limits) -> Duration {
    let doubled = limits.retry_first_ms.saturating_mul(1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX));
    let full = doubled.min(limits.retry_delay_max_ms.max(limits.retry_first_ms));
    Duration::from_millis((full as f64 * (0.5 + chance / 2.0)) as u64)
}

/// `Retry-After`: seconds, or an HTTP date beside `now` (real time, UTC ms).
pub(super) fn retry_after(header: &str, now: i64) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(header.parse().unwrap_or(u32::MAX.into())));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    Some(Duration::from_millis(u64::try_from(date.as_millisecond().saturating_sub(now)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_341_600_000;
    const FIRST: Tries = Tries { attempt: 1, first_retry_at: None };

    fn refused(status: u16, retry_after_s: Option<u64>) -> Answer {
        Answer::Refused { status, retry_after: retry_after_s.map(Duration::from_secs), detail: "no".into() }
    }

    #[test]
    fn each_answer_has_its_outcome() {
        use DeliveryOutcome::{Dead, Delivered, Retry};
        let failed = Answer::Failed { detail: "no".into() };
        let table = [
            (Kind::Webhook, Answer::Taken { status: 204 }, Delivered),
            (Kind::Webhook, refused(302, None), Retry),
            (Kind::Webhook, refused(400, None), Retry),
            (Kind::Webhook, refused(401, None), Retry),
            (Kind::Webhook, refused(404, None), Retry),
            (Kind::Webhook, refused(410, None), Dead),
            (Kind::Webhook, refused(429, None), Retry),
            (Kind::Webhook, refused(500, None), Retry),
            (Kind::Webhook, failed.clone(), Retry),
            (Kind::Webhook, Answer::Unsendable { detail: "no".into() }, Dead),
            (Kind::Webhook, Answer::Gone, Dead),
            (Kind::Slack, refused(400, None), Dead),
            (Kind::Slack, refused(403, None), Dead),
            (Kind::Slack, refused(404, None), Dead),
            (Kind::Slack, refused(410, None), Dead),
            (Kind::Slack, refused(429, Some(1)), Retry),
            (Kind::Slack, refused(500, None), Retry),
            (Kind::Slack, failed, Retry),
        ];
        for (kind, answer, outcome) in table {
            let decision = decide(kind, answer.clone(), FIRST, NOW, 0.5, &Limits::default());
            assert_eq!(decision.outcome, outcome, "{kind:?} {answer:?}");
            assert_eq!(decision.disables, matches!(answer, Answer::Refused { status: 410, .. }));
            assert_eq!(decision.next_attempt_at.is_some(), outcome == Retry);
        }
    }

    #[test]
    fn a_410_says_so_and_disables() {
        let decision = decide(Kind::Webhook, refused(410, None), FIRST, NOW, 0.0, &Limits::default());
        assert_eq!((decision.error.as_deref(), decision.disables), (Some("410 gone: destination disabled"), true));
    }

    #[test]
    fn only_429_and_503_hold_and_not_for_ever() {
        let limits = Limits::default();
        let hold = |status, after| decide(Kind::Webhook, refused(status, after), FIRST, NOW, 0.0, &limits);
        assert_eq!(hold(429, Some(120)).hold, Some(Duration::from_secs(120)));
        assert_eq!(hold(503, Some(7)).hold, Some(Duration::from_secs(7)));
        assert_eq!((hold(500, Some(120)).hold, hold(429, None).hold), (None, None));
        assert_eq!(hold(429, Some(120)).next_attempt_at, Some(NOW + 120_000), "the held delivery itself comes no sooner");
        assert_eq!(hold(429, Some(1)).next_attempt_at, Some(NOW + 5_000), "nor sooner than by its backoff");
        assert_eq!(hold(429, Some(u64::from(u32::MAX))).hold, Some(Duration::from_millis(limits.hold_max_ms)));
    }

    #[test]
    fn the_first_retry_comes_within_ten_seconds_and_the_last_after_three_days() {
        let limits = Limits::default();
        let three_days = 3 * 24 * 3_600_000;
        for chance in [0.0, 0.3, 0.999] {
            let (mut now, mut tries) = (NOW, FIRST);
            loop {
                let decision = decide(Kind::Webhook, refused(500, None), tries, now, chance, &limits);
                let Some(at) = decision.next_attempt_at else {
                    assert_eq!(decision.outcome, DeliveryOutcome::Dead);
                    assert!(decision.error.unwrap().starts_with("given up after"));
                    break;
                };
                if tries.attempt == 1 {
                    assert!(at > now && at <= NOW + 10_000);
                }
                assert!(at - now <= 4 * 3_600_000, "no wait is longer than the bound");
                tries = Tries { attempt: tries.attempt + 1, first_retry_at: tries.first_retry_at.or(Some(at)) };
                now = at;
                assert!(tries.attempt < 100);
            }
            assert_eq!(now, tries.first_retry_at.unwrap() + three_days, "one last attempt at the very end");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let at = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT
        let table = [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:17 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (header, seconds) in table {
            assert_eq!(retry_after(header, at - 10_000), seconds.map(Duration::from_secs), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn delays_are_bounded_and_nothing_overflows(attempt: u32, chance in 0.0..1.0_f64, now: i64, first: Option<i64>, status in 100_u16..600, after: Option<u64>) {
            let limits = Limits::default();
            prop_assert!(delay(attempt, chance, &limits) <= Duration::from_millis(limits.retry_delay_max_ms));
            decide(Kind::Slack, refused(status, after), Tries { attempt, first_retry_at: first }, now, chance, &limits);
        }
    }
}
