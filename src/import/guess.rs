//! What a file is about, by its columns.
use super::columns::{Columns, rank};
use anyhow::bail;
use c360_ingest::rows::RowKind;

/// Columns that files of every kind have say little.
const COMMON: [&str; 13] =
    ["id", "name", "status", "created_at", "updated_at", "created", "title", "email", "user_id", "account_id", "plan", "currency", "date"];

/// The kind that most of the columns speak for.
///
/// # Errors
/// Where none fits, or two fit as well.
pub(crate) fn kind_of(names: &[String], told: &[(String, String)], set: &[(String, String)]) -> anyhow::Result<RowKind> {
    let mut fitting: Vec<(usize, RowKind)> =
        RowKind::ALL.into_iter().filter_map(|kind| Some((weight(kind, names, told, set)?, kind))).collect();
    fitting.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    match fitting.as_slice() {
        [] => bail!("its columns ({}) fit none of {}: say --kind, and --map COLUMN=FIELD", names.join(", "), all()),
        [(best, kind), (next, other), ..] if best == next => {
            bail!("it may be {} or {}: say --kind", kind.as_str(), other.as_str())
        }
        [(_, kind), ..] => Ok(*kind),
    }
}

fn all() -> String {
    RowKind::ALL.map(RowKind::as_str).join(", ")
}

/// How much speaks for a kind; `None` where it lacks a field that is needed.
fn weight(kind: RowKind, names: &[String], told: &[(String, String)], set: &[(String, String)]) -> Option<usize> {
    let told: Vec<_> = told.iter().filter(|(_, field)| field.is_empty() || kind.field(field).is_some()).cloned().collect();
    let columns = Columns::find(kind, names, &told).ok()?;
    let there = |field: &&str| columns.has(field) || set.iter().any(|(name, _)| name == *field);
    if !kind.needs().iter().all(|group| group.iter().any(&there)) {
        return None;
    }
    let says = |column: &str| {
        let common = COMMON.contains(&column.to_lowercase().replace([' ', '-'], "_").as_str());
        // A field's own name says more than what others call it.
        let own = rank(kind, column).is_some_and(|(rank, _)| rank == 0);
        match (common, own) {
            (true, _) => 1,
            (false, true) => 4,
            (false, false) => 3,
        }
    };
    Some(columns.mapped.iter().filter(|(_, field)| !field.is_empty()).map(|(column, _)| says(column)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_seen_from_the_columns() {
        for (names, expected) in [
            ("event,timestamp,user_id,account_id", Some(RowKind::Usage)),
            ("messageId,event,userId,context.groupId,timestamp,properties", Some(RowKind::Usage)),
            ("Account ID,Account Name,Account Owner,Contract End Date,Seats", Some(RowKind::Accounts)),
            ("id,name,owner_email,delivered_at", Some(RowKind::Accounts)),
            ("contact_id,email,first_name,last_name,role,account_id", Some(RowKind::Users)),
            ("id,account_id,status,currency,mrr,current_period_end", Some(RowKind::Subscriptions)),
            ("ticket_id,account_id,status,priority,subject,created_at,solved_at", Some(RowKind::Tickets)),
            ("email,score,comment,responded_at", Some(RowKind::Answers)),
            ("account_id,item,item_id,title,measure,target", Some(RowKind::Plans)),
            ("a,b,c", None),
        ] {
            let names: Vec<String> = names.split(',').map(str::to_owned).collect();
            assert_eq!(kind_of(&names, &[], &[]).ok(), expected, "{names:?}");
        }
    }
}
