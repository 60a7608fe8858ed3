//! Tickets: how many, how old, how fast they are answered and solved.
use crate::rows::{Hot, Priority};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SupportView {
    open: u32,
    urgent_open: u32,
    by_priority: ByPriority,
    unanswered: u32,
    oldest_open_s: Option<i64>,
    backlog_age_s_median: Option<i64>,
    opened_28d: u32,
    reopened_28d: u32,
    escalated_28d: u32,
    first_reply_s_median: Option<i64>,
    resolution_s_median: Option<i64>,
    resolution_s_median_censored: Option<i64>,
}

/// Open tickets.
#[derive(Serialize)]
struct ByPriority {
    urgent: u32,
    high: u32,
    normal: u32,
    low: u32,
    none: u32,
}

pub(super) fn view(hot: &Hot, now: i64) -> SupportView {
    let s = &hot.support;
    let age_s = |at: i64| (now - at).max(0) / 1000;
    let of = |priority: Priority| s.open_by_priority[priority as usize];
    SupportView {
        open: s.open,
        urgent_open: of(Priority::Urgent),
        by_priority: ByPriority {
            urgent: of(Priority::Urgent),
            high: of(Priority::High),
            normal: of(Priority::Normal),
            low: of(Priority::Low),
            none: of(Priority::None),
        },
        unanswered: s.unanswered,
        oldest_open_s: s.oldest_open_at.map(age_s),
        backlog_age_s_median: s.median_open_created_at.map(age_s),
        opened_28d: s.opened_28d,
        reopened_28d: s.reopened_28d,
        escalated_28d: s.escalated_28d,
        first_reply_s_median: s.first_reply_s_median,
        resolution_s_median: s.resolution_s_median,
        resolution_s_median_censored: s.resolution_s_median_censored,
    }
}
