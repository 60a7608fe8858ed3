//! The whole portfolio in numbers. What is not known is null: sums leave unknown MRR out, and money of several currencies is never added up.
use crate::db::ReadError;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;

const BANDS: [&str; 4] = ["green", "yellow", "red", "unknown"];
const LIFECYCLES: [&str; 5] = ["adoption", "stabilisation", "steady", "renewal", "churned"];
/// Answers that an NPS takes at least.
const NPS_ANSWERS_MIN: i64 = 5;
const OWNERS_MAX: usize = 1_000;

/// Minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Money {
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CurrencyMrr {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// Customers with an MRR above 0 in it.
    pub(crate) paying: i64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Nps {
    /// Whole points; null under five answers.
    pub(crate) score: Option<i64>,
    pub(crate) promoters: i64,
    pub(crate) passives: i64,
    pub(crate) detractors: i64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Owner {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct OwnerCount {
    pub(crate) owner: Owner,
    pub(crate) customers: i64,
    pub(crate) by_band: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Customers {
    pub(crate) total: i64,
    pub(crate) provisional: i64,
    pub(crate) by_band: BTreeMap<String, i64>,
    pub(crate) by_lifecycle: BTreeMap<String, i64>,
    pub(crate) by_owner: Vec<OwnerCount>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Portfolio {
    /// Null where no MRR is known, or where there are several currencies: then `mrr_by_currency` has them.
    pub(crate) mrr: Option<Money>,
    pub(crate) mrr_by_currency: Vec<CurrencyMrr>,
    /// What takes a month's beginning and end is not known from the newest views alone.
    pub(crate) nrr: Option<f64>,
    pub(crate) grr: Option<f64>,
    pub(crate) churn: Option<f64>,
    pub(crate) growth: Option<f64>,
    pub(crate) months: [(); 0],
    pub(crate) nps: Nps,
    pub(crate) customers: Customers,
}

pub(crate) fn get(connection: &Connection, tenant: &str) -> Result<Portfolio, ReadError> {
    let mrr_by_currency = currencies(connection, tenant)?;
    let mrr = match &mrr_by_currency[..] {
        [one] => Some(Money { amount: one.amount, currency: one.currency.clone() }),
        _ => None,
    };
    Ok(Portfolio {
        mrr,
        mrr_by_currency,
        nrr: None,
        grr: None,
        churn: None,
        growth: None,
        months: [],
        nps: nps(connection, tenant)?,
        customers: customers(connection, tenant)?,
    })
}

fn currencies(connection: &Connection, tenant: &str) -> Result<Vec<CurrencyMrr>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT sum(mrr), currency, sum(mrr > 0) FROM customers WHERE tenant = ?1 AND mrr IS NOT NULL AND currency IS NOT NULL GROUP BY currency ORDER BY currency",
    )?;
    let rows = statement.query_map([tenant], |row| Ok(CurrencyMrr { amount: row.get(0)?, currency: row.get(1)?, paying: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn nps(connection: &Connection, tenant: &str) -> Result<Nps, ReadError> {
    let sql =
        "SELECT coalesce(sum(promoters), 0), coalesce(sum(passives), 0), coalesce(sum(detractors), 0) FROM customers WHERE tenant = ?1";
    let (promoters, passives, detractors): (i64, i64, i64) =
        connection.prepare_cached(sql)?.query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(Nps { score: nps_score(promoters, passives, detractors), promoters, passives, detractors })
}

fn nps_score(promoters: i64, passives: i64, detractors: i64) -> Option<i64> {
    let answers = promoters + passives + detractors;
    (answers >= NPS_ANSWERS_MIN).then(|| ((promoters - detractors) as f64 * 100.0 / answers as f64).round() as i64)
}

fn customers(connection: &Connection, tenant: &str) -> Result<Customers, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT band, lifecycle, owner_name, owner_email, count(*), sum(provisional) FROM customers WHERE tenant = ?1 GROUP BY 1, 2, 3, 4",
    )?;
    let zero = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 0)).collect::<BTreeMap<String, i64>>();
    let (mut by_band, mut by_lifecycle, mut by_owner) = (zero(&BANDS), zero(&LIFECYCLES), BTreeMap::new());
    let (mut total, mut provisional) = (0, 0);
    let mut rows = statement.query([tenant])?;
    while let Some(row) = rows.next()? {
        let (band, lifecycle): (String, String) = (row.get(0)?, row.get(1)?);
        let (count, of_them_provisional): (i64, i64) = (row.get(4)?, row.get(5)?);
        let owner: (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let of_owner = by_owner.entry(owner).or_insert_with(|| zero(&BANDS));
        *of_owner.entry(band.clone()).or_default() += count;
        *by_band.entry(band).or_default() += count;
        *by_lifecycle.entry(lifecycle).or_default() += count;
        total += count;
        provisional += of_them_provisional;
    }
    let by_owner = by_owner.into_iter().take(OWNERS_MAX).map(|((name, email), by_band)| OwnerCount {
        owner: Owner { name, email },
        customers: by_band.values().sum(),
        by_band,
    });
    Ok(Customers { total, provisional, by_band, by_lifecycle, by_owner: by_owner.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nps_takes_five_answers() {
        assert_eq!(nps_score(4, 0, 0), None);
        assert_eq!(nps_score(3, 1, 1), Some(40));
        assert_eq!(nps_score(0, 0, 6), Some(-100));
    }
}
