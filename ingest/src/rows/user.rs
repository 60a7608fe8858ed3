//! A person of a customer, and whose person it is.
use super::customer::Customer;
use super::row::Row;
use super::scene::{RowEvent, Scene, USER};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use c360_schemas::{Kind, Payload, UserTraits};
use std::borrow::Cow;

pub(super) fn put(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let (user, email) = (row.id("user_id")?, row.id("email")?);
    let person =
        user.clone().or_else(|| email.clone()).ok_or_else(|| Bad::new(Reason::MissingId, "the row has neither user_id nor email"))?;
    let customer = Customer::of(row, Some(person.clone()))?;
    let state = scene.state_of(row, &[])?;
    let (name, first, last) = (row.name("name")?, row.name("first_name")?, row.name("last_name")?);
    let joined = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let role = row.name("role")?.map_or_else(|| row.name("title"), |role| Ok(Some(role)))?.map(role_of);
    let payload = Payload::User(UserTraits {
        name: name.as_deref().or(Some(&*joined).filter(|joined| !joined.is_empty())),
        email: email.as_deref(),
        role: role.as_deref(),
    });
    let event = RowEvent {
        message_id: id,
        kind: Kind::Identity,
        name: "user",
        at: state.at,
        account_id: customer.account_id.as_deref(),
        foreign_ids: customer.foreign_ids(),
        user_id: Some(&person),
        anonymous_id: None,
        payload,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)?;
    let Some(account_id) = customer.account_id.as_deref() else { return Ok(()) };
    for known_as in [user.as_deref(), email.as_deref()].into_iter().flatten() {
        scene.link(id, USER, known_as, account_id, state.at, outlet)?;
    }
    Ok(())
}

/// The roles that c360 knows by their names, however they are written; others are kept as they are.
fn role_of(text: Cow<'_, str>) -> Cow<'_, str> {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "champion" => Cow::Borrowed("champion"),
        "decisionmaker" | "economicbuyer" => Cow::Borrowed("decision_maker"),
        "user" | "enduser" => Cow::Borrowed("user"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_known_however_they_are_written() {
        for (text, role) in [("Champion", "champion"), ("Decision Maker", "decision_maker"), ("End user", "user"), ("CTO", "CTO")] {
            assert_eq!(role_of(text.into()), role);
        }
    }
}
