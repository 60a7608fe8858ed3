//! Answers: the newest of each person.
use super::super::history::{Fact, Sent};
use super::{day, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Time, version, id, score, and what tells its comment.
type Given = (i64, i64, String, i32, usize);
/// With the person, and whether it is of a CSAT.
type Line<'a> = (i64, &'static str, bool, &'a Given);

pub(super) fn surveys(told: &[(i64, &Sent)], now: i64) -> Value {
    let mut newest: BTreeMap<(bool, usize), Given> = BTreeMap::new();
    for (at, sent) in told {
        let Fact::Answer { person, survey, score, version } = &sent.fact else { continue };
        let version = version * 1_000 + sent.id as i64;
        let answer = (*at, version, format!("{}-{}", sent.id, Fact::person(*person)), *score, sent.id);
        newest.entry((*survey, *person)).and_modify(|known| *known = known.clone().max(answer.clone())).or_insert(answer);
    }
    newest.retain(|_, a| day(a.0) > day(now) - 90);
    let of = |nps: bool, good: &dyn Fn(i32) -> bool| newest.iter().filter(|((survey, _), a)| *survey == nps && good(a.3)).count();
    let (promoters, passives, detractors) = (of(true, &|s| s >= 9), of(true, &|s| s == 7 || s == 8), of(true, &|s| s <= 6));
    let answers = promoters + passives + detractors;
    let balance = promoters as f64 - detractors as f64;
    let score = (answers >= 5).then(|| (100.0 * balance / answers as f64).round() as i64);
    let n = answers as f64 + 3.0;
    let (p, q) = ((promoters as f64 + 0.75) / n, (detractors as f64 + 0.75) / n);
    let half = 1.96 * ((p + q - (p - q) * (p - q)) / n).sqrt();
    let interval = score.map(|_| [p - q - half, p - q + half].map(|s| (100.0 * s).round().clamp(-100.0, 100.0) as i64));
    let csat = of(false, &|_| true);
    let mut shown: Vec<_> = newest.iter().map(|((survey, person), a)| (a.0, Fact::person(*person), !survey, a)).collect();
    shown.sort_by(|a, b| (b.0, b.1, b.2).cmp(&(a.0, a.1, a.2)));
    let one = |(at, person, csat, a): &Line<'_>| json!({"survey": if *csat { "csat" } else { "nps" }, "respondent": person, "score": a.3, "comment": format!("c{}", a.4), "at": text(*at)});
    json!({
        "nps": {"score": score, "interval": interval, "promoters": promoters, "passives": passives, "detractors": detractors},
        "csat": (csat > 0).then(|| (of(false, &|s| s >= 4) * 1000 / csat) as f64 / 1000.0),
        "answers": shown.iter().take(20).map(one).collect::<Vec<_>>(),
        "advocates": shown.iter().filter(|(_, _, csat, a)| !csat && a.3 >= 9).take(20).map(one).collect::<Vec<_>>(),
    })
}
