//! The pages: rendered here, readable without a script; the script only keeps them fresh and sends what is clicked.
//!
//! All that a page shows came from outside once, so templates escape everything, and the few parts that are built apart (times, chips, charts) are templates themselves.
mod alerts;
mod assets;
mod chart;
mod customer;
mod definitions;
mod facts;
mod format;
mod list;
mod parts;
mod portfolio;
mod rules;
mod sections;
mod today;
mod waterfall;

pub(crate) use assets::routes as assets;

use crate::api::ApiError;
use crate::app::App;
use crate::db::ReadError;
use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(list::page))
        .route("/customers/{account_id}", get(customer::page))
        .route("/alerts", get(alerts::page))
        .route("/portfolio", get(portfolio::page))
        .route("/rules", get(rules::page))
        .route("/today", get(today::page))
}

/// What every page's frame needs.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Which entry of the navigation is here.
    here: &'static str,
    assets: &'static str,
}

impl Frame {
    fn new(here: &'static str) -> Self {
        Self { here, assets: assets::version() }
    }
}

/// Says what is wrong as a page.
#[derive(Debug)]
struct PageError(ApiError);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        problem(self.0.status, &self.0.message)
    }
}

type Page = Result<Response, PageError>;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    frame: Frame,
    next: &'a str,
    error: &'a str,
}

/// The log-in form.
pub(crate) fn login(next: &str, error: &str, status: StatusCode) -> Response {
    render(&Login { frame: Frame::new("login"), next, error }, status)
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
}

/// A page for what is not there.
pub(crate) fn missing(message: &str) -> Response {
    problem(StatusCode::NOT_FOUND, message)
}

fn problem(status: StatusCode, message: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Something went wrong");
    render(&Problem { frame: Frame::new(""), title, message }, status)
}

fn render(page: &impl Template, status: StatusCode) -> Response {
    match page.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered").into_response()
        }
    }
}

/// A page that read what it shows.
fn ok(page: &impl Template) -> Page {
    Ok(render(page, StatusCode::OK))
}

/// Views are JSON by the time they are in the read model; one that is not shows as an error and not as an empty customer.
fn view(text: Option<&str>) -> Result<serde_json::Value, ReadError> {
    Ok(serde_json::from_str(text.unwrap_or("{}"))?)
}
