//! Parts of the customer's page, out of the view. Fields that are missing or of another type are shown as not known: the view may grow and a page must not break.
use super::definitions;
use super::format::{measured, money, number, percent, words};
use super::parts::When;
use crate::read::customers::Customer;
use crate::time::{self, span};
use serde_json::Value;

const NOT_KNOWN: &str = "\u{2013}";
const LIST_MAX: usize = 50;
/// Measures under this many points hold a score down.
const WEAK_POINTS: i64 = 60;

/// A name and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) when: Option<When>,
    /// Worth a look.
    pub(super) bad: bool,
    /// What it means.
    pub(super) how: Option<&'static str>,
    /// Where in the timeline the events behind it stand.
    pub(super) about: Option<&'static str>,
}

impl Fact {
    pub(super) fn new(name: &str, text: Option<String>) -> Self {
        let text = text.unwrap_or_else(|| NOT_KNOWN.into());
        Self { name: name.into(), text, when: None, bad: false, how: definitions::of(name), about: None }
    }

    pub(super) fn at(name: &str, when: Option<When>) -> Self {
        Self { when, ..Self::new(name, None) }
    }

    pub(super) fn bad_if(self, bad: bool) -> Self {
        Self { bad, ..self }
    }
}

/// Facts whose events stand in the timeline under `about`.
fn about(about: &'static str, facts: Vec<Fact>) -> Vec<Fact> {
    facts.into_iter().map(|fact| Fact { about: Some(about), ..fact }).collect()
}

pub(super) struct Head {
    pub(super) name: String,
    pub(super) provisional: bool,
    pub(super) lifecycle: String,
    pub(super) owner: Option<String>,
    pub(super) owner_email: Option<String>,
    pub(super) mrr: Option<String>,
    pub(super) renews: Option<When>,
    pub(super) cancels: Option<When>,
    pub(super) last_seen: Option<When>,
}

pub(super) struct Health {
    pub(super) score: Option<i64>,
    pub(super) band: &'static str,
    /// For the ring: of 100.
    pub(super) filled: i64,
    pub(super) coverage: Option<String>,
    /// Measures that hold the score down, the heaviest first.
    pub(super) weak: Vec<String>,
    pub(super) cap: Option<String>,
    pub(super) overrides: Vec<String>,
    pub(super) actions: Vec<Action>,
    /// Name and version of the rules in force.
    pub(super) rules: Option<(String, i64)>,
    /// The card, where it is not everybody's.
    pub(super) card: Option<String>,
}

/// Something to do, and what is sent when it was done or skipped.
pub(super) struct Action {
    pub(super) playbook: String,
    pub(super) why: String,
    pub(super) done: String,
    pub(super) skipped: String,
}

pub(super) struct Group {
    pub(super) name: String,
    pub(super) score: Option<i64>,
    pub(super) class: &'static str,
    pub(super) measures: Vec<Measure>,
}

pub(super) struct Measure {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) score: Option<i64>,
    pub(super) class: &'static str,
    pub(super) weight: Option<String>,
    pub(super) as_of: Option<When>,
}

pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) mrr: Option<String>,
    pub(super) renews: Option<When>,
    pub(super) cancels: Option<When>,
}

pub(super) struct Identity {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) source: String,
}

/// A time of the view, UTC ms.
pub(super) fn time(view: &Value, path: &str) -> Option<i64> {
    time::parse(view.pointer(path)?.as_str()?)
}

pub(super) fn int(view: &Value, path: &str) -> Option<i64> {
    let value = view.pointer(path)?;
    value.as_i64().or_else(|| value.as_f64().map(|value| value.round() as i64))
}

pub(super) fn text(view: &Value, path: &str) -> Option<String> {
    view.pointer(path)?.as_str().map(Into::into)
}

pub(super) fn list<'a>(view: &'a Value, path: &str) -> &'a [Value] {
    let items = view.pointer(path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    &items[..items.len().min(LIST_MAX)]
}

pub(super) fn money_at(view: &Value, path: &str) -> Option<String> {
    let value = view.pointer(path)?;
    Some(money(value.get("amount")?.as_i64()?, value.get("currency")?.as_str()?))
}

/// The colour that points stand for.
fn class(points: Option<i64>) -> &'static str {
    match points {
        None => "unknown",
        Some(75..) => "green",
        Some(50..) => "yellow",
        Some(_) => "red",
    }
}

pub(super) fn head(view: &Value, customer: &Customer, now: i64) -> Head {
    Head {
        name: customer.name.clone().unwrap_or_else(|| customer.account_id.clone()),
        provisional: customer.provisional,
        lifecycle: words(&customer.lifecycle),
        owner: customer.owner_name.clone().or_else(|| customer.owner_email.clone()),
        owner_email: customer.owner_email.clone().filter(|_| customer.owner_name.is_some()),
        mrr: customer.mrr.zip(customer.currency.as_deref()).map(|(amount, currency)| money(amount, currency)),
        renews: customer.renews_at.map(When::day),
        cancels: When::day_of(view.pointer("/billing/cancels_at")),
        last_seen: customer.last_seen_at.map(|at| When::relative(at, now)),
    }
}

pub(super) fn health(view: &Value) -> Health {
    let score = int(view, "/health/score");
    let mut weak: Vec<(f64, String)> = Vec::new();
    for measure in list(view, "/health/groups").iter().flat_map(|group| list(group, "/measures")) {
        let (Some(points), Some(id)) = (int(measure, "/score"), text(measure, "/id")) else { continue };
        if points < WEAK_POINTS {
            let weight = measure.get("weight").and_then(Value::as_f64).unwrap_or(1.0);
            weak.push((weight * (100 - points) as f64, format!("{} ({points} points)", words(&id))));
        }
    }
    weak.sort_by(|a, b| b.0.total_cmp(&a.0));
    Health {
        score,
        band: super::parts::band_class(&text(view, "/health/band").unwrap_or_default()),
        filled: score.unwrap_or(0).clamp(0, 100),
        coverage: view.pointer("/health/coverage").and_then(Value::as_f64).map(|coverage| percent((coverage * 100.0).round() / 100.0)),
        weak: weak.into_iter().take(3).map(|(_, text)| text).collect(),
        cap: view.pointer("/health/cap").and_then(cap_text),
        overrides: list(view, "/health/overrides").iter().map(override_text).collect(),
        actions: list(view, "/next_actions").iter().filter_map(action).collect(),
        rules: text(view, "/health/rules/name").zip(int(view, "/health/rules/version")),
        card: text(view, "/health/card").filter(|card| card != "default"),
    }
}

/// `green until 2027-03-31, by Kim: moving to a new data centre`.
fn override_text(item: &Value) -> String {
    let of = |name: &str| text(item, name).unwrap_or_default();
    let until = time(item, "/expires_at").map(|at| format!(" until {}", time::day(at))).unwrap_or_default();
    format!("{}{until}, by {}: {}", of("/band"), of("/owner"), of("/reason"))
}

/// `payment failed: at most 30`.
fn cap_text(item: &Value) -> Option<String> {
    Some(format!("{}: at most {}", words(&text(item, "/id")?), int(item, "/limit")?))
}

/// What to do, and why.
fn action(item: &Value) -> Option<Action> {
    let (playbook, why) = (text(item, "/playbook")?, text(item, "/why").unwrap_or_default());
    let body = |outcome: &str| serde_json::json!({"playbook": playbook, "outcome": outcome}).to_string();
    Some(Action { done: body("done"), skipped: body("skipped"), playbook, why })
}

pub(super) fn groups(view: &Value, now: i64) -> Vec<Group> {
    let measure = |item: &Value| {
        let id = text(item, "/id").unwrap_or_default();
        let score = int(item, "/score");
        Measure {
            name: words(&id),
            value: measured(&id, item.get("value").unwrap_or(&Value::Null)),
            score,
            class: class(score),
            weight: item.get("weight").filter(|weight| weight.is_number()).map(|weight| measured("", weight)),
            as_of: When::of(item.get("as_of"), now),
        }
    };
    let group = |item: &Value| {
        let score = int(item, "/score");
        Group {
            name: words(&text(item, "/id").unwrap_or_default()),
            score,
            class: class(score),
            measures: list(item, "/measures").iter().map(measure).collect(),
        }
    };
    list(view, "/health/groups").iter().map(group).collect()
}

pub(super) fn usage(view: &Value, now: i64) -> Vec<Fact> {
    let count = |path: &str| int(view, path).map(number);
    let share = |path: &str| view.pointer(path).and_then(Value::as_f64).map(percent);
    let mut facts = vec![
        Fact::at("Last seen", When::of(view.pointer("/usage/last_seen_at"), now)),
        Fact::new("Events, 7 days", count("/usage/events/7d")),
        Fact::new("Events, 28 days", count("/usage/events/28d")),
        Fact::new("Trend of use", trend(view, "/usage/trend/events")).bad_if(falls(view, "/usage/trend/events")),
        Fact::new("Active users, today", count("/usage/active_users/1d")),
        Fact::new("Active users, 7 days", count("/usage/active_users/7d")),
        Fact::new("Active users, 28 days", count("/usage/active_users/28d")),
        Fact::new("Trend of users", trend(view, "/usage/trend/active_users")).bad_if(falls(view, "/usage/trend/active_users")),
        Fact::new("Stickiness", share("/usage/stickiness")),
        Fact::new("Seat use", share("/usage/seat_use")),
        Fact::new("Breadth", breadth(view)),
        Fact::new("Automation, 28 days", count("/usage/automation/28d")),
    ];
    let depth = |path: &str| view.pointer(path).and_then(Value::as_f64);
    if let Some(per_user) = depth("/usage/depth/per_user").filter(|_| !list(view, "/usage/key_actions").is_empty()) {
        let change = trend(view, "/usage/depth/change").map(|change| format!(" ({change})")).unwrap_or_default();
        facts.push(Fact::new("Depth", Some(format!("{per_user:.1}{change}"))).bad_if(falls(view, "/usage/depth/change")));
    }
    for action in list(view, "/usage/key_actions") {
        facts.push(Fact::new(&text(action, "/name").unwrap_or_default(), int(action, "/28d").map(number)));
    }
    about("usage", facts)
}

/// `↓ −20%`.
fn trend(view: &Value, path: &str) -> Option<String> {
    let change = view.pointer(path)?.as_f64()?;
    let arrow = if change > 0.02 {
        "\u{2191} +"
    } else if change < -0.02 {
        "\u{2193} "
    } else {
        ""
    };
    Some(format!("{arrow}{}", percent(change)))
}

/// Whether it is down by more than a fifth.
fn falls(view: &Value, path: &str) -> bool {
    view.pointer(path).and_then(Value::as_f64).is_some_and(|change| change < -0.2)
}

fn breadth(view: &Value) -> Option<String> {
    let used = int(view, "/usage/breadth/used")?;
    Some(match int(view, "/usage/breadth/entitled") {
        Some(entitled) => format!("{} of {}", number(used), number(entitled)),
        None => number(used),
    })
}

/// Features by how much they are used, with where that goes.
pub(super) fn features(view: &Value) -> Vec<Fact> {
    let Some(features) = view.pointer("/usage/features").and_then(Value::as_object) else { return Vec::new() };
    let count = |value: &Value| value.as_i64().or_else(|| ["28d", "events", "count"].iter().find_map(|field| value.get(field)?.as_i64()));
    let mut features: Vec<_> = features.iter().map(|(name, value)| (count(value), name, value)).collect();
    features.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let fact = |(count, name, value): (Option<i64>, &String, &Value)| {
        let trend = trend(value, "/trend").map(|trend| format!(" ({trend})")).unwrap_or_default();
        Fact::new(name, count.map(|count| number(count) + &trend)).bad_if(falls(value, "/trend"))
    };
    features.into_iter().take(12).map(fact).collect()
}

pub(super) fn billing(view: &Value, now: i64) -> Vec<Fact> {
    let status = text(view, "/billing/status");
    let late = int(view, "/billing/past_due_days");
    let cancels = When::day_of(view.pointer("/billing/cancels_at"));
    let mut facts = vec![
        Fact::new("MRR", money_at(view, "/billing/mrr")),
        Fact::new("Status", status.as_deref().map(words)).bad_if(status.is_some_and(|status| !["active", "trialing"].contains(&&*status))),
        Fact::new(
            "Past due",
            late.map(|days| if days == 0 { "no".into() } else { format!("{days} day{}", if days == 1 { "" } else { "s" }) }),
        )
        .bad_if(late.is_some_and(|days| days > 0)),
        Fact::at("Renews", When::of(view.pointer("/billing/renews_at"), now)),
    ];
    if cancels.is_some() {
        facts.push(Fact::at("Cancels", cancels).bad_if(true));
    }
    if let Some(state) = text(view, "/billing/dunning/state").filter(|state| state != "none") {
        let bad = state != "recovered";
        facts.push(Fact::new("Dunning", Some(words(&state))).bad_if(bad));
        facts.push(Fact::new("Failed tries", int(view, "/billing/dunning/tries").map(number)).bad_if(bad));
        let owed = int(view, "/billing/dunning/amount_remaining").zip(text(view, "/billing/dunning/currency"));
        facts.push(Fact::new("Owed", owed.map(|(amount, currency)| money(amount, &currency))).bad_if(bad));
    }
    if let Some(churned) = view.pointer("/billing/churned").filter(|churned| churned.is_object()) {
        let kind = if churned["involuntary"] == true { "involuntary" } else { "voluntary" };
        let when = time(churned, "/at").map(time::day).unwrap_or_default();
        facts.push(Fact::new("Churned", Some(format!("{when}, {kind}"))).bad_if(true));
    }
    about("billing", facts)
}

pub(super) fn subscriptions(view: &Value) -> Vec<Subscription> {
    let subscription = |item: &Value| Subscription {
        id: text(item, "/id").unwrap_or_default(),
        status: words(&text(item, "/status").unwrap_or_default()),
        mrr: money_at(item, "/mrr"),
        renews: When::day_of(item.get("renews_at")),
        cancels: When::day_of(item.get("cancels_at")),
    };
    list(view, "/billing/subscriptions").iter().map(subscription).collect()
}

pub(super) fn support(view: &Value) -> Vec<Fact> {
    let count = |path: &str| int(view, path).map(number);
    let lasting = |path: &str| int(view, path).map(|s| span(s.saturating_mul(1000)));
    let loud = int(view, "/support/by_priority/urgent")
        .zip(int(view, "/support/by_priority/high"))
        .map(|(urgent, high)| urgent.saturating_add(high));
    let facts = vec![
        Fact::new("Open tickets", count("/support/open")).bad_if(int(view, "/support/open").is_some_and(|open| open >= 5)),
        Fact::new("Urgent or high", loud.map(number)).bad_if(loud.is_some_and(|loud| loud > 0)),
        Fact::new("Unanswered", count("/support/unanswered")),
        Fact::new("Oldest open", lasting("/support/oldest_open_s")),
        Fact::new("Backlog, median age", lasting("/support/backlog_age_s_median")),
        Fact::new("Opened, 28 days", count("/support/opened_28d")),
        Fact::new("Reopened, 28 days", count("/support/reopened_28d")),
        Fact::new("Escalated, 28 days", count("/support/escalated_28d")),
        Fact::new("First reply, median", lasting("/support/first_reply_s_median")),
        Fact::new("Resolution, median", lasting("/support/resolution_s_median")),
        Fact::new("First reply, urgent or high", loudest(view, "/support/first_reply_s_median_by_priority")),
        Fact::new("Resolution, urgent or high", loudest(view, "/support/resolution_s_median_by_priority")),
        Fact::new("Resolution with open ones", lasting("/support/resolution_s_median_censored")),
    ];
    about("support", facts)
}

/// The longer of the medians of urgent and high tickets.
fn loudest(view: &Value, path: &str) -> Option<String> {
    let of = |priority: &str| int(view, &format!("{path}/{priority}"));
    of("urgent").max(of("high")).map(|s| span(s.saturating_mul(1000)))
}

pub(super) fn surveys(view: &Value) -> Vec<Fact> {
    let count = |path: &str| int(view, path).map(number);
    let csat = view.pointer("/surveys/csat").map(|csat| csat.get("score").unwrap_or(csat)).and_then(Value::as_f64);
    let interval = int(view, "/surveys/nps/interval/0").zip(int(view, "/surveys/nps/interval/1"));
    let interval = interval.map(|(from, to)| format!(" ({} to {})", number(from), number(to))).unwrap_or_default();
    let facts = vec![
        Fact::new("NPS", count("/surveys/nps/score").map(|score| score + &interval))
            .bad_if(int(view, "/surveys/nps/score").is_some_and(|nps| nps < 0)),
        Fact::new("Promoters", count("/surveys/nps/promoters")),
        Fact::new("Passives", count("/surveys/nps/passives")),
        Fact::new("Detractors", count("/surveys/nps/detractors")),
        Fact::new("CSAT", csat.map(|csat| if csat <= 1.0 { percent(csat) } else { number(csat.round() as i64) })),
    ];
    about("surveys", facts)
}

pub(super) fn identities(view: &Value) -> Vec<Identity> {
    let identity = |item: &Value| Identity {
        kind: words(&text(item, "/kind").unwrap_or_default()),
        id: text(item, "/id").unwrap_or_default(),
        source: text(item, "/source").unwrap_or_default(),
    };
    list(view, "/identities").iter().map(identity).collect()
}
