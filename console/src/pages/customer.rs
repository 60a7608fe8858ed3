//! `/customers/{account_id}`: all that is known of one customer.
use super::chart::{MrrChart, ScoreChart, UsageChart};
use super::facts::{self, Answer, Movement, Person, Renewal};
use super::parts::{AlertCard, Chip, ReceiptLine, When, gist, receipt_of};
use super::sections::{Fact, Group, Head, Health, Identity, Subscription};
use super::{Frame, Page, PageError, ok, sections, view};
use crate::api::{ApiError, decode_cursor, encode_cursor};
use crate::app::App;
use crate::auth::Caller;
use crate::db::ReadError;
use crate::read::timeline::About;
use crate::read::{Page as Items, alerts, customers, scores, timeline};
use askama::Template;
use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use c360_schemas::{Alert, customer_url};
use serde::Deserialize;
use std::sync::Arc;

const ALERTS_MAX: usize = 20;
const SCORES_MAX: usize = 60;
const TIMELINE_ITEMS: usize = 40;

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    frame: Frame,
    account_id: String,
    head: Head,
    health: Health,
    groups: Vec<Group>,
    usage_chart: Option<UsageChart>,
    usage: Vec<Fact>,
    features: Vec<Fact>,
    billing: Vec<Fact>,
    subscriptions: Vec<Subscription>,
    mrr_chart: Option<MrrChart>,
    movements: Vec<Movement>,
    support: Vec<Fact>,
    surveys: Vec<Fact>,
    answers: Vec<Answer>,
    advocates: Vec<String>,
    people: Vec<Person>,
    lifecycle: Vec<Fact>,
    renewal: Option<Renewal>,
    renewal_href: String,
    actions_path: String,
    identities: Vec<Identity>,
    cards: Vec<AlertCard>,
    on_customer: bool,
    score_chart: Option<ScoreChart>,
    changes: Vec<Change>,
    moments: Vec<Moment>,
    older_href: Option<String>,
    newest_href: Option<String>,
    /// What the timeline is about; empty where it is of everything.
    about: &'static str,
}

/// One change of score.
struct Change {
    when: When,
    before: Option<i64>,
    chip: Chip,
    card: Option<String>,
    gist: String,
    receipt: Vec<ReceiptLine>,
}

/// One entry of the timeline.
struct Moment {
    when: When,
    kind: String,
    title: String,
}

/// The cursor into the timeline.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CustomerQuery {
    cursor: String,
    about: String,
}

/// What the page reads in one go.
struct Read {
    customer: customers::Customer,
    alerts: Vec<Alert>,
    scores: Items<scores::Score, scores::After>,
    timeline: Items<timeline::Entry, timeline::After>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<CustomerQuery>, QueryRejection>,
) -> Page {
    let (Path(account_id), Query(query)) = (path?, query?);
    let after = if query.cursor.is_empty() { None } else { Some(decode_cursor(&query.cursor)?) };
    let about = About::parse(&query.about);
    let (now, url, id, paged) = (app.now(), app.console_url.clone(), account_id.clone(), after.is_some());
    let read = app.pool.read(move |connection| {
        let Some(customer) = customers::get(connection, &caller.tenant, &id)? else { return Ok(None) };
        let Some(timeline) = timeline::list(connection, &caller.tenant, &id, (about, after.as_ref()), TIMELINE_ITEMS, &url)? else {
            return Ok(None);
        };
        let alerts = alerts::open_of(connection, &caller.tenant, &id, ALERTS_MAX)?;
        let scores = scores::list(connection, &caller.tenant, &id, None, SCORES_MAX)?;
        Ok(Some(Read { customer, alerts, scores, timeline }))
    });
    let read = read.await?.ok_or_else(|| PageError(ApiError::not_found("There is no such customer.")))?;
    ok(&build(read, account_id, now, (about, paged))?)
}

fn build(read: Read, account_id: String, now: i64, (about, paged): (Option<About>, bool)) -> Result<CustomerPage, ReadError> {
    let view = view(read.customer.view.as_deref())?;
    let as_of = sections::time(&view, "/as_of").unwrap_or(now);
    let points: Vec<_> = read.scores.items.iter().filter_map(|change| Some((change.at, change.detail.get("score")?.as_i64()?))).collect();
    let href = customer_url("", &account_id);
    let (mrr, currency) = facts::mrr_points(&view);
    let about = about.map_or("", About::as_str);
    let of_about = if about.is_empty() { String::new() } else { format!("about={about}&") };
    Ok(CustomerPage {
        frame: Frame::new("customer"),
        head: sections::head(&view, &read.customer, now),
        health: sections::health(&view),
        groups: sections::groups(&view, now),
        usage_chart: UsageChart::new(&timeline::daily(&view), as_of.max(now)),
        usage: sections::usage(&view, now),
        features: sections::features(&view),
        billing: sections::billing(&view, now),
        subscriptions: sections::subscriptions(&view),
        mrr_chart: MrrChart::new(&mrr, &currency, as_of.max(now)),
        movements: facts::movements(&view),
        support: sections::support(&view),
        surveys: sections::surveys(&view),
        answers: facts::answers(&view, now),
        advocates: facts::advocates(&view),
        people: facts::people(&view, now),
        lifecycle: facts::lifecycle(&view),
        renewal: facts::renewal(&view),
        renewal_href: format!("/api/v1{href}/renewal.md"),
        actions_path: format!("/api/v1{href}/actions"),
        identities: sections::identities(&view),
        cards: read.alerts.iter().map(|alert| AlertCard::new(alert, now)).collect(),
        on_customer: true,
        score_chart: ScoreChart::new(&points, now),
        changes: read.scores.items.iter().map(|change| change_of(change, now)).collect(),
        moments: read
            .timeline
            .items
            .into_iter()
            .map(|e| Moment { when: When::relative(e.at, now), kind: e.kind, title: e.title })
            .collect(),
        older_href: read.timeline.after.map(|after| format!("{href}?{of_about}cursor={}#timeline", encode_cursor(&after))),
        newest_href: (paged || !about.is_empty()).then(|| format!("{href}#timeline")),
        about,
        account_id,
    })
}

fn change_of(change: &scores::Score, now: i64) -> Change {
    let text = |name: &str| change.detail.get(name).and_then(serde_json::Value::as_str);
    let receipt = receipt_of(change.detail.get("receipt"));
    Change {
        when: When::relative(change.at, now),
        before: change.detail.get("before").and_then(serde_json::Value::as_i64),
        chip: Chip::new(text("band").unwrap_or("unknown"), change.detail.get("score").and_then(serde_json::Value::as_i64)),
        card: text("card").map(Into::into),
        gist: gist(&receipt),
        receipt,
    }
}
