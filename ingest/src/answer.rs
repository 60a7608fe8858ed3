//! What holds for survey answers wherever they come from.
use crate::bad::{Bad, Reason};
use crate::lenient::Text;
use c360_schemas::Survey;

/// The survey of a name, in any case; `None` where it is none of ours.
pub(crate) fn survey(name: &str) -> Option<Survey> {
    [("nps", Survey::Nps), ("csat", Survey::Csat)].into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, survey)| survey)
}

/// A score within the survey's range.
pub(crate) fn score(survey: Survey, score: &Text<'_>) -> Result<i32, Bad> {
    let range = match survey {
        Survey::Nps => 0..=10,
        Survey::Csat => 1..=5,
    };
    let score = score.integer().and_then(|score| i32::try_from(score).ok()).filter(|score| range.contains(score));
    score.ok_or_else(|| Bad::new(Reason::BadAnswer, format!("score must be a whole number from {} to {}", range.start(), range.end())))
}
