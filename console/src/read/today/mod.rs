//! Who needs somebody today: customers with an open alert or in the red, in the order of what can be saved.
//!
//! priority = P(loss) x value x P(it helps). P(loss): see [`loss`]. Value: MRR in means of the tenant's paying customers of that currency, so that currencies need no rates; a customer whose MRR is not known counts as one
//! mean. P(it helps): of the next action of which most is known to have helped, (worked + 1) / (worked + failed + 2) over what was told of it; one half while nothing was.
mod loss;

pub(crate) use loss::{Chances, HORIZON_DAYS, Lookback};

use crate::db::ReadError;
use crate::read::alerts;
use c360_schemas::Alert;
use rusqlite::{Connection, Row};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Alerts of one customer that are told of.
const ALERTS_MAX: usize = 5;
/// Good news, at most.
const GOOD_MAX: i64 = 20;
/// Types that are good news.
const GOOD: [&str; 2] = ["expansion.ready", "advocate.found"];

/// A customer that needs somebody.
pub(crate) struct Needy {
    pub(crate) account_id: String,
    pub(crate) name: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) score: Option<i64>,
    pub(crate) band: String,
    pub(crate) mrr: Option<(i64, String)>,
    /// A cancellation is scheduled.
    pub(crate) is_leaving: bool,
    pub(crate) p_loss: f64,
    pub(crate) p_helps: f64,
    pub(crate) priority: f64,
    /// Open ones that are not snoozed, the newest first.
    pub(crate) alerts: Vec<Alert>,
    /// `playbook` and `why`, of the view.
    pub(crate) actions: Vec<Value>,
}

pub(crate) struct Today {
    pub(crate) chances: Arc<Chances>,
    pub(crate) needy: Vec<Needy>,
    /// How many there are in all.
    pub(crate) total: usize,
    /// Open alerts of good news, the greatest MRR first.
    pub(crate) good: Vec<Alert>,
}

/// Who needs `owner` today (whole name or e-mail; everybody's where there is none), at most `limit` of them.
pub(crate) fn get(
    connection: &Connection,
    lookback: &Lookback,
    tenant: &str,
    owner: Option<&str>,
    now: i64,
    limit: usize,
) -> Result<Today, ReadError> {
    let chances = lookback.chances(connection, tenant, now)?;
    let means = means(connection, tenant)?;
    let helped = helped(connection, tenant)?;
    let mut found = candidates(connection, tenant, owner, now)?;
    for one in &mut found {
        // Who is going to leave has said so, whatever the band says.
        one.p_loss = if one.is_leaving { loss::LEAVING.max(chances.chance(&one.band)) } else { chances.chance(&one.band) };
        one.priority = one.p_loss * value(one, &means);
    }
    // At most this much can be known to help: the view of whoever stands too far behind need not be read.
    let best = helped.values().map(|helped| helped.chance()).fold(UNTRIED.chance(), f64::max);
    found.sort_by(|a, b| b.priority.total_cmp(&a.priority).then_with(|| a.account_id.cmp(&b.account_id)));
    let total = found.len();
    let mut needy: Vec<Needy> = Vec::new();
    for mut one in found {
        if needy.len() >= limit && needy.last().is_some_and(|last| one.priority * best < last.priority) {
            break;
        }
        let alerts = alerts::open_of(connection, tenant, &one.account_id, ALERTS_MAX * 4)?;
        let is_awake = |alert: &Alert| alert.snoozed_until.is_none_or(|until| until <= now);
        one.alerts = alerts.into_iter().filter(|alert| !is_good(alert) && is_awake(alert)).take(ALERTS_MAX).collect();
        what_helps(connection, tenant, &mut one, &helped)?;
        let place = needy.partition_point(|known| known.priority >= one.priority);
        needy.insert(place, one);
        needy.truncate(limit);
    }
    Ok(Today { chances, needy, total, good: good(connection, tenant, owner, now)? })
}

/// What the view says that there is to do, and how much of it is known to help.
fn what_helps(connection: &Connection, tenant: &str, one: &mut Needy, helped: &BTreeMap<String, Helped>) -> Result<(), ReadError> {
    let sql = "SELECT v.view FROM customers c JOIN views v ON v.id = c.id WHERE c.tenant = ?1 AND c.account_id = ?2";
    let view: String = connection.prepare_cached(sql)?.query_row((tenant, &one.account_id), |row| row.get(0))?;
    let view: Value = serde_json::from_str(&view)?;
    one.actions = view.get("next_actions").and_then(Value::as_array).cloned().unwrap_or_default();
    let chance = |action: &Value| helped.get(action["playbook"].as_str().unwrap_or_default()).unwrap_or(&UNTRIED).chance();
    one.p_helps = one.actions.iter().map(chance).fold(0.0, f64::max);
    // Nothing to do by the playbooks: somebody may still think of something.
    if one.actions.is_empty() {
        one.p_helps = UNTRIED.chance();
    }
    one.priority *= one.p_helps;
    Ok(())
}

fn is_good(alert: &Alert) -> bool {
    GOOD.contains(&alert.alert_type.as_str())
}

fn value(needy: &Needy, means: &BTreeMap<String, f64>) -> f64 {
    let Some((mrr, currency)) = &needy.mrr else { return 1.0 };
    means.get(currency).filter(|mean| **mean > 0.0).map_or(1.0, |mean| *mrr as f64 / mean)
}

/// The mean MRR of those that pay, by currency.
fn means(connection: &Connection, tenant: &str) -> Result<BTreeMap<String, f64>, ReadError> {
    let sql = "SELECT currency, avg(mrr) FROM customers WHERE tenant = ?1 AND mrr > 0 AND currency IS NOT NULL GROUP BY currency";
    Ok(connection.prepare_cached(sql)?.query_map([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// What was told of a playbook.
#[derive(Clone, Copy, Debug, Default)]
struct Helped {
    worked: i64,
    failed: i64,
}

const UNTRIED: Helped = Helped { worked: 0, failed: 0 };

impl Helped {
    fn chance(self) -> f64 {
        (self.worked + 1) as f64 / (self.worked + self.failed + 2) as f64
    }
}

fn helped(connection: &Connection, tenant: &str) -> Result<BTreeMap<String, Helped>, ReadError> {
    let sql = "SELECT playbook, sum(outcome = 'worked'), sum(outcome = 'failed') FROM actions WHERE tenant = ?1 GROUP BY playbook";
    let of = |row: &Row<'_>| Ok((row.get(0)?, Helped { worked: row.get(1)?, failed: row.get(2)? }));
    Ok(connection.prepare_cached(sql)?.query_map([tenant], of)?.collect::<Result<_, _>>()?)
}

const OWNED: &str = "(?2 IS NULL OR c.owner_email = ?2 COLLATE NOCASE OR c.owner_name = ?2 COLLATE NOCASE)";

/// Customers with an open alert that is no good news and not snoozed, or in the red; but not where somebody said "later" of all that there is.
fn candidates(connection: &Connection, tenant: &str, owner: Option<&str>, now: i64) -> Result<Vec<Needy>, ReadError> {
    let open = "tenant = ?1 AND status IN ('open', 'updated')";
    let sql = format!(
        "SELECT c.account_id, c.name, coalesce(c.owner_name, c.owner_email), c.score, c.band, c.mrr, c.currency, c.cancels_at IS NOT NULL FROM customers c
         WHERE c.tenant = ?1 AND {OWNED} AND c.lifecycle <> 'churned'
           AND (c.account_id IN (SELECT account_id FROM alerts WHERE {open} AND alert_type NOT IN (?4, ?5) AND snoozed_until <= ?3)
             OR c.band = 'red' AND c.account_id NOT IN (SELECT account_id FROM alerts WHERE {open} AND snoozed_until > ?3))"
    );
    let of = |row: &Row<'_>| {
        let money: (Option<i64>, Option<String>) = (row.get(5)?, row.get(6)?);
        Ok(Needy {
            account_id: row.get(0)?,
            name: row.get(1)?,
            owner: row.get(2)?,
            score: row.get(3)?,
            band: row.get(4)?,
            mrr: money.0.zip(money.1),
            is_leaving: row.get(7)?,
            p_loss: 0.0,
            p_helps: 0.0,
            priority: 0.0,
            alerts: Vec::new(),
            actions: Vec::new(),
        })
    };
    Ok(connection.prepare_cached(&sql)?.query_map((tenant, owner, now, GOOD[0], GOOD[1]), of)?.collect::<Result<_, _>>()?)
}

/// What there is to make of those who are well.
fn good(connection: &Connection, tenant: &str, owner: Option<&str>, now: i64) -> Result<Vec<Alert>, ReadError> {
    let sql = format!(
        "SELECT b.body FROM
           (SELECT a.alert_id AS id, coalesce(c.mrr, 0) AS mrr FROM alerts a INDEXED BY alerts_status
            JOIN customers c ON c.tenant = a.tenant AND c.account_id = a.account_id
            WHERE a.tenant = ?1 AND {OWNED} AND a.status IN ('open', 'updated') AND a.alert_type IN (?3, ?4) AND a.snoozed_until <= ?5
            ORDER BY mrr DESC, id LIMIT ?6) o
         JOIN alerts b ON b.tenant = ?1 AND b.alert_id = o.id ORDER BY o.mrr DESC, o.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((tenant, owner, GOOD[0], GOOD[1], now, GOOD_MAX))?;
    let mut good = Vec::new();
    while let Some(row) = rows.next()? {
        good.push(serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(good)
}
