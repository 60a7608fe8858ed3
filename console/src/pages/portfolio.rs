//! `/portfolio`: all customers in numbers.
use super::chart::RatesChart;
use super::parts::band_class;
use super::sections::Fact;
use super::waterfall::{self, Step};
use super::{Frame, Page, format, ok};
use crate::app::App;
use crate::auth::Caller;
use crate::read::portfolio::{self, Month, Year};
use crate::time;
use askama::Template;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

#[derive(Template)]
#[template(path = "portfolio.html")]
struct Portfolio {
    frame: Frame,
    total: String,
    provisional: i64,
    mrr: Vec<Mrr>,
    nps: Option<String>,
    interval: Option<String>,
    answers: String,
    balanced: bool,
    years: Vec<YearRow>,
    month: Option<MonthView>,
    rates: Option<RatesChart>,
    segments: Vec<GroupRow>,
    advocates: String,
    bands: Vec<Bar>,
    lifecycles: Vec<Bar>,
    owners: Vec<GroupRow>,
}

struct Mrr {
    amount: String,
    paying: String,
}

/// One bar of a simple bar chart.
struct Bar {
    text: String,
    class: &'static str,
    href: String,
    count: i64,
    /// Of 100.
    width: f64,
}

/// Customers of one owner, or of one segment.
struct GroupRow {
    name: String,
    href: Option<String>,
    customers: i64,
    bands: Vec<(&'static str, i64)>,
}

/// The twelve months up to now, of one currency.
struct YearRow {
    currency: String,
    nrr: String,
    grr: String,
    logo_churn: String,
    growth: String,
    upsell: String,
    cross_sell: String,
}

/// The month whose movements are shown.
struct MonthView {
    month: String,
    currency: String,
    steps: Vec<Step>,
    facts: Vec<Fact>,
    balanced: bool,
    earlier: Option<String>,
    later: Option<String>,
    /// Other currencies that there are.
    others: Vec<(String, String)>,
}

/// Which month, of which currency; the newest whole one of the first where none is named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PortfolioQuery {
    month: String,
    currency: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<PortfolioQuery>, QueryRejection>,
) -> Page {
    let (Query(query), now) = (query?, app.now());
    let portfolio = app.pool.read(move |connection| portfolio::get(connection, &caller.tenant, now)).await?;
    let currency = chosen(&portfolio, &query.currency);
    let of_currency: Vec<&Month> = portfolio.months.iter().filter(|month| Some(&month.currency) == currency.as_ref()).collect();
    let (nps, customers) = (&portfolio.nps, &portfolio.customers);
    let mrr = |one: &portfolio::CurrencyMrr| Mrr { amount: format::money(one.amount, &one.currency), paying: format::number(one.paying) };
    ok(&Portfolio {
        frame: Frame::new("portfolio"),
        total: format::number(customers.total),
        provisional: customers.provisional,
        mrr: portfolio.mrr_by_currency.iter().map(mrr).collect(),
        nps: nps.score.map(format::number),
        interval: nps.interval.map(|[from, to]| format!("{} to {}", format::number(from), format::number(to))),
        answers: format::number(nps.promoters + nps.passives + nps.detractors),
        balanced: portfolio.balanced,
        years: portfolio.by_currency.iter().map(year_row).collect(),
        month: month_view(&portfolio, &of_currency, &query.month, &time::month(now)),
        rates: RatesChart::new(&of_currency.iter().map(|m| (m.month.clone(), m.rates.nrr, m.rates.grr)).collect::<Vec<_>>()),
        segments: customers.by_segment.iter().map(segment_row).collect(),
        advocates: format::number(portfolio.loyalty.advocacy.advocate_customers),
        bands: bars("band", &customers.by_band, &["green", "yellow", "red", "unknown"]),
        lifecycles: bars("lifecycle", &customers.by_lifecycle, &["adoption", "stabilisation", "steady", "renewal", "churned"]),
        owners: customers.by_owner.iter().map(owner_row).collect(),
    })
}

fn bars(filter: &str, counts: &BTreeMap<String, i64>, order: &[&str]) -> Vec<Bar> {
    let most = counts.values().copied().max().unwrap_or(0).max(1);
    let bar = |name: &&str| {
        let count = counts.get(*name).copied().unwrap_or(0);
        let class = if filter == "band" { band_class(name) } else { "plain" };
        Bar { text: format::words(name), class, href: format!("/?{filter}={name}"), count, width: count as f64 * 100.0 / most as f64 }
    };
    order.iter().map(bar).collect()
}

/// The currency asked for, else the one in which the most is paid.
fn chosen(portfolio: &portfolio::Portfolio, asked: &str) -> Option<String> {
    let known = |currency: &str| portfolio.months.iter().any(|month| month.currency == currency);
    if known(asked) {
        return Some(asked.to_owned());
    }
    let paid = portfolio.mrr_by_currency.iter().filter(|one| known(&one.currency)).max_by_key(|one| one.amount).map(|one| &one.currency);
    paid.or_else(|| portfolio.months.first().map(|month| &month.currency)).cloned()
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "\u{2013}".into(), format::percent)
}

fn year_row(year: &Year) -> YearRow {
    YearRow {
        nrr: share(year.rates.nrr),
        grr: share(year.rates.grr),
        logo_churn: share(year.rates.logo_churn_rate),
        growth: share(year.growth),
        upsell: format::money(year.sums.upsell, &year.currency),
        cross_sell: format::money(year.sums.cross_sell, &year.currency),
        currency: year.currency.clone(),
    }
}

fn month_view(portfolio: &portfolio::Portfolio, months: &[&Month], asked: &str, running: &str) -> Option<MonthView> {
    let whole = months.iter().rposition(|month| month.month != running).or_else(|| months.len().checked_sub(1));
    let index = months.iter().position(|month| month.month == asked).or(whole)?;
    let month = months.get(index)?;
    let href = |month: &str, currency: &str| {
        Serializer::new(String::from("/portfolio?")).append_pair("month", month).append_pair("currency", currency).finish()
    };
    let fact = |name: &str, how: &'static str, text: String| Fact { how: Some(how), ..Fact::new(name, Some(text)) };
    let logos = &month.customers;
    let mut others: Vec<String> =
        portfolio.months.iter().map(|m| m.currency.clone()).filter(|currency| *currency != month.currency).collect();
    others.dedup();
    Some(MonthView {
        steps: waterfall::steps(month),
        facts: vec![
            fact(
                "NRR",
                "Of the customers that paid when the month began: what they pay at its end, divided by what they paid then.",
                share(month.rates.nrr),
            ),
            fact("GRR", "The same, but nobody counts for more than before: growth does not make up for losses.", share(month.rates.grr)),
            fact(
                "Logo churn",
                "Customers that paid when the month began and do not at its end, of those that did.",
                share(month.rates.logo_churn_rate),
            ),
            fact("Growth", "What customers pay at the end, divided by what they paid at the beginning, less 1.", share(month.growth)),
            fact("NRR, 12 months", "NRR against twelve months before the month's end.", share(month.nrr_12m)),
            fact("GRR, 12 months", "GRR against twelve months before the month's end.", share(month.grr_12m)),
            fact(
                "Customers",
                "That paid at the beginning, and at the end.",
                format!("{} \u{2192} {}", format::number(logos.begin), format::number(logos.end)),
            ),
            fact(
                "New, lost, back",
                "Customers that came, left and came back.",
                format!("{}, {}, {}", format::number(logos.new), format::number(logos.churned), format::number(logos.reactivated)),
            ),
        ],
        balanced: month.balanced,
        earlier: index.checked_sub(1).and_then(|i| months.get(i)).map(|m| href(&m.month, &m.currency)),
        later: months.get(index + 1).map(|m| href(&m.month, &m.currency)),
        others: others.into_iter().map(|currency| (href(&month.month, &currency), currency)).collect(),
        month: month.month.clone(),
        currency: month.currency.clone(),
    })
}

fn tally(by_band: &BTreeMap<String, i64>) -> Vec<(&'static str, i64)> {
    let bands = ["red", "yellow", "green", "unknown"].map(|band| (band, by_band.get(band).copied().unwrap_or(0)));
    bands.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn owner_row(count: &portfolio::OwnerCount) -> GroupRow {
    let owner = count.owner.name.as_ref().or(count.owner.email.as_ref());
    let href = owner.map(|owner| Serializer::new(String::from("/?")).append_pair("owner", owner).finish());
    GroupRow { name: owner.cloned().unwrap_or_else(|| "No owner".into()), href, customers: count.customers, bands: tally(&count.by_band) }
}

fn segment_row(count: &portfolio::SegmentCount) -> GroupRow {
    let name = count.segment.clone().unwrap_or_else(|| "No plan known".into());
    GroupRow { name, href: None, customers: count.customers, bands: tally(&count.by_band) }
}
