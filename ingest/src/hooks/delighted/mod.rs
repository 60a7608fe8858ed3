//! Delighted: survey answers.
//!
//! `survey_response.created` comes the moment that somebody scores, mostly without a comment; `.updated` follows with it. Both carry the whole answer under one id, so the newer
//! one replaces the older one, and an answer counts once.
mod types;
mod verify;

use super::provider::{HookEvent, HookScene, Provider, Received, Trouble, Use, properties};
use crate::answer;
use crate::bad::{Bad, Reason};
use crate::ids::{USER, person_ids};
use crate::outlet::Outlet;
use crate::sources::Source;
use crate::time::parse_ms;
use c360_schemas::{Answer, ForeignId, Kind, Payload};
use serde::Serialize;
use types::{Envelope, Response};

pub(crate) struct Delighted;

impl Provider for Delighted {
    fn name(&self) -> &'static str {
        "delighted"
    }

    fn verify(&self, received: &Received<'_>, source: &Source, _now: i64) -> Result<(), &'static str> {
        verify::verify(received, &source.secrets)
    }

    fn normalise(&self, body: &str, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<Use, Trouble> {
        let envelope: Envelope<'_> = serde_json::from_str(body)?;
        if !matches!(&*envelope.event_type, "survey_response.created" | "survey_response.updated") {
            return Ok(Use::Unused);
        }
        let response: Response<'_> = serde_json::from_str(envelope.event_data.get())?;
        put(&envelope, &response, scene, outlet)?;
        Ok(Use::Used)
    }
}

/// What is worth telling besides the answer.
#[derive(Serialize)]
struct Details<'a> {
    survey_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

fn put(envelope: &Envelope<'_>, response: &Response<'_>, scene: &HookScene<'_>, outlet: &mut Outlet) -> Result<(), Trouble> {
    let id = response.id.get().ok_or_else(|| Bad::new(Reason::BadPayload, "the answer has no id"))?;
    let answered_at = response.created_at.get().and_then(parse_ms);
    let answered_at = answered_at.ok_or_else(|| Bad::new(Reason::BadTimestamp, "created_at is not a time"))?;
    let survey_type = response.survey_type.get().unwrap_or("nps");
    let person = &response.person.0;
    let told = &response.person_properties.0;
    let (user, email) = (told.user_id.get(), person.email.get());
    let made_up = person.id.get().map(|id| format!("delighted:{id}"));
    let respondent = user.or(email).or(made_up.as_deref());
    let survey = answer::survey(survey_type);
    let details = Details {
        survey_type,
        score: response.score.get().filter(|_| survey.is_none()),
        comment: response.comment.get().filter(|_| survey.is_none()),
        url: response.permalink.get(),
    };
    let properties = properties(&details)?;
    let payload = match survey {
        Some(survey) => Payload::Answer(Answer {
            id,
            survey,
            score: answer::score(survey, &response.score)?,
            respondent: respondent.ok_or_else(|| Bad::new(Reason::NoCustomer, "the answer is nobody's"))?,
            comment: response.comment.get(),
            version: response.updated_at.get().and_then(parse_ms).unwrap_or(answered_at),
        }),
        // Stars, smileys and the like have scales of their own: told, and not counted.
        None => Payload::None,
    };
    let mut foreign_ids = person_ids(user, email);
    if foreign_ids.is_empty() {
        foreign_ids.extend(made_up.as_deref().map(|id| ForeignId { kind: USER, id }));
    }
    let hook = HookEvent {
        message_id: &envelope.event_id,
        name: &envelope.event_type,
        kind: Kind::Survey,
        occurred_at: answered_at,
        account_id: told.account_id.get(),
        foreign_ids,
        user_id: user,
        payload,
        properties: &properties,
    };
    Ok(scene.put(hook, outlet)?)
}
