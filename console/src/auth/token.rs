//! Tokens by their hashes, and the secret that signs cookies.
use crate::ConsoleError;
use crate::config::ApiToken;
use parking_lot::RwLock;
use rand::TryRngCore;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// What it takes to check tokens and cookies.
pub(crate) struct Keys {
    tokens: RwLock<Arc<[ApiToken]>>,
    pub(super) secret: [u8; 32],
    pub(super) console_url: String,
    pub(super) session_s_max: u64,
}

impl Keys {
    pub(crate) fn new(tokens: Vec<ApiToken>, secret: [u8; 32], console_url: String, session_s_max: u64) -> Self {
        Self { tokens: RwLock::new(tokens.into()), secret, console_url, session_s_max }
    }

    pub(crate) fn set_tokens(&self, tokens: Vec<ApiToken>) {
        *self.tokens.write() = tokens.into();
    }

    /// The entry of a token given in the clear. Takes as long for any token.
    pub(super) fn by_secret(&self, token: &str) -> Option<ApiToken> {
        self.by_hash(&Sha256::digest(token.as_bytes()).into())
    }

    /// The entry whose hash this is.
    pub(super) fn by_hash(&self, hash: &[u8; 32]) -> Option<ApiToken> {
        let tokens = self.tokens.read().clone();
        let (mut found, mut index) = (Choice::from(0), 0_u32);
        for (token, at) in tokens.iter().zip(0_u32..) {
            let same = token.sha256.ct_eq(hash);
            index.conditional_assign(&at, same);
            found |= same;
        }
        bool::from(found).then(|| tokens.get(index as usize).cloned()).flatten()
    }

    /// The entry that a cookie names: `id` is not secret, the cookie's signature is.
    pub(super) fn by_id(&self, id: &str) -> Option<ApiToken> {
        self.tokens.read().iter().find(|token| token_id(token) == id).cloned()
    }
}

/// A name for a token that says nothing about it: a hash of its hash.
pub(super) fn token_id(token: &ApiToken) -> String {
    hex::encode(&Sha256::digest(token.sha256)[..8])
}

/// The secret that signs cookies: made once and kept beside the read model, so that a restart logs nobody out. Where the file is deleted, people log in again.
pub(crate) fn secret(connection: &Connection, path: &Path) -> Result<[u8; 32], ConsoleError> {
    let database = |source| ConsoleError::Database { path: path.display().to_string(), source };
    let kept: Option<Vec<u8>> =
        connection.query_row("SELECT value FROM meta WHERE name = 'session_secret'", [], |row| row.get(0)).optional().map_err(database)?;
    if let Some(secret) = kept.and_then(|kept| <[u8; 32]>::try_from(kept).ok()) {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut secret).map_err(|e| ConsoleError::Random(e.to_string()))?;
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('session_secret', ?1)", [secret.as_slice()]).map_err(database)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_finds_its_own_entry_and_no_other() {
        let tokens = vec![ApiToken::from_secret("t1", "one"), ApiToken::from_secret("t2", "two"), ApiToken::from_secret("t3", "three")];
        let keys = Keys::new(tokens, [0; 32], String::new(), 60);
        for (token, tenant) in [("one", Some("t1")), ("two", Some("t2")), ("three", Some("t3")), ("four", None), ("", None)] {
            assert_eq!(keys.by_secret(token).map(|t| t.tenant).as_deref(), tenant, "{token}");
        }
        keys.set_tokens(Vec::new());
        assert!(keys.by_secret("one").is_none());
    }
}
