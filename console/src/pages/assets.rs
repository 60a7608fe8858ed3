//! Style, script and icon, inside the binary.
use crate::app::App;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

const STYLE: &str = include_str!("../../assets/c360.css");
const SCRIPT: &str = include_str!("../../assets/c360.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// Changes with the files, so that browsers may keep them for long.
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| hex::encode(&Sha256::digest([STYLE, SCRIPT, ICON].concat())[..6]));
    &VERSION
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/assets/c360.css", get(async || asset(STYLE, "text/css; charset=utf-8")))
        .route("/assets/c360.js", get(async || asset(SCRIPT, "text/javascript; charset=utf-8")))
        .route("/assets/icon.svg", get(async || asset(ICON, "image/svg+xml")))
}

fn asset(text: &'static str, kind: &'static str) -> impl IntoResponse {
    let keep = HeaderValue::from_static("public, max-age=86400");
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, keep)], text)
}
