//! The rules in force, measure by measure, who applied them when, and those before them.
use super::format::words;
use super::parts::When;
use super::{Frame, Page, ok};
use crate::app::App;
use crate::auth::Caller;
use crate::backtest::Backtest;
use crate::read::{backtests, rules};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use c360_health::{Bound, Compare, Condition, Missing, Rules};
use c360_schemas::customer_url;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "rules.html")]
struct Rulebook<'a> {
    frame: Frame,
    rules: &'a Rules,
    applied: Option<&'a Row>,
    earlier: &'a [Row],
    groups: Vec<Group>,
    caps: Vec<Cap<'a>>,
    backtests: Vec<Tried>,
    text: &'a str,
}

impl Rulebook<'_> {
    /// A customer's page.
    fn href(&self, account: &str) -> String {
        customer_url("", account)
    }
}

struct Row {
    version: i64,
    name: String,
    by: String,
    note: String,
    at: When,
}

/// A back-test that somebody published.
struct Tried {
    when: When,
    by: String,
    report: Backtest,
}

struct Group {
    id: String,
    side: &'static str,
    percent: String,
    measures: Vec<Measure>,
}

struct Measure {
    id: String,
    fact: String,
    percent: String,
    red: String,
    green: String,
    unit: &'static str,
    more: String,
}

struct Cap<'a> {
    id: String,
    limit: i32,
    hard: bool,
    when: String,
    complaint: &'a str,
}

pub(super) async fn page(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Page {
    let tenant = caller.tenant.clone();
    let read = app.pool.read(move |connection| Ok((rules::list(connection, &tenant)?, backtests::list(connection, &tenant)?)));
    let (applied, backtests) = read.await?;
    let text = applied.first().map_or(Rules::BUILT_IN_TEXT, |newest| newest.text.as_str());
    let in_force = c360_health::check(text).map(Arc::new).unwrap_or_else(|_| Rules::built_in());
    let now = app.now();
    let rows: Vec<Row> = applied
        .iter()
        .map(|a| Row {
            version: a.version,
            name: a.name.clone(),
            by: a.by.clone(),
            note: a.note.clone().unwrap_or_default(),
            at: When::relative(a.at, now),
        })
        .collect();
    ok(&Rulebook {
        frame: Frame::new("rules"),
        rules: &in_force,
        applied: rows.first(),
        earlier: rows.get(1..).unwrap_or_default(),
        groups: groups(&in_force),
        caps: caps(&in_force),
        backtests: backtests
            .into_iter()
            .map(|kept| Tried { when: When::relative(kept.at, now), by: kept.by, report: kept.report })
            .collect(),
        text,
    })
}

/// The groups with their measures, as the card of everybody has them.
fn groups(rules: &Rules) -> Vec<Group> {
    let everybody = rules.card(u8::MAX);
    let of_group = |number: usize| rules.measures.iter().zip(&everybody.measures).filter(move |(measure, _)| measure.group == number);
    let group = |(number, group): (usize, &'_ c360_health::Group)| {
        let measures = of_group(number).map(|(m, points)| Measure {
            id: words(&m.id),
            fact: m.fact.name(),
            percent: percent(points.weight_ppm),
            red: number_text(points.red_milli),
            green: number_text(points.green_milli),
            unit: if m.compare == Compare::Value { m.fact.unit().as_str() } else { "change" },
            more: more(m),
        });
        let whole = of_group(number).map(|(_, points)| points.weight_ppm).sum();
        (words(&group.id), group.side.as_str(), percent(whole), measures.collect())
    };
    let groups = rules.groups.iter().enumerate().map(group);
    groups.map(|(id, side, percent, measures)| Group { id, side, percent, measures }).collect()
}

/// What is out of the ordinary about a measure.
fn more(measure: &c360_health::Measure) -> String {
    let mut words = Vec::new();
    match measure.compare {
        Compare::Value => {}
        Compare::Trend => words.push("against four weeks ago".to_owned()),
        Compare::Baseline => words.push("against its own 12 weeks".to_owned()),
    }
    match measure.missing {
        Missing::Skip => {}
        Missing::Neutral => words.push("50 points where unknown".to_owned()),
        Missing::Zero => words.push("0 points where unknown".to_owned()),
    }
    if measure.ttl_days < i64::from(u16::MAX) {
        words.push(format!("in full for {} days, half each {} after", measure.ttl_days, measure.half_life_days));
    }
    words.join("; ")
}

fn caps(rules: &Rules) -> Vec<Cap<'_>> {
    let when = |cap: &'_ c360_health::Cap| cap.when.iter().map(condition).collect::<Vec<_>>().join(" and ");
    let cap = |c: &'_ c360_health::Cap| (words(&c.id), when(c));
    rules
        .caps
        .iter()
        .map(|c| (cap(c), c))
        .map(|((id, when), c)| Cap { id, limit: c.limit, hard: c.hard, when, complaint: &c.complaint })
        .collect()
}

fn condition(condition: &Condition) -> String {
    let name = condition.fact.name();
    if condition.fact.unit() == c360_health::Unit::YesNo {
        return if condition.milli == 0 { format!("not {name}") } else { name };
    }
    let bound = match condition.bound {
        Bound::Above => "above",
        Bound::AtLeast => "at least",
        Bound::Below => "below",
        Bound::AtMost => "at most",
        Bound::Is => "exactly",
    };
    format!("{name} {bound} {}", number_text(condition.milli))
}

fn percent(ppm: i64) -> String {
    format!("{}%", number_text((ppm + 500) / 1000 * 100))
}

/// Thousandths as people write them.
fn number_text(milli: i64) -> String {
    let text = format!("{:.3}", milli as f64 / 1000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
