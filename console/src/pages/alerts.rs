//! `/alerts`: what wants attention, why, and what to do about it.
use super::parts::AlertCard;
use super::{Frame, Page, format, ok};
use crate::api::{AlertQuery, encode_cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::read::alerts::{self, Status};
use askama::Template;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    frame: Frame,
    tabs: Vec<Tab>,
    status: &'static str,
    total: String,
    cards: Vec<AlertCard>,
    on_customer: bool,
    first_href: Option<String>,
    next_href: Option<String>,
}

struct Tab {
    text: &'static str,
    href: String,
    chosen: bool,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<AlertQuery>, QueryRejection>,
) -> Page {
    let Query(query) = query?;
    let (status, page) = (query.status()?, query.page());
    let (limit, after) = (page.limit()?, page.after::<alerts::After>()?);
    let (now, paged) = (app.now(), after.is_some());
    let (page, total) = app.pool.read(move |connection| alerts::list(connection, &caller.tenant, status, after.as_ref(), limit)).await?;
    let tab = |text, of: Status| Tab { text, href: href(of, None), chosen: of == status };
    ok(&Alerts {
        frame: Frame::new("alerts"),
        tabs: vec![tab("Open", Status::Open), tab("Resolved", Status::Resolved), tab("All", Status::All)],
        status: if status == Status::All { "" } else { status.as_str() },
        total: format::number(total),
        cards: page.items.iter().map(|alert| AlertCard::new(alert, now)).collect(),
        on_customer: false,
        first_href: paged.then(|| href(status, None)),
        next_href: page.after.map(|after| href(status, Some(encode_cursor(&after)))),
    })
}

fn href(status: Status, cursor: Option<String>) -> String {
    let mut href = String::from("/alerts");
    if status != Status::Open || cursor.is_some() {
        href.push_str("?status=");
        href.push_str(status.as_str());
    }
    if let Some(cursor) = cursor {
        href.push_str("&cursor=");
        href.push_str(&cursor);
    }
    href
}
