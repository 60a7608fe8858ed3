//! The session cookie: `version.expiry.token-id.name.signature`. Nothing is kept of it on the server, so a restart logs nobody out, and a token that is taken away ends its sessions.
use super::token::{Keys, token_id};
use crate::config::ApiToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) const NAME: &str = "c360_session";
const VERSION: &str = "1";
/// Bytes of the name that somebody logs in with.
pub(super) const PERSON_BYTES_MAX: usize = 100;

/// A cookie that was looked at and holds.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: ApiToken,
    /// What the person called themselves at the log-in.
    pub(super) person: Option<String>,
}

/// The value of a new cookie. `now_s` is real time: a clock that runs through a year in a minute shall not log people out.
pub(super) fn issue(keys: &Keys, token: &ApiToken, person: &str, now_s: u64) -> String {
    let expires = now_s.saturating_add(keys.session_s_max);
    let body = format!("{VERSION}.{expires}.{}.{}", token_id(token), URL_SAFE_NO_PAD.encode(person));
    let signature = URL_SAFE_NO_PAD.encode(mac(keys, token, &body).finalize().into_bytes());
    format!("{body}.{signature}")
}

/// Reads a cookie; `None` where anything about it is not right.
pub(super) fn verify(keys: &Keys, value: &str, now_s: u64) -> Option<Session> {
    let (body, signature) = value.rsplit_once('.')?;
    let mut parts = body.split('.');
    let (version, expires, id, person) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != VERSION || parts.next().is_some() || expires.parse::<u64>().ok()? <= now_s {
        return None;
    }
    let token = keys.by_id(id)?;
    mac(keys, &token, body).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let person = String::from_utf8(URL_SAFE_NO_PAD.decode(person).ok()?).ok()?;
    Some(Session { token, person: Some(person).filter(|p| !p.is_empty()) })
}

/// Under a key that hangs on the token and on our own secret: knowing the hashes in the configuration is not enough.
fn mac(keys: &Keys, token: &ApiToken, body: &str) -> Hmac<Sha256> {
    let mut key = [0; 64];
    key[..32].copy_from_slice(&keys.secret);
    key[32..].copy_from_slice(&token.sha256);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("hmac takes keys of any length");
    mac.update(b"c360 session\0");
    mac.update(body.as_bytes());
    mac
}

/// The value of our cookie in a `Cookie` header.
pub(super) fn find(header: &str) -> Option<&str> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == NAME).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_with(secret: u8) -> Keys {
        Keys::new(vec![ApiToken::from_secret("t1", "one"), ApiToken::from_secret("t2", "two")], [secret; 32], String::new(), 60)
    }

    #[test]
    fn a_cookie_holds_for_its_token_until_it_expires() {
        let keys = signed_with(1);
        let token = keys.by_secret("two").unwrap();
        let value = issue(&keys, &token, "Kim É.", 1000);
        let session = verify(&keys, &value, 1059).unwrap();
        assert_eq!((session.token.tenant.as_str(), session.person.as_deref()), ("t2", Some("Kim É.")));
        assert!(verify(&keys, &value, 1060).is_none());
        keys.set_tokens(vec![ApiToken::from_secret("t1", "one")]);
        assert!(verify(&keys, &value, 1000).is_none());
    }

    #[test]
    fn a_cookie_that_was_touched_does_not_hold() {
        let keys = signed_with(1);
        let value = issue(&keys, &keys.by_secret("one").unwrap(), "", 1000);
        for at in 0..value.len() {
            let mut touched = value.clone().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            // The last character of unpadded base64 has bits to spare, which the decoder refuses.
            assert!(verify(&keys, &touched, 1000).is_none(), "{at}: {touched}");
        }
        assert!(verify(&signed_with(2), &value, 1000).is_none(), "signed by another console");
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        assert_eq!(find("a=b; c360_session=x.y; d=e"), Some("x.y"));
        assert_eq!((find("c360_session2=x"), find("")), (None, None));
    }
}
