//! Charts as inline SVG: usage by day, and the score over time. Colours come from the style sheet, so they follow light and dark.
use crate::read::timeline::UsageDay;
use crate::time::{self, DAY_MS};
use askama::Template;
use askama::filters::HtmlSafe;
use std::collections::BTreeMap;

const DAYS_MAX: i64 = 90;
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

/// Usage by day: a bar for events, a line for active users, each on its own scale.
#[derive(Debug, Template)]
#[template(path = "usage_chart.html")]
pub(super) struct UsageChart {
    bars: Vec<Bar>,
    /// Points of the line of active users.
    line: String,
    events_most: i64,
    users_most: i64,
    first: String,
    last: String,
}

impl HtmlSafe for UsageChart {}

#[derive(Debug)]
struct Bar {
    x: String,
    y: String,
    width: String,
    height: String,
    title: String,
    weekend: bool,
}

impl UsageChart {
    /// `None` where no usage is known. Silence up to `as_of` shows as silence.
    pub(super) fn new(days: &[UsageDay], as_of: i64) -> Option<Self> {
        let known: BTreeMap<i64, &UsageDay> = days.iter().map(|day| (day.at.div_euclid(DAY_MS), day)).collect();
        let (first, newest) = (*known.keys().next()?, *known.keys().next_back()?);
        let last = newest.max(as_of.div_euclid(DAY_MS).min(newest.saturating_add(DAYS_MAX)));
        let first = first.max(last - DAYS_MAX + 1);
        let most = |of: fn(&UsageDay) -> i64| known.range(first..=last).map(|(_, day)| of(day)).max().unwrap_or(0).max(1);
        let (events_most, users_most) = (most(|day| day.events), most(|day| day.users));
        // A short history keeps its bars slim, at the right.
        let step = WIDTH / (last - first + 1).max(30) as f64;
        let left = WIDTH - step * (last - first + 1) as f64;
        let (mut bars, mut line) = (Vec::new(), String::new());
        for number in first..=last {
            let (events, users) = known.get(&number).map_or((0, 0), |day| (day.events, day.users));
            let x = left + step * (number - first) as f64;
            let height = HEIGHT * events as f64 / events_most as f64;
            bars.push(Bar {
                x: format!("{:.1}", x + step * 0.12),
                y: format!("{:.1}", HEIGHT - height),
                width: format!("{:.1}", step * 0.76),
                height: format!("{height:.1}"),
                title: format!("{}: {events} events, {users} active users", time::day(number.saturating_mul(DAY_MS))),
                // Day 0 was a Thursday.
                weekend: (number + 3).rem_euclid(7) >= 5,
            });
            line.push_str(&format!("{:.1},{:.1} ", x + step / 2.0, HEIGHT - HEIGHT * users as f64 / users_most as f64));
        }
        let text = |number: i64| time::day(number.saturating_mul(DAY_MS));
        Some(Self { bars, line, events_most, users_most, first: text(first), last: text(last) })
    }
}

/// The score over time, as steps, on the colours of the bands.
#[derive(Debug, Template)]
#[template(path = "score_chart.html")]
pub(super) struct ScoreChart {
    line: String,
    first: String,
    last: String,
}

impl HtmlSafe for ScoreChart {}

impl ScoreChart {
    /// From changes of score, newest first; `None` where there are too few to draw.
    pub(super) fn new(changes: &[(i64, i64)], now: i64) -> Option<Self> {
        let (first, newest) = (changes.last()?.0, changes.first()?.0);
        let last = now.max(newest);
        if changes.len() < 2 || last <= first {
            return None;
        }
        let x = |at: i64| WIDTH * (at - first) as f64 / (last - first) as f64;
        let y = |score: i64| HEIGHT - HEIGHT * score.clamp(0, 100) as f64 / 100.0;
        let mut line = String::new();
        let mut level = None;
        for (at, score) in changes.iter().rev() {
            if let Some(level) = level {
                line.push_str(&format!("{:.1},{:.1} ", x(*at), y(level)));
            }
            line.push_str(&format!("{:.1},{:.1} ", x(*at), y(*score)));
            level = Some(*score);
        }
        line.push_str(&format!("{:.1},{:.1}", WIDTH, y(level?)));
        Some(Self { line, first: time::day(first), last: time::day(last) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, events: i64) -> UsageDay {
        UsageDay { date: date.into(), at: time::parse_day(date).unwrap(), events, users: 1 }
    }

    #[test]
    fn silence_shows_as_days_without_a_bar() {
        let as_of = time::parse("2026-11-22T10:00:00Z").unwrap();
        let chart = UsageChart::new(&[day("2026-11-01", 4), day("2026-11-03", 8)], as_of).unwrap();
        let heights: Vec<_> = chart.bars.iter().map(|bar| bar.height.as_str()).collect();
        assert_eq!((heights.len(), &heights[..4]), (22, &["60.0", "0.0", "120.0", "0.0"][..]));
        assert!(chart.bars[0].weekend && !chart.bars[1].weekend, "1 November 2026 is a Sunday");
    }

    #[test]
    fn a_chart_has_ninety_days_at_most() {
        let days = [day("2025-01-01", 5), day("2026-11-22", 1)];
        assert_eq!(UsageChart::new(&days, i64::MAX).unwrap().bars.len(), 90);
        assert!(UsageChart::new(&[], 0).is_none());
    }

    #[test]
    fn a_score_is_drawn_in_steps() {
        let chart = ScoreChart::new(&[(50, 0), (0, 100)], 100).unwrap();
        assert_eq!(chart.line, "0.0,0.0 360.0,0.0 360.0,120.0 720.0,120.0");
        assert!(ScoreChart::new(&[(5, 10)], 100).is_none());
    }
}
