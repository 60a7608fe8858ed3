//! `/today`: a CSM's morning. Who needs me, in the order of what can be saved, with why and what to do; then what there is to make of those who are well.
use super::parts::{AlertCard, Chip};
use super::{Frame, Page, format, ok};
use crate::api::TodayQuery;
use crate::app::App;
use crate::auth::Caller;
use crate::read::customers;
use crate::read::today::{self, Chances, Needy};
use askama::Template;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use c360_schemas::customer_url;
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

const LIMIT: usize = 25;
/// Good news on the page; `/alerts` has all of it.
const GOOD_MAX: usize = 5;

#[derive(Template)]
#[template(path = "today.html")]
struct Today {
    frame: Frame,
    owner: String,
    owners: Vec<Owner>,
    total: String,
    rows: Vec<Row>,
    more: Option<String>,
    more_href: String,
    basis: String,
    cards: Vec<AlertCard>,
    on_customer: bool,
}

struct Owner {
    text: String,
    chosen: bool,
}

struct Row {
    href: String,
    name: String,
    chip: Chip,
    owner: Option<String>,
    /// What is at stake, in a sentence.
    stake: String,
    reasons: Vec<Reason>,
    actions: Vec<Action>,
    actions_path: String,
}

struct Reason {
    name: String,
    severity: &'static str,
    why: String,
    href: String,
}

struct Action {
    playbook: String,
    done: String,
    skipped: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<TodayQuery>, QueryRejection>,
) -> Page {
    let Query(query) = query?;
    let (owner, limit, now) = (query.owner(), query.limit(LIMIT)?, app.now());
    let (asked, shared) = (owner.clone(), Arc::clone(&app));
    let read = app.pool.read(move |connection| {
        let today = today::get(connection, &shared.lookback, &caller.tenant, asked.as_deref(), now, limit)?;
        Ok((today, customers::owners(connection, &caller.tenant)?))
    });
    let (today, owners) = read.await?;
    let more = today.total.saturating_sub(today.needy.len());
    let owner = owner.unwrap_or_default();
    ok(&Today {
        frame: Frame::new("today"),
        owners: owners.into_iter().map(|text| Owner { chosen: text == owner, text }).collect(),
        total: format::number(i64::try_from(today.total).unwrap_or(i64::MAX)),
        rows: today.needy.iter().map(|needy| row(needy, now)).collect(),
        more: (more > 0).then(|| format::number(i64::try_from(more).unwrap_or(i64::MAX))),
        more_href: format!("/today?limit=1000&owner={}", byte_serialize(owner.as_bytes()).collect::<String>()),
        basis: basis(&today.chances),
        cards: today.good.iter().take(GOOD_MAX).map(|alert| AlertCard::new(alert, now)).collect(),
        on_customer: false,
        owner,
    })
}

fn row(needy: &Needy, now: i64) -> Row {
    let href = customer_url("", &needy.account_id);
    let text = |action: &Value, name: &str| action[name].as_str().unwrap_or_default().to_owned();
    let body = |playbook: &str, outcome: &str| json!({"playbook": playbook, "outcome": outcome}).to_string();
    let cards: Vec<AlertCard> = needy.alerts.iter().map(|alert| AlertCard::new(alert, now)).collect();
    let mut reasons: Vec<Reason> = cards
        .into_iter()
        .map(|card| Reason {
            href: format!("{href}#alert-{}", card.id),
            name: card.name,
            severity: card.severity,
            why: card.why.unwrap_or(card.gist),
        })
        .collect();
    // Nothing was said of it; what takes most off its score stands beside the next action.
    if reasons.is_empty() {
        let why = needy.actions.first().map(|action| text(action, "why")).unwrap_or_default();
        reasons.push(Reason { name: "In the red".into(), severity: "warning", why, href: href.clone() });
    }
    Row {
        name: needy.name.clone().unwrap_or_else(|| needy.account_id.clone()),
        chip: Chip::new(&needy.band, needy.score),
        owner: needy.owner.clone(),
        stake: stake(needy),
        reasons,
        actions: needy
            .actions
            .iter()
            .map(|action| text(action, "playbook"))
            .map(|playbook| Action { done: body(&playbook, "done"), skipped: body(&playbook, "skipped"), playbook })
            .collect(),
        actions_path: format!("/api/v1{href}/actions"),
        href,
    }
}

/// `$1,200 a month, 25% likely to be lost`.
fn stake(needy: &Needy) -> String {
    let money = needy
        .mrr
        .as_ref()
        .map_or_else(|| "MRR not known".to_owned(), |(mrr, currency)| format!("{} a month", format::money(*mrr, currency)));
    let leaving = if needy.is_leaving { ", a cancellation is scheduled" } else { "" };
    format!("{money}, {} likely to be lost within {} days{leaving}", percent(needy.p_loss), today::HORIZON_DAYS)
}

/// What the chances stand on.
fn basis(chances: &Chances) -> String {
    let share = |band: &str| percent(chances.chance(band));
    let from = match chances.cases() {
        0 => "assumed, until your own history says more".to_owned(),
        cases => format!("as {} of your customers' months ended", format::number(cases)),
    };
    format!(
        "Lost within {} days, {from}: {} of red, {} of yellow, {} of green customers.",
        today::HORIZON_DAYS,
        share("red"),
        share("yellow"),
        share("green")
    )
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
