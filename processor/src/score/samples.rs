//! What a fact was in past weeks, for measures that hold it against its own past: one sample a week, taken the first time in it that the customer is looked at.
use super::Facts;
use crate::hash;
use crate::rows::{Hot, Samples};
use c360_health::{Compare, FactRef, Rules};

/// Weeks kept, this one included.
const WEEKS: usize = 13;
/// Samples before which there is no baseline.
const BASELINE_MIN: usize = 4;
const TREND_WEEKS: i32 = 4;

fn week_of(facts: Facts<'_>) -> i32 {
    facts.hot.calendar.day_of(facts.now).div_euclid(7)
}

fn find<'a>(hot: &'a Hot, fact: &FactRef) -> Option<&'a Samples> {
    let id = hash::short(fact.name().as_bytes());
    hot.health.samples.iter().find(|samples| samples.fact == id)
}

/// This week's samples that are wanted and not taken yet, as (fact, week, value).
pub(crate) fn take(rules: &Rules, hot: &mut Hot, now: i64, config: &crate::config::AggregateConfig) {
    if rules.measures.iter().all(|measure| measure.compare == Compare::Value) {
        hot.health.samples.clear();
        return;
    }
    let mut new = Vec::new();
    let facts = Facts { hot, now, config };
    let week = week_of(facts);
    for measure in rules.measures.iter().filter(|measure| measure.compare != Compare::Value) {
        let newest = find(hot, &measure.fact).and_then(|samples| samples.weeks.last()).map(|(week, _)| *week);
        if newest.is_none_or(|newest| newest < week)
            && let Some(found) = facts.get(&measure.fact)
        {
            new.push((hash::short(measure.fact.name().as_bytes()), found.value_milli));
        }
    }
    for (fact, value) in new {
        let samples = &mut hot.health.samples;
        let index = samples.iter().position(|s| s.fact == fact).unwrap_or_else(|| {
            samples.push(Samples { fact, weeks: Vec::new() });
            samples.len() - 1
        });
        let weeks = &mut samples[index].weeks;
        if weeks.last().is_none_or(|(last, _)| *last < week) {
            weeks.push((week, value));
            weeks.drain(..weeks.len().saturating_sub(WEEKS));
        }
    }
}

/// The newest sample that is four weeks old or older.
pub(super) fn four_weeks_ago(facts: Facts<'_>, fact: &FactRef) -> Option<i64> {
    let week = week_of(facts);
    find(facts.hot, fact)?.weeks.iter().rev().find(|(at, _)| *at <= week - TREND_WEEKS).map(|(_, value)| *value)
}

/// The median of the weeks before this one.
pub(super) fn usual(facts: Facts<'_>, fact: &FactRef) -> Option<i64> {
    let week = week_of(facts);
    let mut before: Vec<i64> = find(facts.hot, fact)?.weeks.iter().filter(|(at, _)| *at < week).map(|(_, value)| *value).collect();
    before.sort_unstable();
    (before.len() >= BASELINE_MIN).then(|| before[before.len() / 2])
}
