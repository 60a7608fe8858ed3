//! Write keys and API tokens: from the configuration, the environment, or made at the first start. Only hashes are kept.
use crate::data::DataFolder;
use crate::settings::{Settings, env_secret};
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use c360_console::ApiToken;
use c360_ingest::{Quota, WriteKey, WriteKeys};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};

/// The tenant of whoever does not name one.
pub(crate) const DEFAULT_TENANT: &str = "default";
/// Random bytes in a key or token that is made here.
const KEY_BYTES: usize = 24;

/// SHA-256 of a key.
pub(crate) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The API tokens that are in force, for the routes that are not the console's. Clones share them.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<RwLock<Vec<ApiToken>>>);

impl Tokens {
    pub(crate) fn new(tokens: Vec<ApiToken>) -> Self {
        Self(Arc::new(RwLock::new(tokens)))
    }

    /// Puts others in force.
    pub(crate) fn set(&self, tokens: Vec<ApiToken>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    /// Whether a request's `Authorization` is `Bearer` and one of them.
    pub(crate) fn allow(&self, authorization: Option<&str>) -> bool {
        self.tenant(authorization).is_some()
    }

    /// The tenant of the token in a request's `Authorization`. Hashes are compared, so how long it takes tells nothing of a token.
    pub(crate) fn tenant(&self, authorization: Option<&str>) -> Option<String> {
        let (scheme, token) = authorization.and_then(|given| given.split_once(' '))?;
        let given = hash(token.trim());
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().find(|known| known.sha256 == given && scheme.eq_ignore_ascii_case("bearer")).map(|known| known.tenant.clone())
    }
}

/// What a first start made up, in the clear: shown once.
#[derive(Clone, Debug, Default)]
pub(crate) struct MadeUp {
    pub(crate) write_key: Option<String>,
    pub(crate) api_token: Option<String>,
}

/// Hashes of the key and the token of the first start, in hex.
#[derive(Default, Serialize, Deserialize)]
struct Bootstrap {
    write_key_sha256: Option<String>,
    api_token_sha256: Option<String>,
}

/// Who may send and who may look.
pub(crate) struct Access {
    pub(crate) write_keys: WriteKeys,
    pub(crate) api_tokens: Vec<ApiToken>,
    pub(crate) made_up: MadeUp,
}

impl Access {
    /// Gathers keys and tokens; makes up what a first start without a configuration lacks.
    ///
    /// # Errors
    /// Where a key cannot be read, or the data folder cannot be written.
    pub(crate) fn gather(settings: &Settings, data: &DataFolder) -> anyhow::Result<Self> {
        let mut keys = Vec::new();
        let mut tokens = Vec::new();
        for entry in &settings.write_keys {
            let quota = entry.quota().map(|limits| Arc::new(Quota::new(limits)));
            keys.push(WriteKey { tenant: entry.tenant.as_str().into(), name: entry.name.as_str().into(), hash: entry.hash()?, quota });
        }
        for entry in &settings.api_tokens {
            tokens.push(ApiToken { tenant: entry.tenant.clone(), sha256: entry.hash()? });
        }
        let mut made_up = MadeUp::default();
        let mut kept: Bootstrap = data.read_json("access.json")?.unwrap_or_default();
        let given_key = env_secret("C360_BOOTSTRAP_WRITE_KEY")?;
        let given_token = env_secret("C360_BOOTSTRAP_API_TOKEN")?;
        let key = settle(given_key, &mut kept.write_key_sha256, &mut made_up.write_key, keys.is_empty() && !settings.has_file, "wk_")?;
        let token =
            settle(given_token, &mut kept.api_token_sha256, &mut made_up.api_token, tokens.is_empty() && !settings.has_file, "at_")?;
        data.write_json("access.json", &kept)?;
        keys.extend(key.map(|hash| WriteKey { tenant: DEFAULT_TENANT.into(), name: "bootstrap".into(), hash, quota: None }));
        tokens.extend(token.map(|sha256| ApiToken { tenant: DEFAULT_TENANT.into(), sha256 }));
        Ok(Self { write_keys: WriteKeys::new(keys)?, api_tokens: tokens, made_up })
    }
}

/// The hash of the given key, else of the one that was kept, else of a new one where one is needed.
fn settle(
    given: Option<String>,
    kept: &mut Option<String>,
    made_up: &mut Option<String>,
    needed: bool,
    prefix: &str,
) -> anyhow::Result<Option<[u8; 32]>> {
    if given.is_none() && kept.is_none() && needed {
        let mut bytes = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        *made_up = Some(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)));
    }
    if let Some(key) = given.as_ref().or(made_up.as_ref()) {
        *kept = Some(hex::encode(hash(key)));
    }
    let Some(hex) = kept else { return Ok(None) };
    let bytes = hex::decode(hex).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    bytes.context("access.json in the data folder is damaged: remove it to have new keys made").map(Some)
}
