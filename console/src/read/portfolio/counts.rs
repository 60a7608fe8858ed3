//! Customers by band, stage of life, owner and segment.
use crate::db::ReadError;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;

const BANDS: [&str; 4] = ["green", "yellow", "red", "unknown"];
const LIFECYCLES: [&str; 5] = ["adoption", "stabilisation", "steady", "renewal", "churned"];
const GROUPS_MAX: usize = 1_000;

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
    pub(crate) by_segment: Vec<SegmentCount>,
}

/// A segment is the customers of one plan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SegmentCount {
    pub(crate) segment: Option<String>,
    pub(crate) customers: i64,
    pub(crate) by_band: BTreeMap<String, i64>,
}

pub(crate) fn customers(connection: &Connection, tenant: &str) -> Result<Customers, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT band, lifecycle, owner_name, owner_email, count(*), sum(provisional), plan FROM customers WHERE tenant = ?1 GROUP BY 1, 2, 3, 4, 7",
    )?;
    let zero = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 0)).collect::<BTreeMap<String, i64>>();
    let (mut by_band, mut by_lifecycle) = (zero(&BANDS), zero(&LIFECYCLES));
    let (mut by_owner, mut by_segment) = (BTreeMap::new(), BTreeMap::new());
    let (mut total, mut provisional) = (0, 0);
    let mut rows = statement.query([tenant])?;
    while let Some(row) = rows.next()? {
        let (band, lifecycle): (String, String) = (row.get(0)?, row.get(1)?);
        let (count, of_them_provisional): (i64, i64) = (row.get(4)?, row.get(5)?);
        let owner: (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let of_owner = by_owner.entry(owner).or_insert_with(|| zero(&BANDS));
        *of_owner.entry(band.clone()).or_default() += count;
        let of_segment = by_segment.entry(row.get::<_, Option<String>>(6)?).or_insert_with(|| zero(&BANDS));
        *of_segment.entry(band.clone()).or_default() += count;
        *by_band.entry(band).or_default() += count;
        *by_lifecycle.entry(lifecycle).or_default() += count;
        total += count;
        provisional += of_them_provisional;
    }
    let by_owner = by_owner.into_iter().take(GROUPS_MAX).map(|((name, email), by_band)| OwnerCount {
        owner: Owner { name, email },
        customers: by_band.values().sum(),
        by_band,
    });
    let by_segment = by_segment.into_iter().take(GROUPS_MAX);
    let by_segment = by_segment.map(|(segment, by_band)| SegmentCount { segment, customers: by_band.values().sum(), by_band }).collect();
    Ok(Customers { total, provisional, by_band, by_lifecycle, by_owner: by_owner.collect(), by_segment })
}
