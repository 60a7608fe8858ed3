//! Errors as the API says them: `{"code","message"}`.
use crate::barrier::BarrierError;
use crate::db::ReadError;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use c360_log::LogError;
use serde_json::json;

#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "send an API token: Authorization: Bearer <token>")
    }

    fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"code": self.code, "message": self.message}))).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        response
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        if matches!(error, ReadError::Busy) {
            return Self::unavailable(error.to_string());
        }
        tracing::error!(%error, "a read failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the read model could not be read; the log of the process says why")
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        tracing::warn!(%error, "the log did not take a request");
        match error {
            LogError::TooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string()),
            error => Self::unavailable(error.to_string()),
        }
    }
}

impl From<BarrierError> for ApiError {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", format!("the clock was moved on, but {error}")),
            BarrierError::Log(error) => error.into(),
            BarrierError::Ended => Self::unavailable("the clock was moved on, but the wait was cut off: the console is stopping"),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(format!("the path cannot be read: {}", rejection.body_text()))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(format!("the query cannot be read: {}", rejection.body_text()))
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than this endpoint takes");
        }
        Self::bad_request(format!("the body cannot be read: {}", rejection.body_text()))
    }
}
