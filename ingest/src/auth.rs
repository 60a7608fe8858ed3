//! Write keys: who may send, for which tenant, and how much.
//!
//! Only SHA-256 hashes are held. A key that is presented is hashed, its candidates are found by the hash's first bytes and compared in constant time, so the time that an
//! answer takes tells nothing of a key. The tenant comes from the key and from nowhere else.
use crate::config::SetupError;
use crate::error::Refusal;
use crate::ids::is_name;
use crate::metrics::METRICS;
use crate::quota::{Exceeded, Quota};
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
#[derive(Clone, Debug)]
pub struct WriteKey {
    pub tenant: Arc<str>,
    /// What events by this key have as their source.
    pub name: Arc<str>,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// `None`: as much as the log takes.
    pub quota: Option<Arc<Quota>>,
}

impl WriteKey {
    /// The key whose text is `key`, without a quota.
    pub fn of(tenant: &str, name: &str, key: &str) -> Self {
        Self { tenant: tenant.into(), name: name.into(), hash: Self::hash_of(key), quota: None }
    }

    /// Whether the key may send anything now; asked before work is put into a request.
    pub(crate) fn check_quota(&self) -> Result<(), Refusal> {
        self.quota.as_ref().map_or(Ok(()), |quota| quota.check().map_err(|exceeded| self.exceeded(quota, exceeded)))
    }

    /// Counts `events` against the quota.
    pub(crate) fn charge(&self, events: usize) -> Result<Charge, Refusal> {
        let Some(quota) = &self.quota else { return Ok(Charge::default()) };
        quota.take(events).map_err(|exceeded| self.exceeded(quota, exceeded))?;
        Ok(Charge { quota: Some(Arc::clone(quota)), events })
    }

    fn exceeded(&self, quota: &Quota, exceeded: Exceeded) -> Refusal {
        METRICS.quota_exceeded(&self.tenant, &self.name);
        Refusal::QuotaExceeded { events_per_s: quota.limits().events_per_s.get(), retry_after_s: exceeded.retry_after_s() }
    }

    /// What is stored of a key.
    pub fn hash_of(key: &str) -> [u8; 32] {
        Sha256::digest(key.as_bytes()).into()
    }
}

/// What a request has taken of its key's quota.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    quota: Option<Arc<Quota>>,
    events: usize,
}

impl Charge {
    /// The log did not take the request: its sender comes again, and is not to pay twice.
    pub(crate) fn give_back(self) {
        if let Some(quota) = self.quota {
            quota.give_back(self.events);
        }
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
            if key.quota.is_some() {
                METRICS.touch_quota(&key.tenant, &key.name);
            }
            by_prefix.entry(prefix(&key.hash)).or_default().push(key);
        }
        Ok(Self(by_prefix))
    }

    /// Goes on with the buckets of `old` where key and limits are the same: a reload is no way to a new burst.
    pub(crate) fn keep_quotas(&mut self, old: &Self) {
        for key in self.0.values_mut().flatten() {
            let Some(before) = old.by_hash(&key.hash).and_then(|old| old.quota.as_ref()) else { continue };
            if key.quota.as_ref().is_some_and(|quota| quota.limits() == before.limits()) {
                key.quota = Some(Arc::clone(before));
            }
        }
    }

    /// The entry of `key`.
    pub(crate) fn find(&self, key: &str) -> Option<&WriteKey> {
        self.by_hash(&WriteKey::hash_of(key))
    }

    fn by_hash(&self, hash: &[u8; 32]) -> Option<&WriteKey> {
        self.0.get(&prefix(hash))?.iter().find(|candidate| bool::from(candidate.hash.ct_eq(hash)))
    }

    /// The entry of `key`, which may have a second half behind a colon: Jitsu's clients take no other. A key with a colon of its own comes first.
    pub(crate) fn find_either(&self, key: &str) -> Option<&WriteKey> {
        self.find(key).or_else(|| self.find(key.split_once(':')?.0))
    }

    /// The entry of the key in the headers; `None` where they hold none, so that the body may.
    pub(crate) fn of_headers(&self, headers: &HeaderMap) -> Result<Option<&WriteKey>, Refusal> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            return self.of_authorization(value.to_str().unwrap_or_default()).map(Some);
        }
        match headers.get(WRITE_KEY_HEADER) {
            None => Ok(None),
            Some(value) => value.to_str().ok().and_then(|key| self.find_either(key.trim())).map(Some).ok_or(Refusal::UnknownWriteKey),
        }
    }

    /// Basic with the key as the user, or Bearer.
    fn of_authorization(&self, value: &str) -> Result<&WriteKey, Refusal> {
        let (scheme, rest) = value.trim().split_once(' ').ok_or(Refusal::UnknownWriteKey)?;
        let rest = rest.trim();
        let found = if scheme.eq_ignore_ascii_case("basic") {
            // Mostly `key:`, with nothing behind it.
            basic(rest).and_then(|pair| self.find(pair.strip_suffix(':').unwrap_or(&pair)).or_else(|| self.find_either(&pair)))
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
            ("authorization", format!("Basic {}", STANDARD.encode("wk_1:some password")), "t1"),
            ("x-write-key", "id:secret".into(), "t2"),
            ("x-write-key", "wk_1:s2s".into(), "t1"),
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
            ("x-write-key", "id:other".into()),
            ("x-write-key", "id".into()),
        ] {
            assert!(matches!(keys.of_headers(&headers(name, &value)), Err(Refusal::UnknownWriteKey)), "{value}");
        }
    }

    #[test]
    fn a_tenant_with_a_slash_is_refused() {
        assert!(matches!(WriteKeys::new([WriteKey::of("a/b", "api", "k")]), Err(SetupError::Tenant(_))));
    }
}
