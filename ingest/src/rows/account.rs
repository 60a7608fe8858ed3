//! A customer as a CRM knows it: its traits, its contract, and what it is called elsewhere.
use super::customer::COMPANIES;
use super::row::Row;
use super::scene::{EMAIL_DOMAIN, RowEvent, Scene, State};
use super::subscription::monthly_item;
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use c360_schemas::{AccountTraits, Kind, Payload, Subscription};
use smallvec::SmallVec;

/// Id of the contract of an account that says none.
const CONTRACT: &str = "contract";
/// How "as many as you like" is written where seats stand.
const UNLIMITED: [&str; 3] = ["unlimited", "-1", "n/a"];

pub(super) fn put(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let account_id = row.account_id()?.ok_or_else(|| Bad::new(Reason::MissingId, "the row has no account_id"))?;
    let state = scene.state_of(row, &[])?;
    traits(row, id, &account_id, state, scene, outlet)?;
    contract(row, id, &account_id, scene, outlet)?;
    for kind in COMPANIES {
        if let Some(foreign) = row.id(kind)? {
            scene.link(id, kind, &foreign, &account_id, state.at, outlet)?;
        }
    }
    if let Some(domain) = row.id(EMAIL_DOMAIN)? {
        let domain = bare_domain(&domain);
        scene.link(id, EMAIL_DOMAIN, &domain, &account_id, state.at, outlet)?;
    }
    Ok(())
}

fn traits(row: &Row<'_>, id: &str, account_id: &str, state: State, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let (name, plan, owner) = (row.name("name")?, row.name("plan")?, row.text("owner")?);
    let (owner_name, owner_email) = (row.text("owner_name")?, row.text("owner_email")?);
    let (by_email, by_name) = (owner.as_deref().filter(|o| o.contains('@')), owner.as_deref().filter(|o| !o.contains('@')));
    let seats = match row.text("seats")? {
        Some(text) if UNLIMITED.iter().any(|word| text.eq_ignore_ascii_case(word)) => None,
        _ => row.whole("seats")?,
    };
    if seats.is_some_and(|seats| seats < 0) {
        return Err(Bad::new(Reason::BadTraits, "seats is below zero"));
    }
    let payload = Payload::Account(AccountTraits {
        name: name.as_deref(),
        owner_name: owner_name.as_deref().or(by_name),
        owner_email: owner_email.as_deref().or(by_email),
        created_at: row.time("created_at")?,
        delivered_at: row.time("delivered_at")?,
        plan: plan.as_deref(),
        seats,
    });
    let event = RowEvent {
        message_id: id,
        kind: Kind::Identity,
        name: "account",
        at: state.at,
        account_id: Some(account_id),
        foreign_ids: SmallVec::new(),
        user_id: None,
        anonymous_id: None,
        payload,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)
}

/// A contract is a subscription of which the CRM tells; without a price it has a term and no revenue.
fn contract(row: &Row<'_>, id: &str, account_id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let (start, end, ended_at) = (row.time("contract_start")?, row.time("contract_end")?, row.time("ended_at")?);
    let currency = row.currency()?;
    let item = monthly_item(row, &currency)?;
    if start.is_none() && end.is_none() && ended_at.is_none() && item.is_none() {
        return Ok(());
    }
    let ended = ended_at.is_some_and(|at| at <= scene.received_at);
    let state = scene.state_of(row, &[start, ended_at])?;
    let contract_id = row.id("contract_id")?;
    let message_id = format!("{id}#contract");
    let payload = Payload::Subscription(Subscription {
        id: contract_id.as_deref().unwrap_or(CONTRACT),
        status: if ended { "canceled" } else { "active" },
        version: state.version,
        currency: if item.is_some() { &currency } else { "" },
        items: item.into_iter().collect(),
        started_at: start,
        term_start: start,
        term_end: end,
        cancels_at: ended_at.filter(|_| !ended),
        ended_at: ended_at.filter(|_| ended),
        ..Subscription::default()
    });
    let event = RowEvent {
        message_id: &message_id,
        kind: Kind::Billing,
        name: "contract",
        at: state.at,
        account_id: Some(account_id),
        foreign_ids: SmallVec::new(),
        user_id: None,
        anonymous_id: None,
        payload,
        properties: "",
    };
    scene.put(event, outlet)
}

/// `https://www.Acme.com/about` is the domain `acme.com`.
fn bare_domain(text: &str) -> String {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = text.split(['/', '?', '#']).next().unwrap_or_default().to_lowercase();
    host.strip_prefix("www.").unwrap_or(&host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_gives_its_domain() {
        for (text, domain) in [("acme.com", "acme.com"), ("https://www.Acme.com/about", "acme.com"), ("http://acme.io?x", "acme.io")] {
            assert_eq!(bare_domain(text), domain);
        }
    }
}
