//! Write keys: who may send, and for which tenant.
//!
//! Only SHA-256 hashes are held. A key that is presented is hashed, its candidates are found by the hash's first bytes and compared in constant time, so the time that an
//! answer takes tells nothing of a key. The tenant comes from the key and from nowhere else.
use crate::config::SetupError;
use crate::error::Refusal;
use crate::ids::is_name;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The header that Jitsu's and others' clients use.
const WRITE_KEY_HEADER: &str = "x-write-key";

/// A write key, as its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteKey {
    pub tenant: Arc<str>,
    /// What events by this key have as their source.
    pub name: Arc<str>,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
}

impl WriteKey {
    /// The key whose text is `key`.
    pub fn of(tenant: &str, name: &str, key: &str) -> Self {
        Self { tenant: tenant.into(), name: name.into(), hash: Self::hash_of(key) }
    }

    /// What is stored of a key.
    pub fn hash_of(key: &str) -> [u8; 32] {
        Sha256::digest(key.as_bytes()).into()
    }
}

/// All write keys of an installation.
#[derive(Clone, Debug, Default)]
pub struct WriteKeys(HashMap<[u8; 8], Vec<WriteKey>>);

impl WriteKeys {
    /// Takes the keys in.
    ///
    /// # Errors
    /// Where a tenant's name cannot stand in a record's key.
    pub fn new(keys: impl IntoIterator<Item = WriteKey>) -> Result<Self, SetupError> {
        let mut by_prefix: HashMap<[u8; 8], Vec<WriteKey>> = HashMap::new();
        for key in keys {
            if !is_name(&key.tenant) {
                return Err(SetupError::Tenant(key.tenant.to_string()));
            }
            by_prefix.entry(prefix(&key.hash)).or_default().push(key);
        }
        Ok(Self(by_prefix))
    }

    /// The entry of `key`.
    pub(crate) fn find(&self, key: &str) -> Option<&WriteKey> {
        let hash = WriteKey::hash_of(key);
        self.0.get(&prefix(&hash))?.iter().find(|candidate| bool::from(candidate.hash.ct_eq(&hash)))
    }

    /// The entry of the key in the headers; `None` where they hold none, so that the body may.
    pub(crate) fn of_headers(&self, headers: &HeaderMap) -> Result<Option<&WriteKey>, Refusal> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            return self.of_authorization(value.to_str().unwrap_or_default()).map(Some);
        }
        match headers.get(WRITE_KEY_HEADER) {
            None => Ok(None),
            Some(value) => value.to_str().ok().and_then(|key| self.find(key.trim())).map(Some).ok_or(Refusal::UnknownWriteKey),
        }
    }

    /// Basic with the key as the user, or Bearer.
    fn of_authorization(&self, value: &str) -> Result<&WriteKey, Refusal> {
        let (scheme, rest) = value.trim().split_once(' ').ok_or(Refusal::UnknownWriteKey)?;
        let rest = rest.trim();
        let found = if scheme.eq_ignore_ascii_case("basic") {
            basic(rest).and_then(|pair| {
                let user = pair.split_once(':').map_or(pair.as_str(), |(user, _)| user);
                // A key like Jitsu's `id:secret` fills both halves.
                self.find(user).or_else(|| self.find(&pair))
            })
        } else if scheme.eq_ignore_ascii_case("bearer") {
            self.find(rest)
        } else {
            None
        };
        found.ok_or(Refusal::UnknownWriteKey)
    }
}

/// `user:password` out of Basic's base64, padded or not.
pub(crate) fn basic(encoded: &str) -> Option<String> {
    let bytes = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)).ok()?;
    String::from_utf8(bytes).ok()
}

fn prefix(hash: &[u8; 32]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&hash[..8]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> WriteKeys {
        WriteKeys::new([WriteKey::of("t1", "api", "wk_1"), WriteKey::of("t2", "jitsu", "id:secret")]).unwrap()
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_key_is_found_wherever_clients_put_it() {
        let keys = keys();
        for (name, value, tenant) in [
            ("authorization", format!("Basic {}", STANDARD.encode("wk_1:")), "t1"),
            ("authorization", format!("basic {}", STANDARD.encode("wk_1")), "t1"),
            ("authorization", format!("Basic {}", STANDARD_NO_PAD.encode("id:secret")), "t2"),
            ("authorization", "Bearer wk_1".into(), "t1"),
            ("x-write-key", "id:secret".into(), "t2"),
        ] {
            assert_eq!(&*keys.of_headers(&headers(name, &value)).unwrap().unwrap().tenant, tenant, "{value}");
        }
        assert!(keys.of_headers(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_wrong_key_is_refused_and_does_not_fall_through_to_the_body() {
        let keys = keys();
        for (name, value) in [
            ("authorization", "Basic !!!".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode("wk_2:"))),
            ("authorization", "Digest x".into()),
            ("authorization", "wk_1".into()),
            ("x-write-key", "wk_".into()),
        ] {
            assert!(matches!(keys.of_headers(&headers(name, &value)), Err(Refusal::UnknownWriteKey)), "{value}");
        }
    }

    #[test]
    fn a_tenant_with_a_slash_is_refused() {
        assert!(matches!(WriteKeys::new([WriteKey::of("a/b", "api", "k")]), Err(SetupError::Tenant(_))));
    }
}
