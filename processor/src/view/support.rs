//! Tickets: how many, how old, how fast they are answered and solved.
use crate::rows::{Hot, Priority};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SupportView {
    open: u32,
    urgent_open: u32,
    by_priority: ByPriority<u32>,
    unanswered: u32,
    oldest_open_s: Option<i64>,
    backlog_age_s_median: Option<i64>,
    opened_28d: u32,
    reopened_28d: u32,
    escalated_28d: u32,
    first_reply_s_median: Option<i64>,
    resolution_s_median: Option<i64>,
    resolution_s_median_censored: Option<i64>,
    /// Where tickets have priorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_reply_s_median_by_priority: Option<ByPriority<Option<i64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution_s_median_by_priority: Option<ByPriority<Option<i64>>>,
}

#[derive(Serialize)]
struct ByPriority<T> {
    urgent: T,
    high: T,
    normal: T,
    low: T,
    none: T,
}

impl<T: Copy> ByPriority<T> {
    fn of(numbers: &[T; 5]) -> Self {
        let of = |priority: Priority| numbers[priority as usize];
        Self {
            urgent: of(Priority::Urgent),
            high: of(Priority::High),
            normal: of(Priority::Normal),
            low: of(Priority::Low),
            none: of(Priority::None),
        }
    }
}

pub(super) fn view(hot: &Hot, now: i64) -> SupportView {
    let s = &hot.support;
    let age_s = |at: i64| (now - at).max(0) / 1000;
    let medians = |numbers: &[Option<i64>; 5]| numbers.iter().any(Option::is_some).then(|| ByPriority::of(numbers));
    SupportView {
        open: s.open,
        urgent_open: s.open_by_priority[Priority::Urgent as usize],
        by_priority: ByPriority::of(&s.open_by_priority),
        unanswered: s.unanswered,
        oldest_open_s: s.oldest_open_at.map(age_s),
        backlog_age_s_median: s.median_open_created_at.map(age_s),
        opened_28d: s.opened_28d,
        reopened_28d: s.reopened_28d,
        escalated_28d: s.escalated_28d,
        first_reply_s_median: s.first_reply_s_median,
        resolution_s_median: s.resolution_s_median,
        resolution_s_median_censored: s.resolution_s_median_censored,
        first_reply_s_median_by_priority: medians(&s.first_reply_s_by_priority),
        resolution_s_median_by_priority: medians(&s.resolution_s_by_priority),
    }
}
