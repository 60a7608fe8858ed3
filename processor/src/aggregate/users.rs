//! The people of an account. An anonymous id counts as a user until an event ties it to a user id; from then on what it does, and did, counts to that user. The first tie holds.
use super::{Work, contacts};
use crate::hash;
use crate::keys::{self, Tag};
use crate::rows::{Hot, UserRow};
use c360_engine::StateError;
use c360_schemas::{Event, UserTraits};

const USER: &[u8] = b"u";
const ANONYMOUS: &[u8] = b"a";

fn row<'w>(work: &'w mut Work<'_>, space: &[u8], id: &str) -> Result<&'w mut UserRow, StateError> {
    keys::write_part(work.scratch, Tag::User, work.key_bytes, space);
    work.scratch.extend_from_slice(id.as_bytes());
    work.users.change(work.scratch, work.state)
}

/// Somebody used the product.
pub(crate) fn active(work: &mut Work<'_>, hot: &mut Hot, at: i64, event: &Event<'_>) -> Result<(), StateError> {
    match (event.user_id, event.anonymous_id) {
        (Some(user), anonymous) => {
            if let Some(anonymous) = anonymous {
                tie(work, hot, user, anonymous)?;
            }
            let found = row(work, USER, user)?;
            see(found, hot, at);
            contacts::seen(hot, user, found.seen_at);
        }
        (None, Some(anonymous)) => {
            let found = row(work, ANONYMOUS, anonymous)?;
            match found.known_as.clone() {
                Some(user) => {
                    let found = row(work, USER, &user)?;
                    see(found, hot, at);
                    contacts::seen(hot, &user, found.seen_at);
                }
                None => see(found, hot, at),
            }
        }
        (None, None) => {}
    }
    Ok(())
}

fn see(row: &mut UserRow, hot: &mut Hot, at: i64) {
    row.seen_at = row.seen_at.max(Some(at));
    row.active(hot.calendar.day_of(at), &mut hot.usage);
}

/// An identify call: what is told of a user, and whose an anonymous id is. It is no usage.
pub(crate) fn traits(work: &mut Work<'_>, hot: &mut Hot, at: i64, event: &Event<'_>, traits: &UserTraits<'_>) -> Result<(), StateError> {
    let Some(user) = event.user_id else { return Ok(()) };
    // A machine has no past as a person.
    if let Some(anonymous) = event.anonymous_id.filter(|_| !work.config.usage.is_automation(user)) {
        tie(work, hot, user, anonymous)?;
    }
    let row = row(work, USER, user)?;
    row.name.tell(at, traits.name);
    row.email.tell(at, traits.email);
    row.role.tell(at, traits.role);
    let seen_at = row.seen_at;
    contacts::told(hot, user, at, (traits.name, traits.email, traits.role), work.config.contacts_max);
    contacts::seen(hot, user, seen_at);
    Ok(())
}

/// Gives an anonymous id's past to a user, unless it has a user.
fn tie(work: &mut Work<'_>, hot: &mut Hot, user: &str, anonymous: &str) -> Result<(), StateError> {
    let mark = Some(hash::short(anonymous.as_bytes()));
    let known = row(work, USER, user)?;
    if known.tied == mark {
        return Ok(());
    }
    known.tied = mark;
    let found = row(work, ANONYMOUS, anonymous)?;
    if found.known_as.is_some() {
        return Ok(());
    }
    let past = std::mem::take(found);
    found.known_as = Some(user.into());
    past.withdraw(&mut hot.usage);
    let known = row(work, USER, user)?;
    known.merge(&past, &mut hot.usage);
    contacts::seen(hot, user, known.seen_at);
    Ok(())
}

/// Takes a user's row in that comes with a move, by its id behind the account.
pub(crate) fn take(work: &mut Work<'_>, hot: &mut Hot, id: &[u8], moved: &UserRow) -> Result<(), StateError> {
    keys::write_part(work.scratch, Tag::User, work.key_bytes, id);
    let found = work.users.change(work.scratch, work.state)?;
    let (was, is) = (found.known_as.clone(), moved.known_as.clone());
    match (was, is) {
        // Its past belongs to its user here.
        (Some(user), None) => row(work, USER, &user)?.merge(moved, &mut hot.usage),
        (None, Some(user)) => {
            let past = std::mem::take(found);
            found.known_as = Some(user.clone());
            past.withdraw(&mut hot.usage);
            row(work, USER, &user)?.merge(&past, &mut hot.usage);
        }
        _ => found.merge(moved, &mut hot.usage),
    }
    Ok(())
}
