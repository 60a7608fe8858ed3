//! What a client hears.
use crate::error::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

const SUCCESS: &str = r#"{"success":true}"#;

/// 200: the log has acknowledged all of it.
pub(crate) fn success() -> Response {
    json(Body::from(SUCCESS))
}

impl IntoResponse for Refusal {
    /// An error body has both `code` and `message`: without them the RudderStack Python SDK tries a 400 again for ever.
    fn into_response(self) -> Response {
        let text = serde_json::json!({"code": self.code(), "message": self.to_string()}).to_string();
        let mut response = json(Body::from(text));
        *response.status_mut() = self.status();
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(crate) fn json(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
