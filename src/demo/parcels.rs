//! Packs what happened into the requests that the company's tools make of it. Pure.
use super::account::Account;
use super::company::Company;
use super::happening::{Happening, What};
use super::{ids, segment, stripe, zendesk};
use serde_json::json;

/// Calls in a batch request, at most.
const CALLS_A_BATCH_MAX: usize = 200;

/// A request's body, and where it goes; it is signed when it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// To the private port: who is who.
    Link(String),
    Batch(String),
    Stripe(String),
    Zendesk(String),
}

/// The requests for some happenings.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) links: Vec<Parcel>,
    pub(crate) hooks: Vec<Parcel>,
    pub(crate) batches: Vec<Parcel>,
    /// Events in them.
    pub(crate) events: u64,
}

/// Packs `happenings`.
pub(crate) fn pack(seed: u64, company: &Company, happenings: &[Happening]) -> Load {
    let mut load = Load { events: happenings.len() as u64, ..Load::default() };
    let mut calls = Vec::new();
    for happening in happenings {
        let account = company.account(happening.account);
        if matches!(happening.what, What::Arrived { .. }) {
            load.links.extend(links(account));
        }
        calls.extend(segment::call(seed, account, happening));
        load.hooks.extend(stripe::event(seed, account, happening).map(|body| Parcel::Stripe(body.to_string())));
        load.hooks.extend(zendesk::event(seed, account, happening).map(|body| Parcel::Zendesk(body.to_string())));
    }
    load.batches.extend(calls.chunks(CALLS_A_BATCH_MAX).map(|calls| Parcel::Batch(segment::batch(calls))));
    load
}

/// Who the account is in the other tools.
fn links(account: &Account) -> [Parcel; 2] {
    let link = |kind: &str, id: String| Parcel::Link(json!({"foreign": {"kind": kind, "id": id}, "account_id": account.id}).to_string());
    [link("stripe_customer", ids::stripe_customer(account)), link("zendesk_organization", ids::zendesk_organization(account))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::company::Settings;
    use serde_json::Value;
    use std::collections::HashSet;

    fn days(count: usize) -> Vec<Load> {
        let mut company = Company::new(Settings { seed: 42, accounts: 80, events_a_day: 5.0, first_day: 20_780 });
        (0..count)
            .map(|_| {
                let happenings = company.day();
                pack(42, &company, &happenings)
            })
            .collect()
    }

    fn body(parcel: &Parcel) -> Value {
        let (Parcel::Link(text) | Parcel::Batch(text) | Parcel::Stripe(text) | Parcel::Zendesk(text)) = parcel;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_happening_becomes_one_event_with_an_id_of_its_own() {
        let mut ids = HashSet::new();
        let mut events = 0;
        for load in days(60) {
            events += load.events;
            for batch in &load.batches {
                let batch = body(batch);
                let calls = batch["batch"].as_array().unwrap();
                assert!(!calls.is_empty() && calls.len() <= CALLS_A_BATCH_MAX);
                ids.extend(calls.iter().map(|call| call["messageId"].as_str().unwrap().to_owned()));
            }
            ids.extend(load.hooks.iter().map(|hook| body(hook)["id"].as_str().unwrap().to_owned()));
        }
        assert_eq!(ids.len() as u64, events);
        assert!(ids.iter().all(|id| id.len() <= 100));
    }

    #[test]
    fn every_account_says_who_it_is_in_the_other_tools_when_it_arrives() {
        let links: Vec<Value> = days(1)[0].links.iter().map(body).collect();
        assert_eq!(links.len(), 100);
        assert_eq!(links[0]["account_id"], links[1]["account_id"]);
        let kinds: HashSet<_> = links.iter().map(|link| link["foreign"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, HashSet::from(["stripe_customer", "zendesk_organization"]));
    }

    #[test]
    fn calls_name_their_account_and_their_time() {
        for call in days(3).iter().flat_map(|load| &load.batches).flat_map(|batch| body(batch)["batch"].as_array().unwrap().clone()) {
            assert!(call["context"]["groupId"].as_str().unwrap().starts_with("acc_"), "{call}");
            assert!(call["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
            assert!(call["userId"].is_string());
            if call["type"] == "group" {
                assert_eq!(call["groupId"], call["context"]["groupId"]);
                assert!(call["traits"]["owner"]["email"].is_string() && call["traits"]["seats"].is_i64());
            }
        }
    }

    #[test]
    fn a_failed_last_try_has_no_next_one_and_a_failed_first_try_has() {
        let mut seen = [0, 0];
        for hook in days(300).iter().flat_map(|load| &load.hooks).map(body).filter(|hook| hook["type"] == "invoice.payment_failed") {
            let invoice = &hook["data"]["object"];
            let last = invoice["attempt_count"] == 4;
            assert_eq!(invoice["next_payment_attempt"].is_null(), last, "{hook}");
            assert!(invoice["amount_remaining"].as_i64().unwrap() > 0);
            seen[usize::from(last)] += 1;
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    }
}
