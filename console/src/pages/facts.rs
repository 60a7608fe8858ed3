//! More parts of the customer's page: people, answers, movements of MRR, stages of life, and the renewal plan.
use super::format::{money, number, percent, words};
use super::parts::When;
use super::sections::{Fact, int, list, text, time};
use crate::time as times;
use serde_json::Value;

pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) role: Option<String>,
    pub(super) seen: Option<When>,
    pub(super) left: Option<When>,
    /// A champion who went quiet or left.
    pub(super) bad: bool,
}

pub(super) fn people(view: &Value, now: i64) -> Vec<Person> {
    let names = |path: &str| list(view, path).iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let (quiet, gone) = (names("/people/champions/quiet"), names("/people/champions/left"));
    let person = |contact: &Value| {
        let id = text(contact, "/id").unwrap_or_default();
        Person {
            bad: quiet.contains(&&*id) || gone.contains(&&*id),
            name: text(contact, "/name").unwrap_or(id),
            email: text(contact, "/email"),
            role: text(contact, "/role").map(|role| words(&role)),
            seen: When::of(contact.get("last_seen_at"), now),
            left: When::day_of(contact.get("left_at")),
        }
    };
    list(view, "/people/contacts").iter().map(person).collect()
}

pub(super) struct Answer {
    pub(super) survey: String,
    pub(super) score: Option<i64>,
    pub(super) who: String,
    pub(super) comment: Option<String>,
    pub(super) when: Option<When>,
    /// How the colour of its score is called.
    pub(super) class: &'static str,
}

pub(super) fn answers(view: &Value, now: i64) -> Vec<Answer> {
    let answer = |item: &Value| {
        let (survey, score) = (text(item, "/survey").unwrap_or_default(), int(item, "/score"));
        let class = match (survey.as_str(), score) {
            (_, None) => "unknown",
            ("nps", Some(9..)) | ("csat", Some(4..)) => "green",
            ("nps", Some(7..=8)) | ("csat", Some(3)) => "yellow",
            _ => "red",
        };
        Answer {
            survey: words(&survey),
            score,
            who: text(item, "/respondent").unwrap_or_default(),
            comment: text(item, "/comment"),
            when: When::of(item.get("at"), now),
            class,
        }
    };
    list(view, "/surveys/answers").iter().map(answer).collect()
}

/// Names of who would recommend us.
pub(super) fn advocates(view: &Value) -> Vec<String> {
    list(view, "/surveys/advocates").iter().filter_map(|item| text(item, "/respondent")).collect()
}

pub(super) struct Movement {
    pub(super) when: Option<When>,
    pub(super) kind: String,
    pub(super) amount: String,
    pub(super) after: String,
    pub(super) down: bool,
}

/// The newest first.
pub(super) fn movements(view: &Value) -> Vec<Movement> {
    let all = view.pointer("/billing/movements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let movement = |item: &Value| {
        let (currency, amount) = (text(item, "/currency")?, int(item, "/amount")?);
        let cross_sell = int(item, "/cross_sell").filter(|part| *part > 0);
        let mut kind = words(&text(item, "/kind")?);
        if item["involuntary"] == true {
            kind.push_str(" (involuntary)");
        }
        if let Some(part) = cross_sell {
            kind.push_str(&format!(" ({} of it cross-sell)", money(part, &currency)));
        }
        let sign = if amount > 0 { "+" } else { "" };
        Some(Movement {
            when: When::day_of(item.get("at")),
            kind,
            amount: format!("{sign}{}", money(amount, &currency)),
            after: money(int(item, "/mrr")?, &currency),
            down: amount < 0,
        })
    };
    all.iter().rev().take(20).filter_map(movement).collect()
}

/// MRR in the main currency after each movement, oldest first, and the currency.
pub(super) fn mrr_points(view: &Value) -> (Vec<(i64, i64)>, String) {
    let all = view.pointer("/billing/movements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let newest = all.last().and_then(|item| text(item, "/currency"));
    let main = text(view, "/billing/mrr/currency").or(newest).unwrap_or_default();
    let point = |item: &Value| Some((time(item, "/at")?, int(item, "/mrr")?));
    (all.iter().filter(|item| text(item, "/currency").as_deref() == Some(&main)).filter_map(point).collect(), main)
}

pub(super) fn lifecycle(view: &Value) -> Vec<Fact> {
    let part = |path: &str| {
        let (active, total) = (int(view, &format!("{path}/active"))?, int(view, &format!("{path}/total"))?);
        let share = view.pointer(&format!("{path}/share")).and_then(Value::as_f64).map(|share| format!(" ({})", percent(share)));
        Some(format!("{} of {}{}", number(active), number(total), share.unwrap_or_default()))
    };
    let since = When::day_of(view.pointer("/lifecycle_detail/since"));
    let ends = When::day_of(view.pointer("/lifecycle_detail/ends_at"));
    vec![
        Fact::new("Stage", text(view, "/lifecycle").map(|stage| words(&stage))),
        Fact::at("Since", since),
        Fact::new("Day", int(view, "/lifecycle_detail/day").map(number)),
        Fact::at("Moves on", ends),
        Fact::new("Key people active", part("/lifecycle_detail/adoption/key_people")),
        Fact::new("Seats active", part("/lifecycle_detail/adoption/seats")),
    ]
}

/// The renewal plan.
pub(super) struct Renewal {
    /// What its state is, in a sentence.
    pub(super) headline: String,
    pub(super) urgent: bool,
    pub(super) purpose: Vec<Item>,
    pub(super) deciders: Vec<Fact>,
    pub(super) promises: Vec<Item>,
    pub(super) results: Vec<Fact>,
    pub(super) items: Vec<Item>,
    pub(super) asks: Vec<String>,
}

/// One line of it.
pub(super) struct Item {
    pub(super) mark: &'static str,
    pub(super) text: String,
    pub(super) note: String,
}

/// `None` where the view has none.
pub(super) fn renewal(view: &Value) -> Option<Renewal> {
    let plan = view.get("renewal")?.as_object().map(|_| &view["renewal"])?;
    let (status, days) = (text(plan, "/status")?, int(plan, "/days_left"));
    let end = time(plan, "/term_end").map(times::day).unwrap_or_default();
    let headline = match (status.as_str(), days) {
        ("ahead", Some(days)) => format!("The term ends on {end}, in {} days. The plan opens 90 days before.", number(days)),
        ("open", Some(days)) => format!("The term ends on {end}, in {} days.", number(days)),
        ("overdue", Some(days)) => format!("The term ended on {end}, {} days ago, and no new one is known.", number(days.saturating_neg())),
        _ => "No term is known that would be planned for.".into(),
    };
    let names = |path: &str| {
        let of = |person: &Value| text(person, "/name").or_else(|| text(person, "/id")).unwrap_or_default();
        let names: Vec<String> = list(plan, path).iter().map(of).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let changed = plan.pointer("/decision_makers/changed").and_then(Value::as_bool);
    let share = |path: &str| plan.pointer(path).and_then(Value::as_f64).map(percent);
    Some(Renewal {
        headline,
        urgent: ["open", "overdue"].contains(&&*status),
        purpose: list(plan, "/purpose").iter().map(goal).collect(),
        deciders: vec![
            Fact::new("Decided when the term began", names("/decision_makers/at_start")),
            Fact::new("Decide now", names("/decision_makers/now")).bad_if(changed == Some(true)),
        ],
        promises: list(plan, "/promises").iter().map(promise).collect(),
        results: vec![
            Fact::new("Tickets solved", int(plan, "/results/tickets_solved").map(number)),
            Fact::new("Trainings", int(plan, "/results/trainings").map(number)),
            Fact::new("Growth of use", share("/results/usage_growth")),
            Fact::new("Growth of MRR", share("/results/mrr_growth")),
        ],
        items: list(plan, "/results/items").iter().map(shown).collect(),
        asks: list(plan, "/asks").iter().filter_map(|ask| ask.as_str().map(Into::into)).collect(),
    })
}

fn goal(item: &Value) -> Item {
    let (mark, said) = match item["met"].as_bool() {
        Some(true) => ("\u{2713}", "met"),
        Some(false) => ("\u{2717}", "not met"),
        None => ("?", "not known"),
    };
    let value = item["value"].as_f64().zip(item["target"].as_f64()).map(|(value, target)| format!("{said}: {value} of {target}"));
    Item { mark, text: text(item, "/title").unwrap_or_default(), note: value.unwrap_or_else(|| said.into()) }
}

fn promise(item: &Value) -> Item {
    let status = text(item, "/status").unwrap_or_default();
    let mark = match status.as_str() {
        "kept" => "\u{2713}",
        "broken" => "\u{2717}",
        _ => "\u{2026}",
    };
    let due = time(item, "/due_at").map(|at| format!(", due {}", times::day(at))).unwrap_or_default();
    Item { mark, text: text(item, "/title").unwrap_or_default(), note: format!("{status}{due}") }
}

fn shown(item: &Value) -> Item {
    let when = time(item, "/at").map(|at| format!(", {}", times::day(at))).unwrap_or_default();
    let kind = text(item, "/kind").unwrap_or_default();
    Item { mark: "\u{2713}", text: text(item, "/title").unwrap_or_default(), note: format!("{kind}{when}") }
}
