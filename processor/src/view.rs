//! The 360 view of one customer as the contract's JSON, and the profile record that carries it.
use crate::aggregate::{lifecycle, mrr, nps};
use crate::rows::{Hot, Snapshot, SubscriptionLine};
use crate::score::{Group, MEASURES, conditions, round_half_up};
use crate::time::{day_of, rfc3339};
use c360_engine::At;
use c360_log::Batch;
use c360_schemas::{Key, Profile, Topic, Wire};
use serde::Serialize;
use std::collections::BTreeMap;

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
    health: HealthView,
    usage: UsageView<'a>,
    support: SupportView,
    billing: BillingView<'a>,
    surveys: SurveysView,
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
struct HealthView {
    score: Option<i32>,
    band: &'static str,
    coverage: f64,
    groups: Vec<GroupView>,
    overrides: [(); 0],
}

#[derive(Serialize)]
struct GroupView {
    id: &'static str,
    score: i32,
    measures: Vec<MeasureView>,
}

#[derive(Serialize)]
struct MeasureView {
    id: &'static str,
    value: f64,
    score: i32,
    weight: i64,
    as_of: Option<String>,
}

#[derive(Serialize)]
struct UsageView<'a> {
    events: Windows,
    active_users: ActiveUsers,
    stickiness: Option<f64>,
    last_seen_at: Option<String>,
    features: BTreeMap<&'a str, FeatureView>,
    /// The last 90 days on which something happened.
    daily: Vec<DayView>,
}

#[derive(Serialize)]
struct Windows {
    #[serde(rename = "1d")]
    d1: u64,
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
    #[serde(rename = "90d")]
    d90: u64,
}

#[derive(Serialize)]
struct ActiveUsers {
    #[serde(rename = "1d")]
    d1: u64,
    #[serde(rename = "7d")]
    d7: u64,
    #[serde(rename = "28d")]
    d28: u64,
}

#[derive(Serialize)]
struct FeatureView {
    first_used_at: Option<String>,
    last_used_at: Option<String>,
    #[serde(rename = "28d")]
    d28: u64,
}

/// Date, events, active users; a list in JSON, since there are up to 90 of them in each view.
#[derive(Serialize)]
struct DayView(jiff::civil::Date, u32, u32);

#[derive(Serialize)]
struct SupportView {
    open: u32,
    urgent_open: u32,
    oldest_open_s: Option<i64>,
    opened_28d: u32,
    reopened_28d: u32,
    first_reply_s_median: Option<i64>,
    resolution_s_median: Option<i64>,
}

#[derive(Serialize)]
struct Money<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize)]
struct BillingView<'a> {
    mrr: Option<Money<'a>>,
    by_currency: Vec<Money<'a>>,
    status: Option<&'static str>,
    past_due_days: i32,
    failed_payments: u32,
    renews_at: Option<String>,
    cancels_at: Option<String>,
    subscriptions: Vec<SubscriptionView<'a>>,
}

#[derive(Serialize)]
struct SubscriptionView<'a> {
    id: &'a str,
    status: &'static str,
    mrr: Option<Money<'a>>,
    renews_at: Option<String>,
    cancels_at: Option<String>,
    ended_at: Option<String>,
    /// Its term or trial is over, and the provider has not said what follows.
    overdue: bool,
}

#[derive(Serialize)]
struct SurveysView {
    nps: NpsView,
    csat: Option<f64>,
}

#[derive(Serialize)]
struct NpsView {
    score: Option<i32>,
    promoters: u32,
    passives: u32,
    detractors: u32,
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

/// Says the customer's profile as of `at`.
pub(crate) fn push_profile(out: &mut Batch, at: At, key: Key<'_>, key_bytes: &[u8], hot: &Hot) {
    let view = view(at, key, hot);
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
        renews_at: renews_at(hot),
        as_of: at.now,
        // A struct of texts and finite numbers can always be written.
        view: serde_json::to_string(&view).unwrap_or_default(),
    };
    out.push(Topic::Profiles, |b| b.extend_from_slice(key_bytes), |b| profile.encode(b));
}

fn view<'a>(at: At, key: Key<'a>, hot: &'a Hot) -> View<'a> {
    let traits = &hot.traits;
    View {
        account_id: key.id,
        tenant: key.tenant,
        name: traits.name.get().map(String::as_str),
        provisional: key.id.starts_with('~'),
        owner: Owner { name: traits.owner_name.get().map(String::as_str), email: traits.owner_email.get().map(String::as_str) },
        plan: traits.plan.get().map(String::as_str),
        seats: traits.seats.get().copied(),
        lifecycle: lifecycle::lifecycle(hot, day_of(at.now)).as_str(),
        delivered_at: lifecycle::delivered_at(hot).and_then(rfc3339),
        health: health(hot),
        usage: usage(hot),
        support: support(hot, at.now),
        billing: billing(hot, at.now),
        surveys: surveys(hot),
        identities: hot.identities.iter().map(|i| IdentityView { kind: &i.kind, id: &i.id, source: &i.source }).collect(),
        as_of: rfc3339(at.now),
        position: Position { partition: at.partition, offset: at.offset },
    }
}

fn health(hot: &Hot) -> HealthView {
    let current = hot.health.current.as_ref();
    let as_of = hot.health.evaluated_at.and_then(rfc3339);
    HealthView {
        score: current.map(|s| s.shown),
        band: hot.health.band.as_str(),
        coverage: current.map_or(0.0, |s| f64::from(s.coverage_ppm / 10_000) / 100.0),
        groups: current
            .map(|s| Group::ALL.into_iter().filter_map(|group| group_view(group, s, as_of.as_deref())).collect())
            .unwrap_or_default(),
        overrides: [],
    }
}

fn group_view(group: Group, snapshot: &Snapshot, as_of: Option<&str>) -> Option<GroupView> {
    let of_group = || {
        snapshot
            .parts
            .iter()
            .filter_map(|part| MEASURES.get(usize::from(part.measure)).map(|m| (m, part)))
            .filter(|(m, _)| m.group == group)
    };
    let points = |milli: i128, weight: i128| round_half_up(milli, weight * 1000) as i32;
    let weight: i128 = of_group().map(|(_, part)| i128::from(part.weight)).sum();
    let sum: i128 = of_group().map(|(_, part)| i128::from(part.weight) * i128::from(part.points_milli)).sum();
    let measures = of_group().map(|(measure, part)| MeasureView {
        id: measure.id,
        value: part.value_milli as f64 / 1000.0,
        score: points(i128::from(part.points_milli), 1),
        weight: measure.weight,
        as_of: as_of.map(str::to_owned),
    });
    (weight > 0).then(|| GroupView { id: group.as_str(), score: points(sum, weight), measures: measures.collect() })
}

fn usage(hot: &Hot) -> UsageView<'_> {
    let u = &hot.usage;
    let [d1, d7, d28, d90] = u.sums;
    let feature = |f: &'_ crate::rows::Feature| FeatureView {
        first_used_at: rfc3339(f.first_at),
        last_used_at: rfc3339(f.last_at),
        d28: f.days.iter().map(|(_, uses)| u64::from(*uses)).sum(),
    };
    UsageView {
        events: Windows { d1, d7, d28, d90 },
        active_users: ActiveUsers { d1: u.active_users(1), d7: u.active_users(7), d28: u.active_users(28) },
        stickiness: u.stickiness_milli().map(|milli| milli as f64 / 1000.0),
        last_seen_at: u.last_at.and_then(rfc3339),
        features: hot.features.iter().map(|f| (f.name.as_str(), feature(f))).collect(),
        daily: u.days.iter().filter_map(|d| Some(DayView(date(d.day)?, d.events, d.users))).collect(),
    }
}

fn date(day: i32) -> Option<jiff::civil::Date> {
    let start = jiff::Timestamp::from_millisecond(crate::time::day_start(day)).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(start).date())
}

fn support(hot: &Hot, now: i64) -> SupportView {
    let s = &hot.support;
    SupportView {
        open: s.open,
        urgent_open: s.urgent_open,
        oldest_open_s: s.oldest_open_at.map(|at| (now - at).max(0) / 1000),
        opened_28d: s.opened_28d,
        reopened_28d: s.reopened_28d,
        first_reply_s_median: s.first_reply_s_median,
        resolution_s_median: s.resolution_s_median,
    }
}

fn billing(hot: &Hot, now: i64) -> BillingView<'_> {
    let b = &hot.billing;
    let cancels_at = b.subscriptions.iter().filter(|s| s.live()).filter_map(|s| s.cancels_at).min();
    BillingView {
        mrr: mrr::account(b).map(|(amount, currency)| Money { amount, currency }),
        by_currency: mrr::by_currency(b).into_iter().map(|(currency, amount)| Money { amount, currency }).collect(),
        status: status(&b.subscriptions),
        past_due_days: conditions::past_due_days(hot, now),
        failed_payments: conditions::failed_tries(hot),
        renews_at: renews_at(hot).and_then(rfc3339),
        cancels_at: cancels_at.and_then(rfc3339),
        subscriptions: b.subscriptions.iter().map(|s| subscription(s, now)).collect(),
    }
}

/// The end of the next term that nobody has cancelled.
fn renews_at(hot: &Hot) -> Option<i64> {
    hot.billing.subscriptions.iter().filter_map(SubscriptionLine::renews_at).min()
}

/// The worst of the live ones, else that of the one that ended last.
fn status(subscriptions: &[SubscriptionLine]) -> Option<&'static str> {
    let live = subscriptions.iter().filter(|s| s.live()).max_by_key(|s| s.status.badness());
    let last = || subscriptions.iter().max_by_key(|s| (s.ended_at, &s.id));
    live.or_else(last).map(|s| s.status.as_str())
}

fn subscription(s: &SubscriptionLine, now: i64) -> SubscriptionView<'_> {
    let ends = if s.status == crate::rows::SubscriptionStatus::Trialing { s.trial_end.or(s.term_end) } else { s.term_end };
    SubscriptionView {
        id: &s.id,
        status: s.status.as_str(),
        mrr: (!s.currency.is_empty()).then_some(Money { amount: s.mrr, currency: &s.currency }),
        renews_at: s.renews_at().and_then(rfc3339),
        cancels_at: s.cancels_at.filter(|_| s.live()).and_then(rfc3339),
        ended_at: s.ended_at.and_then(rfc3339),
        overdue: s.live() && ends.is_some_and(|at| at < now),
    }
}

fn surveys(hot: &Hot) -> SurveysView {
    let s = &hot.surveys;
    SurveysView {
        nps: NpsView { score: nps(s), promoters: s.promoters, passives: s.passives, detractors: s.detractors },
        csat: (s.csat_answers > 0).then(|| f64::from(s.csat_good * 1000 / s.csat_answers) / 1000.0),
    }
}
