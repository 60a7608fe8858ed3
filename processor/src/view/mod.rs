//! The 360 view of one customer as the contract's JSON, and the profile record that carries it.
mod actions;
mod billing;
mod goals;
mod health;
mod lifecycle;
mod people;
mod renewal;
mod support;
mod surveys;
mod usage;

pub(crate) use usage::{breadth_milli, seat_use_milli};

use crate::aggregate::{lifecycle as stages, mrr};
use crate::config::AggregateConfig;
use crate::rows::Hot;
use crate::score::InForce;
use crate::time::rfc3339;
use c360_engine::At;
use c360_health::Rules;
use c360_log::Batch;
use c360_schemas::{Key, Profile, Topic, Wire};
use serde::Serialize;

#[derive(Serialize)]
struct View<'a> {
    account_id: &'a str,
    tenant: &'a str,
    name: Option<&'a str>,
    provisional: bool,
    owner: Owner<'a>,
    plan: Option<&'a str>,
    seats: Option<i64>,
    lifecycle: &'static str,
    delivered_at: Option<String>,
    lifecycle_detail: lifecycle::LifecycleView,
    health: health::HealthView<'a>,
    next_actions: Vec<actions::ActionView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<actions::TakenView<'a>>,
    usage: usage::UsageView<'a>,
    support: support::SupportView,
    billing: billing::BillingView<'a>,
    surveys: surveys::SurveysView<'a>,
    people: people::PeopleView<'a>,
    renewal: Option<renewal::RenewalView<'a>>,
    identities: Vec<IdentityView<'a>>,
    as_of: Option<String>,
    position: Position,
}

#[derive(Serialize)]
struct Owner<'a> {
    name: Option<&'a str>,
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct IdentityView<'a> {
    kind: &'a str,
    id: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct Position {
    partition: u32,
    offset: u64,
}

/// What a customer is shown by: the rules that its score was made by, and those in force, which it may still be waiting for.
#[derive(Clone, Copy)]
pub(crate) struct Scored<'a> {
    pub(crate) by: &'a Rules,
    pub(crate) in_force: &'a InForce,
}

/// Says the customer's profile as of `at`.
pub(crate) fn push_profile(
    out: &mut Batch,
    at: At,
    key: Key<'_>,
    key_bytes: &[u8],
    hot: &Hot,
    config: &AggregateConfig,
    rules: Scored<'_>,
) {
    let view = view(at, key, hot, config, rules);
    let main = mrr::account(&hot.billing);
    let profile = Profile {
        tenant: key.tenant.into(),
        account_id: key.id.into(),
        name: hot.traits.name.get().cloned(),
        provisional: view.provisional,
        owner_name: hot.traits.owner_name.get().cloned(),
        owner_email: hot.traits.owner_email.get().cloned(),
        lifecycle: view.lifecycle.into(),
        score: view.health.score,
        band: view.health.band.into(),
        mrr: main.map(|(mrr, _)| mrr),
        currency: main.map(|(_, currency)| currency.to_owned()),
        last_seen_at: hot.usage.last_at,
        renews_at: billing::renews_at(hot),
        as_of: at.now,
        // A struct of texts and finite numbers can always be written.
        view: serde_json::to_string(&view).unwrap_or_default(),
    };
    out.push(Topic::Profiles, |b| b.extend_from_slice(key_bytes), |b| profile.encode(b));
}

fn view<'a>(at: At, key: Key<'a>, hot: &'a Hot, config: &'a AggregateConfig, rules: Scored<'a>) -> View<'a> {
    let traits = &hot.traits;
    View {
        account_id: key.id,
        tenant: key.tenant,
        name: traits.name.get().map(String::as_str),
        provisional: key.id.starts_with('~'),
        owner: Owner { name: traits.owner_name.get().map(String::as_str), email: traits.owner_email.get().map(String::as_str) },
        plan: traits.plan.get().map(String::as_str),
        seats: traits.seats.get().copied(),
        lifecycle: stages::lifecycle(hot, hot.calendar.day_of(at.now)).as_str(),
        delivered_at: stages::delivered_at(hot).and_then(rfc3339),
        lifecycle_detail: lifecycle::view(hot, hot.calendar.day_of(at.now)),
        health: health::view(hot, key.id, at.now, config, rules),
        next_actions: actions::view(hot, at.now, rules),
        actions: actions::taken(hot),
        usage: usage::view(hot, at.now, config),
        support: support::view(hot, at.now),
        billing: billing::view(hot, at.now),
        surveys: surveys::view(hot),
        people: people::view(hot, at.now),
        renewal: renewal::view(hot, at.now, config),
        identities: hot.identities.iter().map(|i| IdentityView { kind: &i.kind, id: &i.id, source: &i.source }).collect(),
        as_of: rfc3339(at.now),
        position: Position { partition: at.partition, offset: at.offset },
    }
}

/// A share in thousandths as it is shown.
fn share(milli: i64) -> f64 {
    milli as f64 / 1000.0
}

/// `part` of `whole` in thousandths; `None` of nothing.
fn milli_of(part: u64, whole: u64) -> Option<i64> {
    (whole > 0).then(|| (part * 1000 / whole) as i64)
}

/// `part` of `whole`, to three digits; `None` of nothing.
fn share_of(part: u64, whole: u64) -> Option<f64> {
    milli_of(part, whole).map(share)
}
