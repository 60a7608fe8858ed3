//! How likely it is that a customer is lost within 90 days: by band, as the tenant's own customers fared. There is no model behind it, and it does not pretend to be one.
//!
//! At the beginning of each of twelve months of 30 days (the newest one long enough ago that its 90 days are over), each customer that paid and whose score was known is one case: of which band it was then, and whether its MRR
//! fell to nothing within the 90 days. P(loss | band) = (lost + prior x weight) / (cases + weight): a beta-binomial estimate, so that few cases do not speak too loud.
use crate::db::ReadError;
use crate::time::DAY_MS;
use parking_lot::Mutex;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Days that the chance is of.
pub(crate) const HORIZON_DAYS: i64 = 90;
/// Customers looked at; spread over all where there are more.
const SAMPLE_MAX: i64 = 500;
const MONTHS: i64 = 12;
const MONTH_DAYS: i64 = 30;
/// What is taken for the share lost while the tenant's own history says nothing, and how many cases that is worth.
const PRIORS: [(&str, f64); 4] = [("green", 0.02), ("yellow", 0.08), ("red", 0.25), ("unknown", 0.08)];
const PRIOR_CASES: f64 = 20.0;
/// A customer with a scheduled cancellation has said so.
pub(crate) const LEAVING: f64 = 0.8;

/// What happened to customers of one band.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cases {
    pub(crate) cases: i64,
    pub(crate) lost: i64,
}

/// Chances by band, and what they stand on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chances {
    pub(crate) horizon_days: i64,
    pub(crate) by_band: BTreeMap<&'static str, f64>,
    pub(crate) seen: BTreeMap<&'static str, Cases>,
}

impl Chances {
    fn of(seen: BTreeMap<&'static str, Cases>) -> Self {
        let chance = |(band, prior): &(&'static str, f64)| {
            let Cases { cases, lost } = seen.get(band).copied().unwrap_or_default();
            (*band, (lost as f64 + prior * PRIOR_CASES) / (cases as f64 + PRIOR_CASES))
        };
        Self { horizon_days: HORIZON_DAYS, by_band: PRIORS.iter().map(chance).collect(), seen }
    }

    /// The chance in `band`; a band that is not known is `unknown`.
    pub(crate) fn chance(&self, band: &str) -> f64 {
        self.by_band.get(band).or_else(|| self.by_band.get("unknown")).copied().unwrap_or_default()
    }

    pub(crate) fn cases(&self) -> i64 {
        self.seen.values().map(|seen| seen.cases).sum()
    }
}

/// Chances by tenant. To look back takes a fifth of a second, and they change by the month: they are kept for a minute of real time.
#[derive(Debug, Default)]
pub(crate) struct Lookback(Mutex<HashMap<String, (Instant, Arc<Chances>)>>);

impl Lookback {
    const KEPT: Duration = Duration::from_secs(60);

    /// Those of a tenant, as of `now` or a little before.
    pub(crate) fn chances(&self, connection: &Connection, tenant: &str, now: i64) -> Result<Arc<Chances>, ReadError> {
        if let Some((_, kept)) = self.0.lock().get(tenant).filter(|(since, _)| since.elapsed() < Self::KEPT) {
            return Ok(Arc::clone(kept));
        }
        let fresh = Arc::new(look_back(connection, tenant, now)?);
        self.0.lock().insert(tenant.to_owned(), (Instant::now(), Arc::clone(&fresh)));
        Ok(fresh)
    }
}

fn look_back(connection: &Connection, tenant: &str, now: i64) -> Result<Chances, ReadError> {
    let every = connection
        .prepare_cached("SELECT count(*) FROM customers WHERE tenant = ?1")?
        .query_row([tenant], |row| row.get::<_, i64>(0))?
        .div_euclid(SAMPLE_MAX)
        + 1;
    let mut sample = connection.prepare_cached("SELECT id, account_id FROM customers WHERE tenant = ?1 AND id % ?2 = 0")?;
    let mut movements = connection.prepare_cached("SELECT at, mrr, currency FROM movements WHERE customer = ?1 ORDER BY seq")?;
    let mut scores = connection.prepare_cached(
        "SELECT at, detail ->> '$.band' FROM history WHERE tenant = ?1 AND account_id = ?2 AND kind = 'score' ORDER BY at, id",
    )?;
    let mut seen: BTreeMap<&'static str, Cases> = BTreeMap::new();
    let mut rows = sample.query((tenant, every))?;
    while let Some(row) = rows.next()? {
        let (id, account_id): (i64, String) = (row.get(0)?, row.get(1)?);
        let moved: Vec<Moved> = movements
            .query_map([id], |row| Ok(Moved { at: row.get(0)?, mrr: row.get(1)?, currency: row.get(2)? }))?
            .collect::<Result<_, _>>()?;
        if moved.is_empty() {
            continue;
        }
        let bands: Vec<(i64, Option<String>)> =
            scores.query_map((tenant, &account_id), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (band, lost) in cases(&moved, &bands, now) {
            let of_band = seen.entry(band).or_default();
            of_band.cases += 1;
            of_band.lost += i64::from(lost);
        }
    }
    Ok(Chances::of(seen))
}

struct Moved {
    at: i64,
    mrr: i64,
    currency: String,
}

/// Bands of one customer, and whether it was lost within the horizon after.
fn cases(moved: &[Moved], bands: &[(i64, Option<String>)], now: i64) -> Vec<(&'static str, bool)> {
    let horizon = HORIZON_DAYS * DAY_MS;
    let starts = (0..MONTHS).map(|month| now - horizon - month * MONTH_DAYS * DAY_MS);
    let case = |start: i64| {
        let shown = bands.get(..bands.partition_point(|(at, _)| *at <= start))?.last()?.1.as_deref()?;
        let band = PRIORS.iter().map(|(band, _)| *band).find(|band| *band == shown)?;
        pays(moved, start).then(|| (band, moved.iter().any(|m| m.at > start && m.at <= start + horizon && !pays(moved, m.at))))
    };
    starts.filter_map(case).collect()
}

/// Whether the customer pays in any currency after its movements up to `at`.
fn pays(moved: &[Moved], at: i64) -> bool {
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    for movement in moved.iter().filter(|movement| movement.at <= at) {
        newest.insert(&movement.currency, movement.mrr);
    }
    newest.values().any(|mrr| *mrr > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * DAY_MS;

    fn moved(day: i64, mrr: i64) -> Moved {
        Moved { at: day * DAY_MS, mrr, currency: "USD".into() }
    }

    fn band(day: i64, band: &str) -> (i64, Option<String>) {
        (day * DAY_MS, Some(band.into()))
    }

    #[test]
    fn a_case_is_a_paying_customer_of_a_known_band_and_lost_within_the_horizon_or_not() {
        // Cases begin on days 910, 880, ... 580.
        let bands = [band(700, "green"), band(870, "red"), band(905, "unknown")];
        let found = cases(&[moved(650, 100), moved(960, 0)], &bands, NOW);
        // Of day 910 and 880 it was lost by 960; of 850 and before (to 700) it was not.
        assert_eq!(found[..3], [("unknown", true), ("red", true), ("green", false)]);
        assert_eq!(found.len(), 1 + 1 + 6, "before day 700 no score is known, though it paid: {found:?}");
        assert_eq!(cases(&[moved(650, 100)], &[], NOW), []);
        assert_eq!(cases(&[], &bands, NOW), []);
    }

    #[test]
    fn another_currency_is_no_loss() {
        let euros = Moved { currency: "EUR".into(), ..moved(899, 90) };
        let found = cases(&[moved(650, 100), euros, moved(900, 0)], &[band(600, "green")], NOW);
        assert!(found.iter().all(|(_, lost)| !lost), "{found:?}");
    }

    #[test]
    fn few_cases_move_a_chance_a_little_and_many_make_it() {
        let of = |cases, lost| Chances::of([("red", Cases { cases, lost })].into()).chance("red");
        assert_eq!(of(0, 0), 0.25);
        assert!((of(5, 5) - 0.4).abs() < 1e-9);
        assert!((of(1_980, 990) - 0.4975).abs() < 1e-9);
        assert_eq!(Chances::of(BTreeMap::new()).chance("no such band"), 0.08);
    }
}
