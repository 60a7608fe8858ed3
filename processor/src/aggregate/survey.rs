//! Survey answers: the newest of each person in the last 90 days.
use super::Work;
use crate::keys::{self, Tag};
use crate::rows::{self, Answer, AnswerBook, GivenAnswer, Hot, RING_DAYS, Surveys};
use crate::time::Calendar;
use c360_engine::StateError;

/// People whose answers are kept; past it the oldest answer goes.
const BOOK_MAX: usize = 20_000;
const NPS: u8 = 0;
/// Answers and advocates shown.
const SHOWN_MAX: usize = 20;
/// Characters of a comment that are shown.
const COMMENT_CHARS_MAX: usize = 500;
/// Least points of a promoter.
const PROMOTER: i32 = 9;

/// NPS answers from which the score is shown.
pub(crate) const NPS_ANSWERS_MIN: u32 = 5;

pub(crate) fn answer(work: &mut Work<'_>, hot: &mut Hot, at: i64, answer: &c360_schemas::Answer<'_>) -> Result<(), StateError> {
    let new = Answer {
        survey: answer.survey as u8,
        respondent: answer.respondent.into(),
        id: answer.id.into(),
        at,
        version: answer.version,
        score: answer.score,
        comment: answer.comment.map(Into::into),
    };
    take(work, hot, vec![new])
}

/// Takes answers in, from an event or a move.
pub(crate) fn take(work: &mut Work<'_>, hot: &mut Hot, answers: Vec<Answer>) -> Result<(), StateError> {
    let key = keys::own(Tag::AnswerBook, work.key_bytes);
    let mut book: AnswerBook = rows::load(work.state, &key)?.unwrap_or_default();
    for new in answers {
        put(&mut book, new);
    }
    hot.surveys = numbers(&mut book, hot.calendar, work.today);
    rows::store(work.state, key, &book)
}

/// Windows move on: the numbers anew, as of today.
pub(crate) fn age(work: &mut Work<'_>, hot: &mut Hot) -> Result<(), StateError> {
    if !hot.surveys.known() {
        return Ok(());
    }
    let key = keys::own(Tag::AnswerBook, work.key_bytes);
    let Some(mut book) = rows::load::<AnswerBook>(work.state, &key)? else { return Ok(()) };
    let before = book.answers.len();
    hot.surveys = numbers(&mut book, hot.calendar, work.today);
    if book.answers.len() != before { rows::store(work.state, key, &book) } else { Ok(()) }
}

fn put(book: &mut AnswerBook, new: Answer) {
    let place = book.answers.binary_search_by(|old| (old.survey, &old.respondent).cmp(&(new.survey, &new.respondent)));
    match place {
        Ok(index) => {
            if beats(&new, &book.answers[index]) {
                book.answers[index] = new;
            }
        }
        Err(index) => book.answers.insert(index, new),
    }
    if book.answers.len() > BOOK_MAX
        && let Some(oldest) = book.answers.iter().enumerate().min_by_key(|(_, a)| a.at).map(|(index, _)| index)
    {
        book.answers.remove(oldest);
    }
}

/// Of one answer the newer version holds, of several the one given last.
fn beats(new: &Answer, old: &Answer) -> bool {
    fn rest(a: &Answer) -> (i32, Option<&str>) {
        (a.score, a.comment.as_deref())
    }
    if new.id == old.id {
        (new.version, new.at, rest(new)) > (old.version, old.at, rest(old))
    } else {
        (new.at, new.version, &new.id) > (old.at, old.version, &old.id)
    }
}

fn numbers(book: &mut AnswerBook, calendar: Calendar, today: i32) -> Surveys {
    book.answers.retain(|a| calendar.day_of(a.at) > today - RING_DAYS);
    let mut out = Surveys::default();
    for answer in &book.answers {
        if answer.survey == NPS {
            let bucket = match answer.score {
                PROMOTER.. => &mut out.promoters,
                7..=8 => &mut out.passives,
                _ => &mut out.detractors,
            };
            *bucket += 1;
            out.nps_newest_at = out.nps_newest_at.max(Some(answer.at));
        } else {
            out.csat_answers += 1;
            out.csat_good += u32::from(answer.score >= 4);
            out.csat_newest_at = out.csat_newest_at.max(Some(answer.at));
        }
    }
    out.recent = newest(book.answers.iter());
    out.advocates = newest(book.answers.iter().filter(|a| a.survey == NPS && a.score >= PROMOTER));
    out
}

fn newest<'a>(answers: impl Iterator<Item = &'a Answer>) -> Vec<GivenAnswer> {
    let mut answers: Vec<&Answer> = answers.collect();
    answers.sort_by(|a, b| (b.at, &b.respondent, b.survey).cmp(&(a.at, &a.respondent, a.survey)));
    let shown = |a: &Answer| GivenAnswer {
        survey: a.survey,
        respondent: a.respondent.clone(),
        score: a.score,
        comment: a.comment.as_ref().map(|comment| comment.chars().take(COMMENT_CHARS_MAX).collect()),
        at: a.at,
    };
    answers.into_iter().take(SHOWN_MAX).map(shown).collect()
}

/// Promoters less detractors in whole points, halves away from 0; `None` under five answers.
pub(crate) fn nps(surveys: &Surveys) -> Option<i32> {
    let n = i64::from(surveys.nps_answers());
    let balance = i64::from(surveys.promoters) - i64::from(surveys.detractors);
    let points = (200 * balance.abs() + n) / (2 * n.max(1)) * balance.signum();
    (surveys.nps_answers() >= NPS_ANSWERS_MIN).then_some(points as i32)
}

/// Between which points the NPS lies in 95 of 100 cases: the adjusted Wald interval (three more answers: 3/4 of them promoters, 3/2 passives, 3/4 detractors; Rocks 2016, "Interval Estimation for
/// the Net Promoter Score"). Hidden as the score is.
pub(crate) fn nps_interval(surveys: &Surveys) -> Option<[i32; 2]> {
    nps(surveys)?;
    let n = f64::from(surveys.nps_answers()) + 3.0;
    let (promoters, detractors) = ((f64::from(surveys.promoters) + 0.75) / n, (f64::from(surveys.detractors) + 0.75) / n);
    let balance = promoters - detractors;
    let half = 1.96 * ((promoters + detractors - balance * balance) / n).sqrt();
    Some([balance - half, balance + half].map(|share| (share * 100.0).round().clamp(-100.0, 100.0) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;

    fn answer(person: &str, id: &str, day: i64, version: i64, score: i32) -> Answer {
        Answer { respondent: person.into(), id: id.into(), at: day * DAY_MS, version, score, ..Answer::default() }
    }

    #[test]
    fn the_latest_answer_of_each_person_counts_for_ninety_days() {
        let told = [
            answer("a", "1", 10, 1, 10),
            answer("a", "2", 20, 1, 3),
            answer("b", "3", 15, 1, 9),
            answer("b", "3", 15, 2, 7),
            answer("c", "4", 30, 1, 9),
        ];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 3, 0, 2, 4]] {
            let mut book = AnswerBook::default();
            for i in order {
                put(&mut book, told[i].clone());
            }
            let s = numbers(&mut book, Calendar::default(), 30);
            assert_eq!((s.promoters, s.passives, s.detractors), (1, 1, 1), "{order:?}");
            let s = numbers(&mut book, Calendar::default(), 109);
            assert_eq!((s.promoters, s.passives, s.detractors), (1, 0, 1));
        }
    }

    #[test]
    fn the_interval_is_wide_where_answers_are_few() {
        // By hand: n' = 13, p = 6.75/13, q = 2.75/13, d = 4/13, half = 1.96 x sqrt((9.5/13 - (4/13)^2) / 13) = 0.434.
        for (promoters, passives, detractors, expected) in [(6, 2, 2, Some([-13, 74])), (600, 200, 200, Some([35, 45])), (2, 1, 1, None)] {
            let surveys = Surveys { promoters, passives, detractors, ..Surveys::default() };
            assert_eq!(nps_interval(&surveys), expected);
        }
    }

    #[test]
    fn nps_is_hidden_under_five_answers_and_whole() {
        for (promoters, passives, detractors, expected) in
            [(4, 0, 0, None), (5, 0, 0, Some(100)), (2, 1, 3, Some(-17)), (3, 1, 2, Some(17)), (1, 4, 1, Some(0)), (5, 3, 0, Some(63))]
        {
            assert_eq!(nps(&Surveys { promoters, passives, detractors, ..Surveys::default() }), expected);
        }
    }
}
