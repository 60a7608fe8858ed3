//! What people say: scores with their uncertainty, comments, and who would recommend us.
use crate::aggregate::{nps, nps_interval};
use crate::rows::{GivenAnswer, Hot};
use crate::time::rfc3339;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SurveysView<'a> {
    nps: NpsView,
    csat: Option<f64>,
    /// The newest, newest first.
    answers: Vec<AnswerView<'a>>,
    advocates: Vec<AnswerView<'a>>,
}

#[derive(Serialize)]
struct NpsView {
    score: Option<i32>,
    interval: Option<[i32; 2]>,
    promoters: u32,
    passives: u32,
    detractors: u32,
}

#[derive(Serialize)]
struct AnswerView<'a> {
    survey: &'static str,
    respondent: &'a str,
    score: i32,
    comment: Option<&'a str>,
    at: Option<String>,
}

pub(super) fn view(hot: &Hot) -> SurveysView<'_> {
    let s = &hot.surveys;
    let (promoters, passives, detractors) = (s.promoters, s.passives, s.detractors);
    SurveysView {
        nps: NpsView { score: nps(s), interval: nps_interval(s), promoters, passives, detractors },
        csat: csat(hot),
        answers: s.recent.iter().map(answer).collect(),
        advocates: s.advocates.iter().map(answer).collect(),
    }
}

/// Share of 4s and 5s.
pub(super) fn csat(hot: &Hot) -> Option<f64> {
    let s = &hot.surveys;
    (s.csat_answers > 0).then(|| f64::from(s.csat_good * 1000 / s.csat_answers) / 1000.0)
}

fn answer(a: &GivenAnswer) -> AnswerView<'_> {
    let survey = if a.survey == 0 { "nps" } else { "csat" };
    AnswerView { survey, respondent: &a.respondent, score: a.score, comment: a.comment.as_deref(), at: rfc3339(a.at) }
}
