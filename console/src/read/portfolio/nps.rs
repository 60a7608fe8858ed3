//! The portfolio's NPS, over the answers of all customers.
use crate::db::ReadError;
use rusqlite::Connection;
use serde::Serialize;

/// Answers that an NPS takes at least.
const ANSWERS_MIN: i64 = 5;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Nps {
    /// Whole points; null under five answers.
    pub(crate) score: Option<i64>,
    /// Where it lies in 95 of 100 cases: adjusted Wald, three more answers (Rocks 2016, "Interval Estimation for the Net Promoter Score").
    pub(crate) interval: Option<[i64; 2]>,
    pub(crate) promoters: i64,
    pub(crate) passives: i64,
    pub(crate) detractors: i64,
}

pub(super) fn get(connection: &Connection, tenant: &str) -> Result<Nps, ReadError> {
    let sql =
        "SELECT coalesce(sum(promoters), 0), coalesce(sum(passives), 0), coalesce(sum(detractors), 0) FROM customers WHERE tenant = ?1";
    let (promoters, passives, detractors): (i64, i64, i64) =
        connection.prepare_cached(sql)?.query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let score = score(promoters, passives, detractors);
    let interval = score.map(|_| interval(promoters, passives, detractors));
    Ok(Nps { score, interval, promoters, passives, detractors })
}

fn score(promoters: i64, passives: i64, detractors: i64) -> Option<i64> {
    let answers = promoters + passives + detractors;
    (answers >= ANSWERS_MIN).then(|| ((promoters - detractors) as f64 * 100.0 / answers as f64).round() as i64)
}

fn interval(promoters: i64, passives: i64, detractors: i64) -> [i64; 2] {
    let n = (promoters + passives + detractors) as f64 + 3.0;
    let (p, q) = ((promoters as f64 + 0.75) / n, (detractors as f64 + 0.75) / n);
    let half = 1.96 * ((p + q - (p - q).powi(2)) / n).sqrt();
    [p - q - half, p - q + half].map(|share| (share * 100.0).round().clamp(-100.0, 100.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nps_takes_five_answers() {
        assert_eq!(score(4, 0, 0), None);
        assert_eq!(score(3, 1, 1), Some(40));
        assert_eq!(score(0, 0, 6), Some(-100));
    }

    #[test]
    fn few_answers_say_little() {
        assert_eq!((interval(6, 2, 2), interval(600, 200, 200)), ([-13, 74], [35, 45]));
    }
}
