//! Keyed hashes, compared in constant time.
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether `tag` is the HMAC-SHA256 of `parts`, one after another, under `key`.
pub(crate) fn hmac_sha256_is(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_rfc_4231() {
        let tag = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert!(hmac_sha256_is(b"Jefe", &[b"what do ya want ", b"for nothing?"], &tag));
        assert!(!hmac_sha256_is(b"Jeff", &[b"what do ya want for nothing?"], &tag));
        assert!(!hmac_sha256_is(b"Jefe", &[b"what do ya want for nothing?"], &tag[..31]));
        assert!(!hmac_sha256_is(b"Jefe", &[b"what do ya want for nothing?"], b""));
    }
}
