//! Which column is which field: by what the user says, by the field's name, or by what other tools call it; and what a column may have been meant for that is none.
use anyhow::bail;
use c360_ingest::rows::{Field, RowKind};
use std::collections::{HashMap, HashSet};

/// Names that are this alike are offered.
const ALIKE_MIN: f64 = 0.85;
/// What a column is that is no field.
const OTHERS: &str = "message_id";

/// The columns of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Fields by the names of their columns; an empty one leaves the column out.
    fields: HashMap<String, &'static str>,
    /// Columns that are fields, in the file's order.
    pub(crate) mapped: Vec<(String, &'static str)>,
    /// Columns that are kept as they are, with what they may have been meant for.
    pub(crate) others: Vec<(String, Option<&'static str>)>,
}

impl Columns {
    /// Finds the fields of `names`; `told` is what the user says, and comes first.
    ///
    /// # Errors
    /// Where the user names a column or a field that there is not.
    pub(crate) fn find(kind: RowKind, names: &[String], told: &[(String, String)]) -> anyhow::Result<Self> {
        let mut fields: HashMap<String, &'static str> = HashMap::new();
        for (column, field) in told {
            let Some(name) = names.iter().find(|name| plain(name) == plain(column)) else {
                bail!("--map {column}={field}: there is no column {column:?}; there are {}", names.join(", "));
            };
            fields.insert(name.clone(), told_field(kind, column, field)?);
        }
        let mut taken: HashSet<&'static str> = fields.values().copied().collect();
        // The best name of a field wins it, whatever the order of the columns.
        let mut candidates: Vec<(usize, usize, &'static str)> = Vec::new();
        for (place, name) in names.iter().enumerate().filter(|(_, name)| !fields.contains_key(*name)) {
            candidates.extend(rank(kind, name).map(|(rank, field)| (rank, place, field)));
        }
        candidates.sort_unstable();
        for (_, place, field) in candidates {
            if !fields.contains_key(&names[place]) && taken.insert(field) {
                fields.insert(names[place].clone(), field);
            }
        }
        let mapped = names.iter().filter_map(|name| Some((name.clone(), *fields.get(name)?))).collect();
        let others =
            names.iter().filter(|name| !fields.contains_key(*name)).map(|name| (name.clone(), meant(kind, name, &taken))).collect();
        Ok(Self { fields, mapped, others })
    }

    /// The field of a column; `None` where it is none, and empty where it is left out.
    pub(crate) fn field(&self, column: &str) -> Option<&'static str> {
        self.fields.get(column).copied()
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.mapped.iter().any(|(_, mapped)| *mapped == field)
    }
}

fn told_field(kind: RowKind, column: &str, field: &str) -> anyhow::Result<&'static str> {
    if field.is_empty() {
        return Ok("");
    }
    if field == OTHERS {
        return Ok(OTHERS);
    }
    match kind.fields().iter().find(|known| plain(known.name) == plain(field)) {
        Some(known) => Ok(known.name),
        None => {
            let near = nearest(field, kind.fields().iter().map(|field| (field.name, field.name)));
            let hint = near.map_or_else(|| format!("there are {}", names(kind)), |name| format!("did you mean {name}?"));
            bail!("--map {column}={field}: {} have no field {field:?}; {hint}", kind.as_str())
        }
    }
}

/// All fields of a kind, for messages.
pub(crate) fn names(kind: RowKind) -> String {
    kind.fields().iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// How good a name is for which field: 0 is the field's own.
pub(crate) fn rank(kind: RowKind, column: &str) -> Option<(usize, &'static str)> {
    let column = plain(column);
    let of = |field: &'static Field| {
        let mut all = std::iter::once(&field.name).chain(field.synonyms);
        all.position(|name| plain(name) == column).map(|rank| (rank, field.name))
    };
    kind.fields().iter().filter_map(of).min()
}

/// The field that a column may have been meant for.
fn meant(kind: RowKind, column: &str, taken: &HashSet<&'static str>) -> Option<&'static str> {
    let free = kind.fields().iter().filter(|field| !taken.contains(field.name));
    nearest(column, free.flat_map(|field| std::iter::once(&field.name).chain(field.synonyms).map(|name| (*name, field.name))))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = (&'a str, &'static str)>) -> Option<&'static str> {
    let name = plain(name);
    let alike = known.map(|(known, field)| (strsim::normalized_damerau_levenshtein(&name, &plain(known)), field));
    alike
        .filter(|(alike, _)| *alike >= ALIKE_MIN.min(1.0 - 1.0 / name.len().max(4) as f64))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, field)| field)
}

/// A name without case, spaces and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(kind: RowKind, names: &[&str], told: &[(&str, &str)]) -> anyhow::Result<Columns> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let told: Vec<_> = told.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Columns::find(kind, &names, &told)
    }

    fn mapped(columns: &Columns) -> Vec<(&str, &str)> {
        columns.mapped.iter().map(|(column, field)| (column.as_str(), *field)).collect()
    }

    #[test]
    fn columns_are_known_by_their_names_and_by_what_crms_call_them() {
        let columns =
            find(RowKind::Accounts, &["Account ID", "Account Name", "OWNER EMAIL", "Renewal Date", "go_live", "Industry"], &[]).unwrap();
        assert_eq!(
            mapped(&columns),
            [
                ("Account ID", "account_id"),
                ("Account Name", "name"),
                ("OWNER EMAIL", "owner_email"),
                ("Renewal Date", "contract_end"),
                ("go_live", "delivered_at")
            ]
        );
        assert_eq!(columns.others, [("Industry".to_owned(), None)]);
    }

    #[test]
    fn the_best_name_of_a_field_wins_it_whatever_the_order() {
        for names in [["id", "account_id"], ["account_id", "id"]] {
            let columns = find(RowKind::Accounts, &names, &[]).unwrap();
            assert_eq!((columns.field("account_id"), columns.field("id")), (Some("account_id"), None), "{names:?}");
        }
        let people = find(RowKind::Users, &["id", "company_id", "email"], &[]).unwrap();
        assert_eq!(mapped(&people), [("id", "user_id"), ("company_id", "account_id"), ("email", "email")]);
    }

    #[test]
    fn a_name_that_is_close_is_offered_and_never_taken() {
        let columns = find(RowKind::Accounts, &["account_id", "Delivred At", "sets", "Colour"], &[]).unwrap();
        assert_eq!(columns.others, [("Delivred At".into(), Some("delivered_at")), ("sets".into(), Some("seats")), ("Colour".into(), None)]);
    }

    #[test]
    fn what_the_user_says_comes_first_and_must_make_sense() {
        let columns = find(RowKind::Tickets, &["Case No", "id", "Status", "junk"], &[("case no", "ticket_id"), ("junk", "")]).unwrap();
        assert_eq!(columns.field("Case No"), Some("ticket_id"));
        assert_eq!((columns.field("id"), columns.field("junk")), (None, Some("")));
        let wrong = find(RowKind::Tickets, &["a"], &[("b", "ticket_id")]).unwrap_err().to_string();
        assert!(wrong.contains("no column \"b\""), "{wrong}");
        let wrong = find(RowKind::Tickets, &["a"], &[("a", "ticketid_")]).map(|columns| columns.field("a"));
        assert_eq!(wrong.unwrap(), Some("ticket_id"));
        let wrong = find(RowKind::Tickets, &["a"], &[("a", "tickt_id")]).unwrap_err().to_string();
        assert!(wrong.contains("did you mean ticket_id?"), "{wrong}");
    }
}
