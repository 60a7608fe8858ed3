//! Cursors: the place of the last item, as base64 of JSON. Opaque to whoever holds one; anything else is a 400.
use super::ApiError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

const BYTES_MAX: usize = 16 * 1024;

pub(crate) fn encode(place: &impl Serialize) -> String {
    // Places are strings and numbers, which JSON always takes.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

pub(crate) fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T, ApiError> {
    let place =
        URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() <= BYTES_MAX).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| ApiError::bad_request("cursor is not one that this endpoint gave out"))
}
