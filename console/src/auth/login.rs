//! Log-in and log-out.
use super::cookie::{self, PERSON_BYTES_MAX};
use super::guard::{own_origin, real_s};
use crate::api::ApiError;
use crate::app::App;
use crate::pages;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;
use url::form_urlencoded;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/login", get(form).post(login)).route("/logout", post(logout))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    next: String,
}

async fn form(query: Result<Query<Wanted>, QueryRejection>) -> Response {
    let next = query.map(|Query(wanted)| wanted.next).unwrap_or_default();
    pages::login(&local(&next), "", StatusCode::OK)
}

async fn login(State(app): State<Arc<App>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    if !own_origin(&app, &Method::POST, &headers) {
        return ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", "log in from the console's own page").into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return ApiError::from(rejection).into_response(),
    };
    let field = |wanted: &str| {
        form_urlencoded::parse(&body).find(|(name, _)| name == wanted).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let next = local(&field("next"));
    let Some(token) = app.keys.by_secret(&field("token")) else {
        return pages::login(&next, "That token is not known here.", StatusCode::UNAUTHORIZED);
    };
    let person: String = field("name").chars().filter(|c| !c.is_control()).take(PERSON_BYTES_MAX / 4).collect();
    let value = cookie::issue(&app.keys, &token, &person, real_s());
    let cookie = format!("{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie::NAME, app.keys.session_s_max, secure(&app));
    ([(header::SET_COOKIE, cookie)], Redirect::to(&next)).into_response()
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if !own_origin(&app, &Method::POST, &headers) {
        return ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", "log out from the console's own page").into_response();
    }
    let cookie = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{}", cookie::NAME, secure(&app));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

fn secure(app: &App) -> &'static str {
    if app.keys.console_url.starts_with("https:") { "; Secure" } else { "" }
}

/// A path of ours, and never somebody else's address.
fn local(next: &str) -> String {
    let foreign = !next.starts_with('/') || next.starts_with("//") || next.contains('\\') || next.chars().any(char::is_control);
    // Only what can stand in a header as it is: paths come percent-encoded.
    if foreign || !next.is_ascii() { "/".into() } else { next.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_to_after_the_log_in() {
        for (next, went) in [
            ("/alerts?status=open", "/alerts?status=open"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
        ] {
            assert_eq!(local(next), went, "{next}");
        }
    }
}
