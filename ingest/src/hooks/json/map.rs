//! `[sources.map]`: what an event is, and where its fields stand. Checked once, when the settings are read.
use super::pointer::Pointer;
use c360_schemas::ForeignId;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// What the settings say. Fields are JSON pointers (`/user/id`), or fixed texts (`=Login`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MapConfig {
    pub kind: EventKind,
    /// Where a list of events stands; without it the body is one event.
    pub each: Option<String>,
    /// Which types are taken; the others are answered with 200 and have no effect.
    #[serde(default)]
    pub types: Vec<String>,
    /// What a tool calls a status, and what we do.
    #[serde(default)]
    pub statuses: BTreeMap<String, String>,
    /// Of which kind the id at `foreign` is.
    pub foreign_kind: Option<String>,
    #[serde(flatten)]
    pub fields: BTreeMap<String, String>,
}

/// What can be made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Usage,
    Survey,
    Ticket,
    Subscription,
    Account,
    User,
}

/// Fields that any kind may have.
const COMMON: [&str; 9] = ["id", "type", "time", "version", "account", "user", "email", "foreign", "properties"];
const TICKET_STATUSES: [&str; 7] = ["new", "open", "pending", "hold", "solved", "closed", "deleted"];
const SUBSCRIPTION_STATUSES: [&str; 8] =
    ["trialing", "active", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired"];

impl EventKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            EventKind::Usage => "usage",
            EventKind::Survey => "survey",
            EventKind::Ticket => "ticket",
            EventKind::Subscription => "subscription",
            EventKind::Account => "account",
            EventKind::User => "user",
        }
    }

    const fn required(self) -> &'static [&'static str] {
        match self {
            EventKind::Usage => &["name"],
            EventKind::Survey => &["score"],
            EventKind::Ticket => &["ticket", "status"],
            EventKind::Subscription => &["subscription", "status", "currency"],
            EventKind::Account | EventKind::User => &[],
        }
    }

    const fn optional(self) -> &'static [&'static str] {
        match self {
            EventKind::Usage => &[],
            EventKind::Survey => &["survey", "answer", "comment"],
            EventKind::Ticket => &["priority", "subject", "requester", "created_at", "replied_at"],
            EventKind::Subscription => &[
                "amount",
                "amount_major",
                "quantity",
                "interval",
                "interval_count",
                "product",
                "started_at",
                "term_start",
                "term_end",
                "trial_end",
                "cancels_at",
                "ended_at",
                "cancel_reason",
            ],
            EventKind::Account => &["name", "owner_name", "owner_email", "created_at", "delivered_at", "plan", "seats"],
            EventKind::User => &["name", "role"],
        }
    }

    /// The statuses that there are; none for kinds that have none.
    pub(super) const fn statuses(self) -> &'static [&'static str] {
        match self {
            EventKind::Ticket => &TICKET_STATUSES,
            EventKind::Subscription => &SUBSCRIPTION_STATUSES,
            _ => &[],
        }
    }

    fn fields(self) -> impl Iterator<Item = &'static str> {
        self.required().iter().chain(self.optional()).chain(&COMMON).copied()
    }
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(Pointer),
    Fixed(String),
}

/// A checked map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) kind: EventKind,
    pub(super) each: Option<Pointer>,
    pub(super) types: Vec<String>,
    /// By the tool's word, in lower case.
    pub(super) statuses: HashMap<String, &'static str>,
    pub(super) foreign_kind: Option<&'static str>,
    pub(super) fields: HashMap<&'static str, Place>,
}

impl Mapping {
    pub(super) fn new(config: &MapConfig) -> Result<Self, String> {
        let kind = config.kind;
        let mapping = Self {
            kind,
            each: config.each.as_deref().map(Pointer::parse).transpose().map_err(|why| format!("map.each: {why}"))?,
            types: config.types.clone(),
            statuses: statuses(kind, &config.statuses)?,
            foreign_kind: config.foreign_kind.as_deref().map(foreign_kind).transpose()?,
            fields: config.fields.iter().map(|(name, text)| Ok((field(kind, name)?, place(name, text)?))).collect::<Result<_, String>>()?,
        };
        mapping.check()?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), String> {
        let (kind, has) = (self.kind.as_str(), |name: &str| self.fields.contains_key(name));
        if let Some(missing) = self.kind.required().iter().find(|name| !has(name)) {
            return Err(format!("map.{missing} is not set, which kind = {kind:?} needs"));
        }
        if !self.types.is_empty() && !has("type") {
            return Err("map.types is set, but not map.type, the place where the type stands".into());
        }
        if has("foreign") != self.foreign_kind.is_some() {
            return Err("map.foreign and map.foreign_kind go together".into());
        }
        if has("amount") && has("amount_major") {
            return Err("map.amount (in minor units) and map.amount_major are both set: keep one".into());
        }
        let customer: &[&str] = match self.kind {
            EventKind::Account => &["account", "foreign"],
            EventKind::User => &["user", "email"],
            _ => &["account", "foreign", "user", "email"],
        };
        if !customer.iter().any(|name| has(name)) {
            return Err(format!("kind = {kind:?} needs one of {} in the map, to say whose it is", customer.join(", ")));
        }
        Ok(())
    }
}

fn statuses(kind: EventKind, told: &BTreeMap<String, String>) -> Result<HashMap<String, &'static str>, String> {
    let ours = |theirs: &String, ours: &String| {
        let known = kind.statuses().iter().find(|known| *known == ours);
        let known = known.ok_or_else(|| {
            format!(
                "map.statuses: {theirs:?} = {ours:?} is not a status of kind = {:?}; there are: {}",
                kind.as_str(),
                kind.statuses().join(", ")
            )
        })?;
        Ok((theirs.to_ascii_lowercase(), *known))
    };
    told.iter().map(|(theirs, word)| ours(theirs, word)).collect()
}

fn foreign_kind(name: &str) -> Result<&'static str, String> {
    let known = ForeignId::KINDS.into_iter().find(|kind| *kind == name);
    known.ok_or_else(|| format!("map.foreign_kind = {name:?} is not a kind of link; there are {}", ForeignId::KINDS.join(", ")))
}

fn field(kind: EventKind, name: &str) -> Result<&'static str, String> {
    kind.fields().find(|known| *known == name).ok_or_else(|| {
        let known: Vec<_> = kind.fields().collect();
        format!("map.{name} is nothing that kind = {:?} has; it has {}", kind.as_str(), known.join(", "))
    })
}

fn place(name: &str, text: &str) -> Result<Place, String> {
    if let Some(fixed) = text.strip_prefix('=') {
        return Ok(Place::Fixed(fixed.into()));
    }
    let pointer = Pointer::parse(text).map_err(|why| format!("map.{name}: {why}, or with = for a fixed text"))?;
    Ok(Place::At(pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(toml: &str) -> Result<Mapping, String> {
        let json: serde_json::Value = serde_json::from_str(toml).unwrap();
        Mapping::new(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn maps_that_cannot_work_are_refused_with_what_would() {
        for (json, part) in [
            (r#"{"kind":"usage","user":"/u"}"#, "map.name is not set, which kind = \"usage\" needs"),
            (r#"{"kind":"usage","name":"/n"}"#, "needs one of account, foreign, user, email"),
            (r#"{"kind":"account","name":"/n","email":"/e"}"#, "needs one of account, foreign in"),
            (r#"{"kind":"usage","name":"n","user":"/u"}"#, "map.name: \"n\" is not a json pointer: it must begin with /, or with ="),
            (r#"{"kind":"usage","name":"/n","user":"/u","each":"events"}"#, "map.each: \"events\" is not a json pointer"),
            (r#"{"kind":"usage","name":"/n","user":"/u","score":"/s"}"#, "map.score is nothing that kind = \"usage\" has; it has name, id"),
            (r#"{"kind":"usage","name":"/n","user":"/u","types":["a"]}"#, "map.type"),
            (r#"{"kind":"usage","name":"/n","foreign":"/c"}"#, "go together"),
            (
                r#"{"kind":"usage","name":"/n","foreign":"/c","foreign_kind":"sap"}"#,
                "\"sap\" is not a kind of link; there are stripe_customer",
            ),
            (
                r#"{"kind":"ticket","ticket":"/t","status":"/s","user":"/u","statuses":{"done":"finished"}}"#,
                "\"done\" = \"finished\" is not a status",
            ),
            (
                r#"{"kind":"subscription","subscription":"/i","status":"/s","currency":"=EUR","amount":"/a","amount_major":"/b","account":"/c"}"#,
                "keep one",
            ),
        ] {
            let error = map(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
        assert!(map(r#"{"kind":"ticket","ticket":"/t","status":"/s","user":"/u","statuses":{"Done":"solved"}}"#).is_ok());
    }
}
