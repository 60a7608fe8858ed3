//! Customers: sorted, filtered, searched, by page; and one of them.
//!
//! Pages go by key and not by number: the order is (unknown last, value, account id), and a page starts after the last item of the one before. So what does not move is met exactly once, whatever
//! comes and goes between the pages.
use super::Page;
use crate::db::ReadError;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::{Deserialize, Serialize};

/// Characters that the search index needs at least.
const TRIGRAM: usize = 3;
/// Owners offered to filter by.
const OWNERS_MAX: usize = 200;

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Score,
    Mrr,
    LastSeenAt,
    RenewsAt,
}

impl Column {
    pub(crate) const ALL: [Self; 5] = [Self::Name, Self::Score, Self::Mrr, Self::LastSeenAt, Self::RenewsAt];

    /// Its name in the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Score => "score",
            Self::Mrr => "mrr",
            Self::LastSeenAt => "last_seen_at",
            Self::RenewsAt => "renews_at",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Name => "c.name_key",
            Self::Score => "c.score",
            Self::Mrr => "c.mrr",
            Self::LastSeenAt => "c.last_seen_at",
            Self::RenewsAt => "c.renews_at",
        }
    }
}

/// A column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: Column,
    pub(crate) descending: bool,
}

impl Sort {
    /// `-mrr`, `name`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        Column::ALL.into_iter().find(|column| column.as_str() == name).map(|column| Self { column, descending })
    }

    pub(crate) fn text(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.column.as_str())
    }
}

/// Which customers; `None` lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) band: Option<String>,
    pub(crate) lifecycle: Option<String>,
    /// Name or e-mail of the owner, whole.
    pub(crate) owner: Option<String>,
    /// Words that all stand in the name, the account id or the owner.
    pub(crate) q: Option<String>,
}

/// The place of an item in the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) sort: String,
    pub(crate) value: Place,
    pub(crate) account_id: String,
}

/// The sorted value of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Place {
    Unknown(()),
    Number(i64),
    Text(String),
}

/// A customer's columns, and the view where it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) account_id: String,
    pub(crate) name: Option<String>,
    name_key: String,
    pub(crate) provisional: bool,
    pub(crate) owner_name: Option<String>,
    pub(crate) owner_email: Option<String>,
    pub(crate) lifecycle: String,
    pub(crate) score: Option<i64>,
    pub(crate) band: String,
    pub(crate) mrr: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) last_seen_at: Option<i64>,
    pub(crate) renews_at: Option<i64>,
    pub(crate) view: Option<String>,
}

impl Customer {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            account_id: row.get(0)?,
            name: row.get(1)?,
            name_key: row.get(2)?,
            provisional: row.get(3)?,
            owner_name: row.get(4)?,
            owner_email: row.get(5)?,
            lifecycle: row.get(6)?,
            score: row.get(7)?,
            band: row.get(8)?,
            mrr: row.get(9)?,
            currency: row.get(10)?,
            last_seen_at: row.get(11)?,
            renews_at: row.get(12)?,
            view: row.get(13)?,
        })
    }

    fn after(&self, sort: Sort) -> After {
        let number = |value: Option<i64>| value.map_or(Place::Unknown(()), Place::Number);
        let value = match sort.column {
            Column::Name => Place::Text(self.name_key.clone()),
            Column::Score => number(self.score),
            Column::Mrr => number(self.mrr),
            Column::LastSeenAt => number(self.last_seen_at),
            Column::RenewsAt => number(self.renews_at),
        };
        After { sort: sort.text(), value, account_id: self.account_id.clone() }
    }
}

/// `WHERE` and its values, grown together.
struct Clauses {
    sql: String,
    values: Vec<Value>,
}

impl Clauses {
    fn of(tenant: &str, filter: &Filter) -> Self {
        let mut clauses = Self { sql: "c.tenant = ?".into(), values: vec![Value::Text(tenant.into())] };
        if let Some(band) = &filter.band {
            clauses.and("c.band = ?", [Value::Text(band.clone())]);
        }
        if let Some(lifecycle) = &filter.lifecycle {
            clauses.and("c.lifecycle = ?", [Value::Text(lifecycle.clone())]);
        }
        if let Some(owner) = &filter.owner {
            clauses.and(
                "(c.owner_email = ? COLLATE NOCASE OR c.owner_name = ? COLLATE NOCASE)",
                [Value::Text(owner.clone()), Value::Text(owner.clone())],
            );
        }
        if let Some(q) = &filter.q {
            clauses.search(q);
        }
        clauses
    }

    fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    /// Long words by the index; short ones, which it cannot find, by looking.
    fn search(&mut self, q: &str) {
        let q: String = q.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().to_lowercase();
        let (long, short): (Vec<_>, Vec<_>) = q.split_whitespace().partition(|word| word.chars().count() >= TRIGRAM);
        if !long.is_empty() {
            let quoted: Vec<_> = long.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
            self.and("c.id IN (SELECT rowid FROM customer_search WHERE customer_search MATCH ?)", [Value::Text(quoted.join(" "))]);
        }
        for word in short {
            self.and("instr(c.search, ?) > 0", [Value::Text(word.into())]);
        }
    }

    /// What comes after a place in the order.
    fn after(&mut self, sort: Sort, after: &After) {
        let (column, beyond) = (sort.column.sql(), if sort.descending { '<' } else { '>' });
        let id = Value::Text(after.account_id.clone());
        let value = match &after.value {
            Place::Unknown(()) => return self.and(&format!("({column} IS NULL AND c.account_id > ?)"), [id]),
            Place::Number(number) => Value::Integer(*number),
            Place::Text(text) => Value::Text(text.clone()),
        };
        let sql = format!("({column} {beyond} ? OR ({column} = ? AND c.account_id > ?) OR {column} IS NULL)");
        self.and(&sql, [value.clone(), value, id]);
    }
}

/// A page of customers, and how many the filter lets through in all.
pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    filter: &Filter,
    sort: Sort,
    after: Option<&After>,
    limit: usize,
    with_views: bool,
) -> Result<(Page<Customer, After>, i64), ReadError> {
    let mut clauses = Clauses::of(tenant, filter);
    let mut count = connection.prepare_cached(&format!("SELECT count(*) FROM customers c WHERE {}", clauses.sql))?;
    let total = count.query_row(params_from_iter(&clauses.values), |row| row.get(0))?;
    if let Some(after) = after {
        clauses.after(sort, after);
    }
    let view = if with_views { "(SELECT view FROM views v WHERE v.id = c.id)" } else { "NULL" };
    let (column, direction) = (sort.column.sql(), if sort.descending { "DESC" } else { "ASC" });
    let sql = format!(
        "SELECT {COLUMNS}, {view} FROM customers c WHERE {} ORDER BY {column} IS NULL, {column} {direction}, c.account_id LIMIT ?",
        clauses.sql
    );
    clauses.values.push(Value::Integer(limit as i64 + 1));
    let mut statement = connection.prepare_cached(&sql)?;
    let items = statement.query_map(params_from_iter(&clauses.values), Customer::from_row)?.collect::<Result<Vec<_>, _>>()?;
    Ok((Page::cut(items, limit, |last| last.after(sort)), total))
}

const COLUMNS: &str = "c.account_id, c.name, c.name_key, c.provisional, c.owner_name, c.owner_email, c.lifecycle, c.score, c.band, c.mrr, c.currency, \
                       c.last_seen_at, c.renews_at";

/// One customer with its view.
pub(crate) fn get(connection: &Connection, tenant: &str, account_id: &str) -> Result<Option<Customer>, ReadError> {
    let sql = format!("SELECT {COLUMNS}, v.view FROM customers c JOIN views v ON v.id = c.id WHERE c.tenant = ?1 AND c.account_id = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row((tenant, account_id), Customer::from_row).optional()?)
}

/// Whether there is such a customer.
pub(crate) fn exists(connection: &Connection, tenant: &str, account_id: &str) -> Result<bool, ReadError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM customers WHERE tenant = ?1 AND account_id = ?2")?;
    Ok(statement.exists((tenant, account_id))?)
}

/// Names (else e-mails) of owners, in order.
pub(crate) fn owners(connection: &Connection, tenant: &str) -> Result<Vec<String>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT coalesce(owner_name, owner_email) AS owner FROM customers WHERE tenant = ?1 AND owner IS NOT NULL ORDER BY owner COLLATE NOCASE LIMIT ?2",
    )?;
    Ok(statement.query_map((tenant, OWNERS_MAX as i64), |row| row.get(0))?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_are_read_as_they_are_written() {
        for text in ["name", "-name", "score", "-mrr", "last_seen_at", "-renews_at"] {
            assert_eq!(Sort::parse(text).unwrap().text(), text);
        }
        for text in ["", "-", "--mrr", "band", "mrr desc", "name; DROP TABLE customers"] {
            assert_eq!(Sort::parse(text), None, "{text}");
        }
    }
}
