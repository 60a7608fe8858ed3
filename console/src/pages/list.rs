//! `/`: all customers.
use super::parts::{Chip, When, band_class};
use super::{Frame, Page, format, ok};
use crate::api::{ListQuery, encode_cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::read::customers::{self, Column, Customer, Filter, Sort};
use crate::read::portfolio;
use askama::Template;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use c360_schemas::customer_url;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

const BANDS: [&str; 4] = ["green", "yellow", "red", "unknown"];

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    frame: Frame,
    q: String,
    sort: String,
    bands: Vec<Choice>,
    lifecycles: Vec<Choice>,
    owners: Vec<Choice>,
    tallies: Vec<Tally>,
    headings: Vec<Heading>,
    rows: Vec<Row>,
    total: String,
    filtered: bool,
    first_href: Option<String>,
    next_href: Option<String>,
}

/// An option of a filter.
struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

/// How many customers a band has.
struct Tally {
    band: &'static str,
    count: String,
    href: String,
    chosen: bool,
}

struct Heading {
    text: &'static str,
    class: &'static str,
    href: Option<String>,
    /// `ascending`, `descending` or nothing.
    sorted: &'static str,
}

struct Row {
    href: String,
    name: String,
    account_id: String,
    provisional: bool,
    chip: Chip,
    lifecycle: String,
    mrr: Option<String>,
    renews: Option<When>,
    last_seen: Option<When>,
    owner: Option<String>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Page {
    let Query(query) = query?;
    let (sort, filter, limit) = (query.sort()?, query.filter()?, query.limit()?);
    let after = query.after(sort)?;
    let (now, asked, paged) = (app.now(), filter.clone(), after.is_some());
    let read = app.pool.read(move |connection| {
        let (page, total) = customers::list(connection, &caller.tenant, &asked, sort, after.as_ref(), limit, false)?;
        Ok((page, total, customers::owners(connection, &caller.tenant)?, portfolio::customers(connection, &caller.tenant)?))
    });
    let (customers, total, owners, tallies) = read.await?;
    ok(&List {
        frame: Frame::new("customers"),
        q: filter.q.clone().unwrap_or_default(),
        sort: sort.text(),
        bands: choices(BANDS, filter.band.as_deref()),
        lifecycles: choices(["adoption", "stabilisation", "steady", "renewal", "churned"], filter.lifecycle.as_deref()),
        owners: owners
            .into_iter()
            .map(|owner| Choice { chosen: filter.owner.as_ref() == Some(&owner), text: owner.clone(), value: owner })
            .collect(),
        tallies: BANDS.iter().map(|band| tally(band, tallies.by_band.get(*band).copied().unwrap_or(0), &filter, sort)).collect(),
        headings: headings(&filter, sort),
        rows: customers.items.iter().map(|customer| row(customer, now)).collect(),
        total: format::number(total),
        filtered: filter != Filter::default(),
        first_href: paged.then(|| href(&filter, sort, None)),
        next_href: customers.after.map(|after| href(&filter, sort, Some(encode_cursor(&after)))),
    })
}

fn choices<const N: usize>(values: [&str; N], chosen: Option<&str>) -> Vec<Choice> {
    values.into_iter().map(|value| Choice { value: value.into(), text: format::words(value), chosen: chosen == Some(value) }).collect()
}

fn tally(band: &str, count: i64, filter: &Filter, sort: Sort) -> Tally {
    let chosen = filter.band.as_deref() == Some(band);
    let other = Filter { band: (!chosen).then(|| band.to_owned()), ..filter.clone() };
    Tally { band: band_class(band), count: format::number(count), href: href(&other, sort, None), chosen }
}

fn headings(filter: &Filter, sort: Sort) -> Vec<Heading> {
    let columns = [
        ("Health", "", Some((Column::Score, false))),
        ("Customer", "", Some((Column::Name, false))),
        ("Stage", "", None),
        ("MRR", "number", Some((Column::Mrr, true))),
        ("Renews", "", Some((Column::RenewsAt, false))),
        ("Last seen", "", Some((Column::LastSeenAt, true))),
        ("Owner", "", None),
    ];
    let heading = |(text, class, column): (&'static str, &'static str, Option<(Column, bool)>)| {
        let sorted = column.filter(|(column, _)| *column == sort.column).map(|_| sort.descending);
        // A second click turns the direction.
        let next = column.map(|(column, first)| Sort { column, descending: sorted.map_or(first, |descending| !descending) });
        let sorted = sorted.map_or("", |descending| if descending { "descending" } else { "ascending" });
        Heading { text, class, href: next.map(|sort| href(filter, sort, None)), sorted }
    };
    columns.into_iter().map(heading).collect()
}

fn row(customer: &Customer, now: i64) -> Row {
    Row {
        href: customer_url("", &customer.account_id),
        name: customer.name.clone().unwrap_or_else(|| customer.account_id.clone()),
        account_id: customer.account_id.clone(),
        provisional: customer.provisional,
        chip: Chip::new(&customer.band, customer.score),
        lifecycle: format::words(&customer.lifecycle),
        mrr: customer.mrr.zip(customer.currency.as_deref()).map(|(amount, currency)| format::money(amount, currency)),
        renews: customer.renews_at.map(When::day),
        last_seen: customer.last_seen_at.map(|at| When::relative(at, now)),
        owner: customer.owner_name.clone().or_else(|| customer.owner_email.clone()),
    }
}

fn href(filter: &Filter, sort: Sort, cursor: Option<String>) -> String {
    let mut query = Serializer::new(String::from("/?"));
    let sort = Some(sort.text()).filter(|sort| sort != "name");
    let pairs = [
        ("q", &filter.q),
        ("band", &filter.band),
        ("lifecycle", &filter.lifecycle),
        ("owner", &filter.owner),
        ("sort", &sort),
        ("cursor", &cursor),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let href = query.finish();
    href.strip_suffix('?').map_or(href.clone(), Into::into)
}
