//! The people of whom something was told: who they are, what their role is, when they were last seen.
use crate::rows::{Contact, Hot};

/// Somebody was seen.
pub(crate) fn seen(hot: &mut Hot, id: &str, at: Option<i64>) {
    // Accounts have few contacts, and usage comes often: most look into an empty list.
    if let Ok(index) = hot.contacts.binary_search_by(|contact| contact.id.as_str().cmp(id)) {
        let contact = &mut hot.contacts[index];
        contact.seen_at = contact.seen_at.max(at);
    }
}

/// Name, e-mail and role, as they were told of a person at `at`; `None` says nothing.
pub(crate) fn told(hot: &mut Hot, id: &str, at: i64, (name, email, role): (Option<&str>, Option<&str>, Option<&str>), contacts_max: usize) {
    if name.is_none() && email.is_none() && role.is_none() {
        return;
    }
    let mut contact = Contact { id: id.into(), ..Contact::default() };
    contact.name.tell(at, name);
    contact.email.tell(at, email);
    if let Some(role) = role {
        contact.tell_role(at, role);
    }
    add(hot, &contact, contacts_max);
}

/// Takes a person in. Where there are too many, those make room on whom the least hangs: no role of weight, then not seen for the longest time.
pub(crate) fn add(hot: &mut Hot, contact: &Contact, contacts_max: usize) {
    let list = &mut hot.contacts;
    match list.binary_search_by(|known| known.id.cmp(&contact.id)) {
        Ok(index) => list[index].merge(contact),
        Err(index) => list.insert(index, contact.clone()),
    }
    if list.len() > contacts_max {
        let least = list.iter().enumerate().min_by_key(|(_, c)| (c.key_since.is_some(), c.seen_at, &c.id)).map(|(index, _)| index);
        list.remove(least.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_person_does_not_depend_on_the_order() {
        let said: [(i64, Option<&str>, Option<&str>); 4] =
            [(1, Some("Ann"), Some("Champion")), (2, None, Some("left")), (3, Some("Ann B"), None), (4, None, Some("user"))];
        let of = |order: &[usize]| {
            let mut hot = Hot::default();
            for index in order {
                let (at, name, role) = said[*index];
                told(&mut hot, "ann", at, (name, None, role), 10);
            }
            hot.contacts.remove(0)
        };
        let whole = of(&[0, 1, 2, 3]);
        for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
            assert_eq!(of(&order), whole, "{order:?}");
        }
        assert_eq!((whole.name.get().unwrap().as_str(), whole.gone_at(), whole.key(), whole.key_since), ("Ann B", None, false, Some(1)));
        let left = of(&[0, 1]);
        assert_eq!((left.gone_at(), left.key(), left.role.get().unwrap().as_str()), (Some(2), false, "Champion"));
    }

    #[test]
    fn whoever_matters_least_makes_room() {
        let mut hot = Hot::default();
        told(&mut hot, "boss", 1, (None, None, Some("decision maker")), 2);
        told(&mut hot, "ann", 1, (Some("Ann"), None, None), 2);
        seen(&mut hot, "ann", Some(9));
        told(&mut hot, "bob", 2, (Some("Bob"), None, None), 2);
        assert_eq!(hot.contacts.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["ann", "boss"]);
    }
}
