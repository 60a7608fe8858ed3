//! The facts of the view that a goal can be measured by.
use crate::aggregate::nps;
use crate::config::AggregateConfig;
use crate::rows::Hot;
use crate::score::Facts;
use c360_health::FactRef;

/// What a fact is now, by the name that rules have for it; `None` where that is not known.
pub(super) fn value(hot: &Hot, now: i64, config: &AggregateConfig, measure: &str) -> Option<f64> {
    if measure == "surveys.nps" {
        // As it is shown: not of a few answers.
        return nps(&hot.surveys).map(f64::from);
    }
    let found = Facts { hot, now, config }.get(&FactRef::parse(measure)?)?;
    Some(found.value_milli as f64 / 1000.0)
}

/// Of tickets less is better, of all else more.
pub(super) fn is_met(measure: &str, value: f64, target: f64) -> bool {
    if measure.starts_with("support.") { value <= target } else { value >= target }
}
