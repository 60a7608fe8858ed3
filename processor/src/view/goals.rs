//! The facts of the view that a goal can be measured by.
use super::{surveys, usage};
use crate::aggregate::{mrr, nps};
use crate::config::AggregateConfig;
use crate::rows::Hot;

/// What a measure is now (a path of the view, or `feature:` and an event's name); `None` where that is not known.
pub(super) fn value(hot: &Hot, now: i64, config: &AggregateConfig, measure: &str) -> Option<f64> {
    let (u, s) = (&hot.usage, &hot.support);
    if let Some(name) = measure.strip_prefix("feature:") {
        let uses = hot.features.iter().find(|f| f.name == name).map_or(0, |f| f.days.iter().map(|(_, uses)| u64::from(*uses)).sum());
        return Some(uses as f64);
    }
    match measure {
        "usage.events.7d" => Some(u.sums[1] as f64),
        "usage.events.28d" => Some(u.sums[2] as f64),
        "usage.active_users.7d" => Some(u.active_users(7) as f64),
        "usage.active_users.28d" => Some(u.active_users(28) as f64),
        "usage.stickiness" => u.stickiness_milli().map(super::share),
        "usage.seat_use" => usage::seat_use(hot),
        "usage.breadth" => usage::breadth_share(hot, now, &config.usage.features),
        "support.open" => s.known.then(|| f64::from(s.open)),
        "support.first_reply_s_median" => s.first_reply_s_median.map(|s| s as f64),
        "support.resolution_s_median" => s.resolution_s_median.map(|s| s as f64),
        "surveys.nps" => nps(&hot.surveys).map(f64::from),
        "surveys.csat" => surveys::csat(hot),
        "billing.mrr" => mrr::account(&hot.billing).map(|(mrr, _)| mrr as f64),
        _ => None,
    }
}

/// Of tickets less is better, of all else more.
pub(super) fn is_met(measure: &str, value: f64, target: f64) -> bool {
    if measure.starts_with("support.") { value <= target } else { value >= target }
}
