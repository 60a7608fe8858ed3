//! Deliveries: what was planned, and how each attempt went.
use super::RowError;
use super::batch::Raw;
use crate::live::Changes;
use crate::time::rfc3339;
use c360_schemas::{Delivery, DeliveryOutcome, Key, Wire};
use rusqlite::Connection;
use serde::Serialize;

/// A delivery as the API shows it.
#[derive(Serialize)]
struct Body<'a> {
    alert_id: &'a str,
    revision: i32,
    destination: &'a str,
    kind: &'a str,
    outcome: DeliveryOutcome,
    at: String,
    attempt: i32,
    status_code: Option<i32>,
    error: Option<&'a str>,
    next_attempt_at: Option<String>,
}

pub(super) fn write(connection: &Connection, raw: &Raw, changes: &mut Changes) -> Result<(), RowError> {
    let key = Key::parse(&raw.key).ok_or(RowError::Key)?;
    let delivery = Delivery::decode(&raw.value)?;
    if delivery.tenant != key.tenant {
        return Err(RowError::Key);
    }
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO deliveries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    statement.execute((
        &delivery.tenant,
        &delivery.alert_id,
        delivery.revision,
        &delivery.destination,
        delivery.attempt,
        delivery.outcome.as_str(),
        &delivery.account_id,
        delivery.at,
        serde_json::to_string(&body(&delivery))?,
    ))?;
    changes.customer(&delivery.tenant, &delivery.account_id);
    changes.alert(&delivery.tenant, &delivery.alert_id);
    Ok(())
}

fn body(delivery: &Delivery) -> Body<'_> {
    Body {
        alert_id: &delivery.alert_id,
        revision: delivery.revision,
        destination: &delivery.destination,
        kind: &delivery.kind,
        outcome: delivery.outcome,
        at: rfc3339(delivery.at),
        attempt: delivery.attempt,
        status_code: delivery.status_code,
        error: delivery.error.as_deref(),
        next_attempt_at: delivery.next_attempt_at.map(rfc3339),
    }
}
