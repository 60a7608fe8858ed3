//! Charts as inline SVG: usage by day, and the score over time. Colours come from the style sheet, so they follow light and dark.
use super::format::{money, percent};
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

/// MRR over time, as steps from 0 up.
#[derive(Debug, Template)]
#[template(path = "mrr_chart.html")]
pub(super) struct MrrChart {
    line: String,
    area: String,
    dots: Vec<Dot>,
    most: String,
    first: String,
    last: String,
}

impl HtmlSafe for MrrChart {}

#[derive(Debug)]
struct Dot {
    x: String,
    title: String,
}

impl MrrChart {
    /// From MRR after each movement, oldest first; `None` where nothing ever moved.
    pub(super) fn new(points: &[(i64, i64)], currency: &str, now: i64) -> Option<Self> {
        let first = points.first()?.0;
        let last = now.max(points.last()?.0);
        let most = points.iter().map(|(_, mrr)| *mrr).max()?.max(1);
        // A customer of a day has a line too.
        let span = last.saturating_sub(first).max(DAY_MS) as f64;
        let x = |at: i64| WIDTH * at.saturating_sub(first) as f64 / span;
        let y = |mrr: i64| HEIGHT - HEIGHT * mrr.clamp(0, most) as f64 / most as f64;
        let (mut line, mut dots, mut level) = (format!("0.0,{HEIGHT:.1} "), Vec::new(), 0);
        for (at, mrr) in points {
            line.push_str(&format!("{:.1},{:.1} {:.1},{:.1} ", x(*at), y(level), x(*at), y(*mrr)));
            dots.push(Dot { x: format!("{:.1}", x(*at)), title: format!("{}: {}", time::day(*at), money(*mrr, currency)) });
            level = *mrr;
        }
        line.push_str(&format!("{:.1},{:.1}", x(last), y(level)));
        let area = format!("{line} {:.1},{HEIGHT:.1}", x(last));
        Some(Self { line, area, dots, most: money(most, currency), first: time::day(first), last: time::day(last) })
    }
}

/// Shares by month as lines, on one scale.
#[derive(Debug, Template)]
#[template(path = "rates_chart.html")]
pub(super) struct RatesChart {
    nrr: String,
    grr: String,
    months: Vec<Bar>,
    hundred: String,
    least: String,
    most: String,
    first: String,
    last: String,
}

impl HtmlSafe for RatesChart {}

/// A month with its NRR and GRR.
type Rates = (String, Option<f64>, Option<f64>);

impl RatesChart {
    /// From months with their NRR and GRR, oldest first; `None` where there are too few to draw.
    pub(super) fn new(months: &[Rates]) -> Option<Self> {
        let (first, last) = (months.first()?.0.clone(), months.last()?.0.clone());
        if months.iter().filter(|(_, nrr, _)| nrr.is_some()).count() < 2 {
            return None;
        }
        let shares = || months.iter().flat_map(|(_, nrr, grr)| [*nrr, *grr]).flatten();
        // In steps of 5%, so that what moves by little shows, and the scale stays.
        let (least, most) = (shares().fold(1.0, f64::min), shares().fold(1.0, f64::max));
        let (least, most) = (((least - 0.01) * 20.0).floor().max(0.0) / 20.0, ((most + 0.01) * 20.0).ceil() / 20.0);
        let step = WIDTH / months.len() as f64;
        let y = |share: f64| HEIGHT - HEIGHT * (share.clamp(least, most) - least) / (most - least);
        let line = |of: fn(&Rates) -> Option<f64>| {
            let points =
                months.iter().enumerate().filter_map(|(i, month)| Some(format!("{:.1},{:.1}", step * (i as f64 + 0.5), y(of(month)?))));
            points.collect::<Vec<_>>().join(" ")
        };
        let said = |share: Option<f64>| share.map_or_else(|| "\u{2013}".into(), percent);
        let hit = |(i, (month, nrr, grr)): (usize, &Rates)| Bar {
            x: format!("{:.1}", step * i as f64),
            y: "0".into(),
            width: format!("{step:.1}"),
            height: format!("{HEIGHT:.1}"),
            title: format!("{month}: NRR {}, GRR {}", said(*nrr), said(*grr)),
            weekend: false,
        };
        Some(Self {
            nrr: line(|month| month.1),
            grr: line(|month| month.2),
            months: months.iter().enumerate().map(hit).collect(),
            hundred: format!("{:.1}", y(1.0)),
            least: percent(least),
            most: percent(most),
            first,
            last,
        })
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
    fn mrr_rises_from_nothing_in_steps() {
        let chart = MrrChart::new(&[(0, 100), (5 * DAY_MS, 50)], "USD", 10 * DAY_MS).unwrap();
        assert_eq!(chart.line, "0.0,120.0 0.0,120.0 0.0,0.0 360.0,0.0 360.0,60.0 720.0,60.0");
        assert_eq!((chart.most.as_str(), chart.dots[1].title.as_str()), ("$1", "6 Jan 1970: $0.50"));
        assert!(MrrChart::new(&[], "USD", 0).is_none());
    }

    #[test]
    fn rates_need_two_months_to_draw() {
        let month = |name: &str, rate| (name.to_owned(), rate, rate);
        assert!(RatesChart::new(&[month("2026-01", None), month("2026-02", Some(1.0))]).is_none());
        let chart = RatesChart::new(&[month("2026-01", Some(1.0)), month("2026-02", Some(0.5))]).unwrap();
        assert_eq!((chart.nrr.as_str(), chart.least.as_str(), chart.most.as_str()), ("180.0,10.0 540.0,110.0", "45%", "105%"));
    }

    #[test]
    fn a_score_is_drawn_in_steps() {
        let chart = ScoreChart::new(&[(50, 0), (0, 100)], 100).unwrap();
        assert_eq!(chart.line, "0.0,0.0 360.0,0.0 360.0,120.0 720.0,120.0");
        assert!(ScoreChart::new(&[(5, 10)], 100).is_none());
    }
}
