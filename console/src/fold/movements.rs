//! Movements of MRR out of a view, into rows that the portfolio is counted from.
use crate::time;
use rusqlite::Connection;
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// As the view has it.
#[derive(Debug, Deserialize)]
struct Told {
    at: String,
    kind: String,
    currency: String,
    amount: i64,
    mrr: i64,
    #[serde(default)]
    cross_sell: i64,
    #[serde(default)]
    involuntary: bool,
}

/// Tells texts of movements apart. It is the same in each process of one build; another one at worst writes them once more.
pub(super) fn hash(movements: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    movements.hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// Puts a customer's movements in the place of those that were there. What is no list of movements is none.
pub(super) fn replace(connection: &Connection, customer: i64, movements: &str) -> rusqlite::Result<()> {
    let told: Vec<Told> = serde_json::from_str(movements).unwrap_or_else(|error| {
        tracing::warn!(customer, %error, "the movements of a view cannot be read");
        Vec::new()
    });
    connection.prepare_cached("DELETE FROM movements WHERE customer = ?1")?.execute([customer])?;
    let mut statement = connection.prepare_cached("INSERT INTO movements VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for (seq, one) in (0_i64..).zip(&told) {
        let Some(at) = time::parse(&one.at) else { continue };
        statement.execute(rusqlite::params![
            customer,
            seq,
            at,
            one.kind,
            one.currency,
            one.amount,
            one.mrr,
            one.cross_sell,
            one.involuntary
        ])?;
    }
    Ok(())
}
