//! From a call to events: who, what, when, for which account.
use super::call::{Call, CallKind, object};
use super::{event_time, identity, survey};
use crate::bad::{Bad, Reason};
use crate::clamp::EventTime;
use crate::config::IngestConfig;
use crate::ids::{USER, check_account_id, check_id, check_name, id, person_ids};
use crate::lenient::Text;
use crate::outlet::Outlet;
use c360_schemas::{Answer, Event, ForeignId, Kind, Link, Payload, Rank};
use smallvec::SmallVec;
use std::borrow::Cow;
use uuid::Uuid;

/// What holds for all calls of a request.
pub(crate) struct Scene<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) source: &'a str,
    /// UTC ms.
    pub(crate) received_at: i64,
    pub(crate) sent_at: Option<i64>,
    /// The group that the batch's own context names.
    pub(crate) group: Option<&'a Text<'a>>,
    /// See [`super::Request::made_id`].
    pub(crate) made_id: Option<&'a str>,
    pub(crate) config: &'a IngestConfig,
}

/// Puts the events of one call out.
pub(crate) fn normalise(kind: CallKind, call: &Call<'_>, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let limits = &scene.config.limits;
    let mut made = [0; uuid::fmt::Hyphenated::LENGTH];
    let message_id = match call.message_id.get().or(scene.made_id) {
        Some(id) => id,
        None => &*Uuid::new_v7(uuid_time(scene.received_at)).hyphenated().encode_lower(&mut made),
    };
    if call.message_id.is_wrong() || check_id("messageId", message_id, limits.message_id_chars_max).is_err() {
        let message = format!("messageId must be a string of at most {} characters, none of them a control", limits.message_id_chars_max);
        return Err(Bad::new(Reason::BadMessageId, message));
    }
    let user_id = id("userId", &call.user_id, limits.id_chars_max)?;
    let anonymous_id = id("anonymousId", &call.anonymous_id, limits.id_chars_max)?;
    let account_id = account(call, scene)?;
    let time = event_time::of(call, scene.sent_at, scene.received_at, &scene.config.time)?;
    let draft = Draft { message_id, account_id, user_id, anonymous_id, kind: Kind::Identity, name: kind.as_str() };
    if account_id.is_none() && draft.person().is_none() {
        return Err(Bad::new(Reason::MissingId, "the event has neither userId, anonymousId nor groupId"));
    }
    if time.clamped_from.is_some() {
        outlet.clamped += 1;
    }
    let step = Step { call, scene, time };
    match kind {
        CallKind::Track => step.track(draft, outlet),
        CallKind::Page | CallKind::Screen => step.view(draft, outlet),
        CallKind::Identify => step.identify(draft, outlet),
        CallKind::Group => step.group(draft, outlet),
        CallKind::Alias => step.alias(draft, outlet),
    }
}

/// An event without what depends on the kind of its call.
#[derive(Clone, Copy)]
struct Draft<'a> {
    message_id: &'a str,
    account_id: Option<&'a str>,
    user_id: Option<&'a str>,
    anonymous_id: Option<&'a str>,
    kind: Kind,
    name: &'a str,
}

impl<'a> Draft<'a> {
    /// The person behind it.
    fn person(&self) -> Option<&'a str> {
        self.user_id.or(self.anonymous_id)
    }
}

/// One call on its way.
struct Step<'s> {
    call: &'s Call<'s>,
    scene: &'s Scene<'s>,
    time: EventTime,
}

impl<'s> Step<'s> {
    fn track(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let name = self.call.event.get().ok_or_else(|| Bad::new(Reason::MissingName, "a track call needs an event, its name"))?;
        check_name(name, self.scene.config.limits.name_chars_max)?;
        let draft = Draft { name, ..draft };
        match survey::of(name, self.call.properties)? {
            None => self.usage(draft, outlet),
            Some(answer) => self.answer(draft, &answer, outlet),
        }
    }

    /// A page or screen: its name, else what it is.
    fn view(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let name = self.call.name.get().unwrap_or(draft.name);
        check_name(name, self.scene.config.limits.name_chars_max)?;
        self.usage(Draft { name, ..draft }, outlet)
    }

    fn usage(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let properties = self.properties(object(self.call.properties, Reason::BadProperties, "properties")?);
        self.put(Draft { kind: Kind::Usage, ..draft }, &[], Payload::None, &properties, outlet)
    }

    /// Its account is the one that it names, else that of the person who answered.
    fn answer(&self, draft: Draft<'_>, answer: &survey::SurveyAnswer<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let chars_max = self.scene.config.limits.id_chars_max;
        let fields = &answer.fields;
        let account_id = id("account_id", &fields.account_id, chars_max)?.or(draft.account_id);
        if let Some(account) = account_id {
            check_account_id(account, chars_max)?;
        }
        let email = id("email", &fields.email, chars_max)?;
        let answer_id = id("answer_id", &fields.answer_id, chars_max)?.unwrap_or(draft.message_id);
        let respondent = draft.user_id.or(email).or(draft.anonymous_id).or(account_id).unwrap_or_default();
        let foreign_ids = person_ids(draft.user_id, email);
        let properties = self.properties(object(self.call.properties, Reason::BadProperties, "properties")?);
        let payload = Payload::Answer(Answer {
            id: answer_id,
            survey: answer.survey,
            score: answer.score,
            respondent,
            comment: fields.comment.get(),
            version: self.time.at,
        });
        self.put(Draft { kind: Kind::Survey, account_id, ..draft }, &foreign_ids, payload, &properties, outlet)
    }

    /// Some clients put the traits into the context only.
    fn identify(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let (own, own_text) = identity::read::<identity::UserFields<'_>>(self.call.traits)?;
        let (context, context_text) = identity::read::<identity::UserFields<'_>>(self.call.context.traits)?;
        let user = own.or(context);
        let full_name = user.full_name();
        let properties = self.properties(own_text.or(context_text));
        self.put(draft, &[], Payload::User(user.traits(full_name.as_deref())), &properties, outlet)
    }

    /// What is said of the account goes to the account; that its user belongs to it goes to where the user's events are.
    fn group(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let account_id =
            draft.account_id.ok_or_else(|| Bad::new(Reason::MissingGroupId, "a group call needs a groupId, the account's id"))?;
        let (fields, text) = identity::read::<identity::AccountFields<'_>>(self.call.traits)?;
        let properties = self.properties(text);
        self.put(draft, &[], Payload::Account(fields.traits()), &properties, outlet)?;
        let Some(id) = draft.person() else { return Ok(()) };
        let message_id = format!("{}#link", draft.message_id);
        let link = Link { kind: USER, id, account_id: Some(account_id), rank: Rank::Group, at: self.time.at };
        let draft = Draft { message_id: &message_id, account_id: None, name: "link", ..draft };
        self.put(draft, &[], Payload::Link(link), "", outlet)
    }

    fn alias(&self, draft: Draft<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
        let previous = id("previousId", &self.call.previous_id, self.scene.config.limits.id_chars_max)?;
        let previous = previous.ok_or_else(|| Bad::new(Reason::MissingId, "an alias call needs a previousId"))?;
        let text = serde_json::json!({ "previousId": previous }).to_string();
        let properties = self.properties(Some(&text));
        self.put(draft, &[], Payload::None, &properties, outlet)
    }

    /// The text of an object; it says so where the event was dated too far ahead.
    fn properties<'a>(&self, text: Option<&'a str>) -> Cow<'a, str> {
        self.time.flag(text.unwrap_or_default())
    }

    /// Puts an event out: to its account, else by `foreign_ids`, else to its person.
    fn put<'a>(
        &'a self,
        draft: Draft<'a>,
        foreign_ids: &[ForeignId<'a>],
        payload: Payload<'a>,
        properties: &'a str,
        outlet: &mut Outlet,
    ) -> Result<(), Bad> {
        let mut tried = SmallVec::new();
        if draft.account_id.is_none() {
            tried.extend_from_slice(foreign_ids);
            if tried.is_empty() {
                tried.extend(draft.person().map(|id| ForeignId { kind: USER, id }));
            }
        }
        outlet.put(&Event {
            message_id: draft.message_id,
            tenant: self.scene.tenant,
            account_id: draft.account_id,
            foreign_ids: tried,
            user_id: draft.user_id,
            anonymous_id: draft.anonymous_id,
            kind: draft.kind,
            name: draft.name,
            occurred_at: self.time.at,
            received_at: self.scene.received_at,
            source: self.scene.source,
            payload,
            properties,
        })
    }
}

/// The account that a call names: `groupId`, that of its context, that of the batch's context.
fn account<'a>(call: &'a Call<'_>, scene: &Scene<'a>) -> Result<Option<&'a str>, Bad> {
    for text in [&call.group_id, &call.context.group_id].into_iter().chain(scene.group) {
        let account = id("groupId", text, scene.config.limits.id_chars_max)?;
        if let Some(account) = account {
            check_account_id(account, scene.config.limits.id_chars_max)?;
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// Made-up ids are dated by the same clock as all else.
fn uuid_time(ms: i64) -> uuid::Timestamp {
    let ms = u64::try_from(ms).unwrap_or(0);
    uuid::Timestamp::from_unix_time(ms / 1000, (ms % 1000) as u32 * 1_000_000, 0, 0)
}
