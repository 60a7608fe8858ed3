//! An alert as a Standard Webhooks request: body, id, headers.
use crate::signature::{self, SigningKey};
use c360_schemas::{Alert, AlertBody};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// The body, exactly as the contract says.
pub(crate) fn body(alert: &Alert, console_url: &str) -> Result<Vec<u8>, String> {
    serde_json::to_vec(&AlertBody::new(alert, console_url)).map_err(|e| format!("the alert cannot be written as json: {e}"))
}

/// `<alert_id>_<revision>`, the same on each retry.
pub(crate) fn id(alert: &Alert) -> String {
    format!("{}_{}", alert.alert_id, alert.revision)
}

/// The headers of one attempt at `timestamp_s`, real time.
pub(crate) fn headers(keys: &[SigningKey], id: &str, timestamp_s: i64, body: &[u8]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let signature = signature::header(keys, id, timestamp_s, body);
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &timestamp_s.to_string()), ("webhook-signature", &signature)] {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{name} {value:?} cannot stand in a header"))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::alert;

    #[test]
    fn the_body_of_a_webhook() {
        let body: serde_json::Value = serde_json::from_slice(&body(&alert("al_1", 2), "https://c360.example.com/").unwrap()).unwrap();
        insta::assert_json_snapshot!(body);
    }

    #[test]
    fn an_id_that_no_header_takes_is_an_error() {
        assert!(headers(&[], "a\nb_1", 1, b"{}").unwrap_err().contains("webhook-id"));
    }
}
