//! From one mapped event to a canonical one.
use super::map::{EventKind, Mapping, Place};
use crate::answer;
use crate::bad::{Bad, Reason};
use crate::clamp::{EventTime, clamp};
use crate::hooks::amount::{interval, major_micros, micros};
use crate::hooks::provider::{HookEvent, HookScene, Trouble, Use, unknown};
use crate::ids::{ForeignIds, check_name, id, person_ids};
use crate::lenient::Text;
use crate::outlet::Outlet;
use crate::time::parse_ms;
use c360_schemas::{AccountTraits, Answer, ForeignId, Interval, Kind, Payload, Subscription, SubscriptionItem, Survey, Ticket, UserTraits};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

pub(super) fn put(mapping: &Mapping, event: &RawValue, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
    if !event.get().starts_with('{') {
        return Err(Bad::new(Reason::NotAnObject, "the event is not a json object").into());
    }
    let read = Read::of(mapping, event);
    if !mapping.types.is_empty() && !mapping.types.iter().any(|known| Some(known.as_str()) == read.get("type")) {
        return Ok(Use::Unused);
    }
    let limits = &scene.config.limits;
    let message_id = read.id("id", limits.message_id_chars_max)?;
    let made = message_id.is_none().then(|| format!("json:{}", hex::encode(&Sha256::digest(event.get().as_bytes())[..16])));
    let ids = ["account", "foreign", "user", "email"].map(|name| read.id(name, limits.id_chars_max));
    let [account_id, foreign, user, email] = ids;
    let who = Who { account_id: account_id?, foreign: foreign?, user: user?, email: email? };
    let time = read.time(scene)?;
    let name = read.get(if mapping.kind == EventKind::Usage { "name" } else { "type" });
    let name = match (mapping.kind, name) {
        (EventKind::Usage, None) => return Err(Bad::new(Reason::MissingName, "there is no name of the event where the map says").into()),
        (kind, name) => name.unwrap_or(kind.as_str()),
    };
    check_name(name, limits.name_chars_max)?;
    let currency = read.get("currency").unwrap_or_default().to_ascii_uppercase();
    let message_id = message_id.or(made.as_deref()).unwrap_or_default();
    let properties = time.flag(read.properties()?);
    let (kind, payload) = read.payload(&Scene { message_id, who: &who, at: time.at, currency: &currency })?;
    if time.clamped_from.is_some() {
        outlet.clamped += 1;
    }
    let hook = HookEvent {
        message_id,
        name,
        kind,
        occurred_at: time.at,
        account_id: who.account_id,
        foreign_ids: who.foreign_ids(mapping.foreign_kind),
        user_id: who.user.or(who.email.filter(|_| mapping.kind == EventKind::User)),
        payload,
        properties: &properties,
    };
    scene.put(hook, outlet)?;
    Ok(Use::Used)
}

/// Whose event it is.
struct Who<'a> {
    account_id: Option<&'a str>,
    foreign: Option<&'a str>,
    user: Option<&'a str>,
    email: Option<&'a str>,
}

impl<'a> Who<'a> {
    fn foreign_ids(&self, kind: Option<&'static str>) -> ForeignIds<'a> {
        let foreign = kind.zip(self.foreign).map(|(kind, id)| ForeignId { kind, id });
        foreign.into_iter().chain(person_ids(self.user, self.email)).collect()
    }
}

/// What a payload needs besides its fields.
struct Scene<'a> {
    message_id: &'a str,
    who: &'a Who<'a>,
    at: i64,
    currency: &'a str,
}

/// The fields of an event, found.
struct Read<'a> {
    mapping: &'a Mapping,
    event: &'a RawValue,
    texts: HashMap<&'static str, Text<'a>>,
}

impl<'a> Read<'a> {
    fn of(mapping: &'a Mapping, event: &'a RawValue) -> Self {
        let text = |place: &'a Place| match place {
            Place::Fixed(text) => Text::Borrowed(text),
            Place::At(pointer) => pointer.find(event).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default(),
        };
        let texts = mapping.fields.iter().filter(|(name, _)| **name != "properties").map(|(name, place)| (*name, text(place))).collect();
        Self { mapping, event, texts }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.get()
    }

    fn id(&self, name: &str, chars_max: usize) -> Result<Option<&str>, Bad> {
        self.texts.get(name).map_or(Ok(None), |text| id(name, text, chars_max))
    }

    fn text(&self, name: &str) -> &Text<'a> {
        self.texts.get(name).unwrap_or(&Text::None)
    }

    fn need(&self, name: &str) -> Result<&str, Bad> {
        self.get(name).ok_or_else(|| Bad::new(Reason::BadPayload, format!("there is no {name} where the map says")))
    }

    /// A time that may be there; one that is no time is a mistake.
    fn at(&self, name: &str) -> Result<Option<i64>, Bad> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let shown = || text.chars().take(40).collect::<String>();
        parse_ms(text).map(Some).ok_or_else(|| Bad::new(Reason::BadTimestamp, format!("{name} is not a time: {:?}", shown())))
    }

    fn time(&self, scene: &HookScene<'_>) -> Result<EventTime, Bad> {
        clamp(self.at("time")?.unwrap_or(scene.received_at), scene.received_at, &scene.config.time)
    }

    /// Of usage the whole event, where the map says nothing else.
    fn properties(&self) -> Result<&'a str, Bad> {
        let found = match self.mapping.fields.get("properties") {
            Some(Place::At(pointer)) => pointer.find(self.event),
            Some(Place::Fixed(_)) => None,
            None => Some(self.event).filter(|_| self.mapping.kind == EventKind::Usage),
        };
        match found.map_or("null", RawValue::get) {
            "null" | "{}" | "[]" => Ok(""),
            text if text.starts_with('{') => Ok(text),
            _ => Err(Bad::new(Reason::BadProperties, "properties must be an object")),
        }
    }

    fn payload<'b>(&'b self, scene: &Scene<'b>) -> Result<(Kind, Payload<'b>), Bad> {
        let version = self.at("version")?.unwrap_or(scene.at);
        Ok(match self.mapping.kind {
            EventKind::Usage => (Kind::Usage, Payload::None),
            EventKind::Survey => (Kind::Survey, Payload::Answer(self.answer(scene, version)?)),
            EventKind::Ticket => (Kind::Support, Payload::Ticket(self.ticket(scene, version)?)),
            EventKind::Subscription => (Kind::Billing, Payload::Subscription(self.subscription(scene, version)?)),
            EventKind::Account => (Kind::Identity, Payload::Account(self.account()?)),
            EventKind::User => {
                let traits = UserTraits { name: self.get("name"), email: scene.who.email, role: self.get("role") };
                (Kind::Identity, Payload::User(traits))
            }
        })
    }

    fn answer<'b>(&'b self, scene: &Scene<'b>, version: i64) -> Result<Answer<'b>, Bad> {
        let survey = match self.get("survey") {
            None => Survey::Nps,
            Some(name) => answer::survey(name).ok_or_else(|| Bad::new(Reason::BadAnswer, "survey is neither nps nor csat"))?,
        };
        let who = scene.who;
        let respondent = who.user.or(who.email).or(who.account_id).or(who.foreign);
        Ok(Answer {
            id: self.get("answer").unwrap_or(scene.message_id),
            survey,
            score: answer::score(survey, self.text("score"))?,
            respondent: respondent.ok_or_else(|| Bad::new(Reason::NoCustomer, "the answer is nobody's"))?,
            comment: self.get("comment"),
            version,
        })
    }

    fn ticket<'b>(&'b self, scene: &Scene<'b>, version: i64) -> Result<Ticket<'b>, Bad> {
        let priority = self.get("priority").map(str::to_ascii_lowercase);
        let known = ["low", "normal", "high", "urgent"].into_iter().find(|known| Some(*known) == priority.as_deref());
        Ok(Ticket {
            id: self.need("ticket")?,
            status: self.status()?,
            priority: known,
            version,
            created_at: self.at("created_at")?,
            replied_at: self.at("replied_at")?,
            subject: self.get("subject"),
            requester: self.get("requester").or(scene.who.user).or(scene.who.email),
        })
    }

    fn subscription<'b>(&'b self, scene: &Scene<'b>, version: i64) -> Result<Subscription<'b>, Bad> {
        let status = self.status()?;
        let ended_at = self.at("ended_at")?;
        Ok(Subscription {
            id: self.need("subscription")?,
            status,
            version,
            currency: scene.currency,
            items: self.item(scene.currency)?.into_iter().collect(),
            discounts: Default::default(),
            started_at: self.at("started_at")?,
            term_start: self.at("term_start")?,
            term_end: self.at("term_end")?,
            trial_end: self.at("trial_end")?,
            cancels_at: self.at("cancels_at")?,
            ended_at: ended_at.or((status == "canceled").then_some(scene.at)),
            cancel_reason: self.get("cancel_reason"),
        })
    }

    /// The one line of a subscription; none where no amount is told.
    fn item(&self, currency: &str) -> Result<Option<SubscriptionItem<'_>>, Bad> {
        let amount_micros = match (self.get("amount"), self.get("amount_major")) {
            (Some(minor), _) => micros(minor)?,
            (None, Some(major)) => major_micros(major, currency)?,
            (None, None) => return Ok(None),
        };
        let whole = |name: &str| match (self.text(name).integer(), self.get(name)) {
            (Some(number), _) => Ok(number),
            (None, None) => Ok(1),
            (None, Some(_)) => Err(Bad::new(Reason::BadPayload, format!("{name} is not a whole number"))),
        };
        Ok(Some(SubscriptionItem {
            amount_micros,
            quantity: whole("quantity")?,
            interval: self.get("interval").map_or(Ok(Interval::Month), interval)?,
            interval_count: whole("interval_count")?,
            metered: false,
            product: self.get("product"),
        }))
    }

    fn account(&self) -> Result<AccountTraits<'_>, Bad> {
        Ok(AccountTraits {
            name: self.get("name"),
            owner_name: self.get("owner_name"),
            owner_email: self.get("owner_email"),
            created_at: self.at("created_at")?,
            delivered_at: self.at("delivered_at")?,
            plan: self.get("plan"),
            seats: self.text("seats").integer().filter(|seats| *seats >= 0),
        })
    }

    /// The status in our words: as the map translates it, or as it stands if it is one of ours.
    fn status(&self) -> Result<&'static str, Bad> {
        let told = self.need("status")?;
        let lower = told.to_ascii_lowercase();
        let ours = || self.mapping.kind.statuses().iter().find(|known| **known == lower).copied();
        self.mapping.statuses.get(&lower).copied().or_else(ours).ok_or_else(|| {
            let Bad { reason, message } = unknown("a status", told);
            Bad::new(reason, format!("{message}: say in map.statuses what it means"))
        })
    }
}
