//! `/portfolio`: all customers in numbers.
use super::parts::band_class;
use super::{Frame, Page, format, ok};
use crate::app::App;
use crate::auth::Caller;
use crate::read::portfolio;
use askama::Template;
use axum::Extension;
use axum::extract::State;
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
    answers: String,
    bands: Vec<Bar>,
    lifecycles: Vec<Bar>,
    owners: Vec<OwnerRow>,
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

struct OwnerRow {
    name: String,
    href: Option<String>,
    customers: i64,
    bands: Vec<(&'static str, i64)>,
}

pub(super) async fn page(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Page {
    let portfolio = app.pool.read(move |connection| portfolio::get(connection, &caller.tenant)).await?;
    let (nps, customers) = (&portfolio.nps, &portfolio.customers);
    let mrr = |one: &portfolio::CurrencyMrr| Mrr { amount: format::money(one.amount, &one.currency), paying: format::number(one.paying) };
    ok(&Portfolio {
        frame: Frame::new("portfolio"),
        total: format::number(customers.total),
        provisional: customers.provisional,
        mrr: portfolio.mrr_by_currency.iter().map(mrr).collect(),
        nps: nps.score.map(format::number),
        answers: format::number(nps.promoters + nps.passives + nps.detractors),
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

fn owner_row(count: &portfolio::OwnerCount) -> OwnerRow {
    let owner = count.owner.name.as_ref().or(count.owner.email.as_ref());
    let href = owner.map(|owner| Serializer::new(String::from("/?")).append_pair("owner", owner).finish());
    let bands = ["red", "yellow", "green", "unknown"].map(|band| (band, count.by_band.get(band).copied().unwrap_or(0)));
    OwnerRow {
        name: owner.cloned().unwrap_or_else(|| "No owner".into()),
        href,
        customers: count.customers,
        bands: bands.into_iter().filter(|(_, count)| *count > 0).collect(),
    }
}
