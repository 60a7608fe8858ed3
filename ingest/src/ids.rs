//! Which ids and names are taken.
use crate::bad::{Bad, Reason};
use crate::lenient::Text;
use c360_schemas::ForeignId;
use smallvec::SmallVec;

/// Kind of the foreign id of a person, whether it is a user id, an anonymous id or an e-mail.
pub(crate) const USER: &str = "user";
const EMAIL_DOMAIN: &str = "email_domain";

/// The foreign ids of an event.
pub(crate) type ForeignIds<'a> = SmallVec<[ForeignId<'a>; 2]>;

/// Whether `text` can name a tenant or a source: it stands in keys and paths.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Refuses an id that is too long or has control characters, NUL among them.
pub(crate) fn check_id(what: &str, id: &str, chars_max: usize) -> Result<(), Bad> {
    if is_longer(id, chars_max) {
        return Err(Bad::new(Reason::BadId, format!("{what} is longer than {chars_max} characters")));
    }
    if has_control(id) {
        return Err(Bad::new(Reason::BadId, format!("{what} has control characters")));
    }
    Ok(())
}

/// As [`check_id`], and it may not look like a provisional customer's id.
pub(crate) fn check_account_id(id: &str, chars_max: usize) -> Result<(), Bad> {
    if id.starts_with('~') {
        return Err(Bad::new(Reason::BadId, "the account id starts with ~, which stands for customers that nobody named yet".to_owned()));
    }
    check_id("the account id", id, chars_max)
}

/// An id as it stands in JSON; `None` where there is none.
pub(crate) fn id<'a>(what: &str, text: &'a Text<'_>, chars_max: usize) -> Result<Option<&'a str>, Bad> {
    if text.is_wrong() {
        return Err(Bad::new(Reason::BadId, format!("{what} must be a string or a number")));
    }
    let Some(id) = text.get() else { return Ok(None) };
    check_id(what, id, chars_max)?;
    Ok(Some(id))
}

/// Refuses a name that is too long or has a NUL.
pub(crate) fn check_name(name: &str, chars_max: usize) -> Result<(), Bad> {
    if is_longer(name, chars_max) || name.contains('\0') {
        return Err(Bad::new(Reason::BadName, format!("the name must have at most {chars_max} characters, and no NUL")));
    }
    Ok(())
}

/// The foreign ids of a person, in the order in which they are tried: the user id, else the e-mail; then the e-mail's domain. None where there is neither.
pub(crate) fn person_ids<'a>(user_id: Option<&'a str>, email: Option<&'a str>) -> ForeignIds<'a> {
    let domain = email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain).filter(|domain| !domain.is_empty());
    let person = user_id.or(email).map(|id| ForeignId { kind: USER, id });
    person.into_iter().chain(domain.map(|id| ForeignId { kind: EMAIL_DOMAIN, id })).collect()
}

/// Whether `text` has more than `max` characters; cheap where it is short in bytes.
pub(crate) fn is_longer(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

fn has_control(text: &str) -> bool {
    // U+0080..U+009F are 0xC2 0x80..0x9F: the slow look is for those texts only that have a byte above ASCII.
    text.bytes().any(|b| b < 0x20 || b == 0x7f) || (!text.is_ascii() && text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_control_characters_or_without_end_are_refused() {
        for (id, good) in [("a b/c:d@e", true), ("é中", true), ("a\0b", false), ("a\nb", false), ("\u{7f}", false), ("x\u{85}y", false)] {
            assert_eq!(check_id("an id", id, 10).is_ok(), good, "{id:?}");
        }
        assert!(check_id("an id", &"é".repeat(10), 10).is_ok());
        assert!(check_id("an id", &"é".repeat(11), 10).is_err());
        assert!(check_account_id("~user:x", 10).is_err());
    }
}
