//! The door: every route but log-in and assets passes here.
use super::cookie;
use crate::api::ApiError;
use crate::app::App;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use c360_log::Clock;
use std::sync::Arc;
use url::Url;
use url::form_urlencoded;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) tenant: Arc<str>,
    /// What to call them where a request does not say it.
    pub(crate) person: Arc<str>,
}

/// Lets in who has a token or a cookie. A token that is sent decides, right or wrong; a cookie is good only for requests of our own pages.
pub(crate) async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let caller = match request.headers().get(header::AUTHORIZATION) {
        Some(given) => bearer(&app, given),
        None => match session(&app, request.headers()) {
            Some(_) if !own_origin(&app, request.method(), request.headers()) => {
                return ApiError::new(
                    StatusCode::FORBIDDEN,
                    "foreign_origin",
                    "a log-in cookie is good only for requests of the console's own pages; send a token",
                )
                .into_response();
            }
            caller => caller,
        },
    };
    match caller {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => refuse(&request),
    }
}

fn bearer(app: &App, given: &HeaderValue) -> Option<Caller> {
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let token = app.keys.by_secret(token.trim())?;
    Some(Caller { tenant: token.tenant.into(), person: "api".into() })
}

fn session(app: &App, headers: &HeaderMap) -> Option<Caller> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let session = cookies.filter_map(cookie::find).find_map(|value| cookie::verify(&app.keys, value, real_s()))?;
    Some(Caller { tenant: session.token.tenant.into(), person: session.person.unwrap_or_else(|| "console".into()).into() })
}

/// Real time, as sessions go by it.
pub(super) fn real_s() -> u64 {
    (Clock::real_ms() / 1000).max(0) as u64
}

/// Whether a request that changes something comes from a page of ours. Browsers say where it comes from; programs that keep cookies need not.
pub(super) fn own_origin(app: &App, method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(origin) = headers.get(header::ORIGIN) {
        let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else { return false };
        let ours = Url::parse(&app.keys.console_url).is_ok_and(|url| url.origin() == origin.origin());
        return ours
            || text(header::HOST)
                .is_some_and(|host| Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|url| url.origin() == origin.origin()));
    }
    text(header::HeaderName::from_static("sec-fetch-site")).is_none_or(|site| site == "same-origin")
}

/// Programs are told, people are shown the form.
fn refuse(request: &Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path == "/events" {
        return ApiError::unauthorized().into_response();
    }
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("/login?next={next}")).into_response()
}
