//! Signing by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Prefix of a secret as people hold it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that the standard asks for.
const LEN_ADVISED: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that signs; its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

impl SigningKey {
    /// Reads `whsec_` and padded base64; the prefix may be missing.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn parse(secret: &str) -> Result<Self, String> {
        let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
        let key = STANDARD
            .decode(text)
            .map_err(|_| "its secret must be whsec_ and base64 (make one with: echo whsec_$(openssl rand -base64 32))")?;
        if key.is_empty() {
            return Err("its secret is empty".into());
        }
        if !LEN_ADVISED.contains(&key.len()) {
            tracing::warn!(bytes = key.len(), "a webhook secret should have 24 to 64 bytes");
        }
        Ok(Self(key))
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { unreachable!("hmac takes keys of any length") };
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The `webhook-signature` header: one signature for each key, separated by spaces.
pub(crate) fn header(keys: &[SigningKey], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, timestamp_s, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_pythons_hmac_gives() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = header(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_key_signs_while_they_are_rotated() {
        let keys = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"].map(|s| SigningKey::parse(s).unwrap());
        let both = header(&keys, "a_1", 1, b"{}");
        let each: Vec<String> = keys.iter().map(|key| header(std::slice::from_ref(key), "a_1", 1, b"{}")).collect();
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for secret in ["", "whsec_", "whsec_not base64", "whsec_MfKQ9r8"] {
            assert!(SigningKey::parse(secret).is_err(), "{secret:?}");
        }
    }
}
