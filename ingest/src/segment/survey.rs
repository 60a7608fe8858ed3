//! Survey answers that come as track calls.
//!
//! The convention: a call named `NPS Answered`, `CSAT Answered` or `Survey Answered` (also `... Answer`, `Responded`, `Response`, `Submitted`, with `Survey` in between, in any case, with
//! spaces, `_` or `-`) that has a property `score`. Without a score it is a usage event like any other.
use super::call::object;
use crate::answer;
use crate::bad::{Bad, Reason};
use crate::lenient::{Fields, Lenient, Text, skip};
use c360_schemas::Survey;
use serde::de::MapAccess;
use serde_json::value::RawValue;

/// The longest name that can be one of a survey.
const NAME_BYTES_MAX: usize = 32;

/// The properties of an answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerFields<'a> {
    score: Text<'a>,
    survey: Text<'a>,
    pub(crate) comment: Text<'a>,
    pub(crate) account_id: Text<'a>,
    pub(crate) email: Text<'a>,
    pub(crate) answer_id: Text<'a>,
}

impl<'de> Fields<'de> for AnswerFields<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "score" => self.score = map.next_value()?,
            "survey" | "survey_type" | "surveyType" => self.survey = map.next_value()?,
            "comment" => self.comment = map.next_value()?,
            "account_id" | "accountId" => self.account_id = map.next_value()?,
            "email" => self.email = map.next_value()?,
            "answer_id" | "answerId" => self.answer_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A survey answer, checked.
#[derive(Debug)]
pub(crate) struct SurveyAnswer<'a> {
    pub(crate) survey: Survey,
    pub(crate) score: i32,
    pub(crate) fields: AnswerFields<'a>,
}

/// The answer that a track call holds; `None` where it is none.
pub(crate) fn of<'a>(name: &str, properties: Option<&'a RawValue>) -> Result<Option<SurveyAnswer<'a>>, Bad> {
    let Some(named) = named(name) else { return Ok(None) };
    let Some(text) = object(properties, Reason::BadProperties, "properties")? else { return Ok(None) };
    let Lenient(fields) = serde_json::from_str::<Lenient<AnswerFields<'_>>>(text)
        .map_err(|e| Bad::new(Reason::BadProperties, format!("the properties cannot be read: {e}")))?;
    if fields.score == Text::None {
        return Ok(None);
    }
    let survey = fields.survey.get().and_then(answer::survey).or(named).unwrap_or(Survey::Nps);
    let score = answer::score(survey, &fields.score)?;
    Ok(Some(SurveyAnswer { survey, score, fields }))
}

/// Whether a name is one of a survey's, and of which where it says so.
fn named(name: &str) -> Option<Option<Survey>> {
    // Nearly every track call ends here.
    let first = name.as_bytes().first()?.to_ascii_lowercase();
    if name.len() > NAME_BYTES_MAX || !matches!(first, b'n' | b'c' | b's') {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let mut words = lower.split([' ', '_', '-']).filter(|word| !word.is_empty());
    let survey = match words.next()? {
        "nps" => Some(Survey::Nps),
        "csat" => Some(Survey::Csat),
        "survey" => None,
        _ => return None,
    };
    let mut last = words.next()?;
    if last == "survey" && survey.is_some() {
        last = words.next()?;
    }
    let answered = matches!(last, "answer" | "answered" | "response" | "responded" | "submitted");
    (answered && words.next().is_none()).then_some(survey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_surveys_are_known_however_they_are_written() {
        for (name, survey) in [
            ("NPS Answered", Some(Some(Survey::Nps))),
            ("nps_answer", Some(Some(Survey::Nps))),
            ("NPS Survey Submitted", Some(Some(Survey::Nps))),
            ("csat-responded", Some(Some(Survey::Csat))),
            ("Survey Answered", Some(None)),
            ("Survey Survey Answered", None),
            ("Survey Opened", None),
            ("nps", None),
            ("nps answered twice", None),
            ("Report Viewed", None),
            ("", None),
        ] {
            assert_eq!(named(name), survey, "{name}");
        }
    }

    #[test]
    fn a_score_is_checked_against_its_survey_and_without_one_it_is_no_answer() {
        for (name, properties, score) in [
            ("nps answered", r#"{"score":0}"#, Ok(Some((Survey::Nps, 0)))),
            ("nps answered", r#"{"score":"10"}"#, Ok(Some((Survey::Nps, 10)))),
            ("survey answered", r#"{"score":5,"survey":"CSAT"}"#, Ok(Some((Survey::Csat, 5)))),
            ("csat answered", r#"{"score":0}"#, Err(Reason::BadAnswer)),
            ("nps answered", r#"{"score":11}"#, Err(Reason::BadAnswer)),
            ("nps answered", r#"{"score":7.5}"#, Err(Reason::BadAnswer)),
            ("nps answered", r#"{"score":true}"#, Err(Reason::BadAnswer)),
            ("nps answered", r#"{"score":"\ud800"}"#, Err(Reason::BadProperties)),
            ("nps answered", r#"{}"#, Ok(None)),
            ("nps answered", r#"{"score":null}"#, Ok(None)),
        ] {
            let raw: &RawValue = serde_json::from_str(properties).unwrap();
            let answer = of(name, Some(raw)).map(|answer| answer.map(|a| (a.survey, a.score))).map_err(|bad| bad.reason);
            assert_eq!(answer, score, "{name} {properties}");
        }
        assert!(of("nps answered", None).unwrap().is_none());
    }
}
