//! Profiles into customers: the newest view of each, its columns for sorting and filtering, and the text to search in.
use super::batch::Raw;
use super::{RowError, movements};
use crate::live::Changes;
use crate::time;
use c360_schemas::{Key, Profile, Wire};
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the portfolio needs of a view; reading it also shows that the view is JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts<'a> {
    surveys: Surveys,
    #[serde(borrow)]
    billing: Billing<'a>,
    plan: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Billing<'a> {
    #[serde(borrow)]
    movements: Option<&'a RawValue>,
    cancels_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Surveys {
    nps: Nps,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nps {
    promoters: Option<i64>,
    passives: Option<i64>,
    detractors: Option<i64>,
}

pub(super) fn write(connection: &Connection, raw: &Raw, changes: &mut Changes) -> Result<(), RowError> {
    let key = Key::parse(&raw.key).ok_or(RowError::Key)?;
    let known = known(connection, key)?;
    if raw.value.is_empty() {
        if let Some(known) = known {
            remove(connection, known.id)?;
        }
    } else {
        let profile = Profile::decode(&raw.value)?;
        if (profile.tenant.as_str(), profile.account_id.as_str()) != (key.tenant, key.id) {
            return Err(RowError::Key);
        }
        put(connection, raw.partition, &profile, known)?;
    }
    changes.customer(key.tenant, key.id);
    Ok(())
}

/// What is there of a customer.
struct Known {
    id: i64,
    /// Its searched text.
    search: String,
    movements_hash: i64,
}

fn known(connection: &Connection, key: Key<'_>) -> rusqlite::Result<Option<Known>> {
    let mut statement =
        connection.prepare_cached("SELECT id, search, movements_hash FROM customers WHERE tenant = ?1 AND account_id = ?2")?;
    let known = |row: &rusqlite::Row<'_>| Ok(Known { id: row.get(0)?, search: row.get(1)?, movements_hash: row.get(2)? });
    statement.query_row((key.tenant, key.id), known).optional()
}

fn remove(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM customers WHERE id = ?1",
        "DELETE FROM views WHERE id = ?1",
        "DELETE FROM movements WHERE customer = ?1",
        "DELETE FROM customer_search WHERE rowid = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    Ok(())
}

fn put(connection: &Connection, partition: u32, profile: &Profile, known: Option<Known>) -> Result<(), RowError> {
    let Facts { surveys: Surveys { nps }, billing, plan } = serde_json::from_str(&profile.view)?;
    let movements = billing.movements.map(RawValue::get).unwrap_or("[]");
    let movements_hash = movements::hash(movements);
    let cancels_at = billing.cancels_at.as_deref().and_then(time::parse);
    let search = searched(profile);
    let mut statement = connection.prepare_cached(
        "INSERT INTO customers(tenant, account_id, partition, name, name_key, provisional, owner_name, owner_email, lifecycle, score, band, mrr, currency,
           last_seen_at, renews_at, as_of, promoters, passives, detractors, search, plan, movements_hash, cancels_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)
         ON CONFLICT(tenant, account_id) DO UPDATE SET partition = ?3, name = ?4, name_key = ?5, provisional = ?6, owner_name = ?7, owner_email = ?8,
           lifecycle = ?9, score = ?10, band = ?11, mrr = ?12, currency = ?13, last_seen_at = ?14, renews_at = ?15, as_of = ?16,
           promoters = ?17, passives = ?18, detractors = ?19, search = ?20, plan = ?21, movements_hash = ?22, cancels_at = ?23
         RETURNING id",
    )?;
    let id: i64 = statement.query_row(
        rusqlite::params![
            profile.tenant,
            profile.account_id,
            partition,
            profile.name,
            profile.name.as_deref().unwrap_or(&profile.account_id).to_lowercase(),
            profile.provisional,
            profile.owner_name,
            profile.owner_email,
            profile.lifecycle,
            profile.score,
            profile.band,
            profile.mrr,
            profile.currency,
            profile.last_seen_at,
            profile.renews_at,
            profile.as_of,
            nps.promoters,
            nps.passives,
            nps.detractors,
            search,
            plan,
            movements_hash,
            cancels_at,
        ],
        |row| row.get(0),
    )?;
    connection
        .prepare_cached("INSERT INTO views VALUES (?1, ?2) ON CONFLICT(id) DO UPDATE SET view = excluded.view")?
        .execute((id, &profile.view))?;
    // Views come often and movements change seldom.
    if known.as_ref().map_or(movements::hash("[]"), |known| known.movements_hash) != movements_hash {
        movements::replace(connection, id, movements)?;
    }
    // Names change seldom and views often: the index is left alone where its text stays.
    let indexed = known.is_some();
    if known.is_some_and(|known| known.search == search) {
        return Ok(());
    }
    if indexed {
        connection.prepare_cached("DELETE FROM customer_search WHERE rowid = ?1")?.execute([id])?;
    }
    connection.prepare_cached("INSERT INTO customer_search(rowid, text) VALUES (?1, ?2)")?.execute((id, &search))?;
    Ok(())
}

/// Name, account id and owner, in lower case.
fn searched(profile: &Profile) -> String {
    let parts = [profile.name.as_deref(), Some(&profile.account_id), profile.owner_name.as_deref(), profile.owner_email.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
}
