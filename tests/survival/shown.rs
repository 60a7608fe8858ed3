//! What the API shows: every customer's view, and every alert.
use crate::common::server::Server;
use reqwest::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// By account id.
    pub views: BTreeMap<String, Value>,
    /// Newest revision of each alert.
    pub alerts: BTreeMap<String, i64>,
}

impl Shown {
    pub fn ask(console: &Server) -> Result<Self, String> {
        let mut shown = Self::default();
        for customer in pages(console, "/api/v1/customers?sort=name&limit=500")? {
            let id = customer["account_id"].as_str().unwrap_or_default().to_owned();
            let path = id.replace('~', "%7E").replace(':', "%3A");
            let view = get(console, &format!("/api/v1/customers/{path}"))?;
            shown.views.insert(id, view);
        }
        for alert in pages(console, "/api/v1/alerts?status=all&limit=500")? {
            shown.alerts.insert(alert["alert_id"].as_str().unwrap_or_default().to_owned(), alert["revision"].as_i64().unwrap_or(0));
        }
        Ok(shown)
    }
}

fn pages(console: &Server, path: &str) -> Result<Vec<Value>, String> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(console, &format!("{path}{cursor}"))?;
        items.extend(page["items"].as_array().ok_or("a page without items")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(items),
        }
    }
}

fn get(console: &Server, path: &str) -> Result<Value, String> {
    let answer = console.api(reqwest::Method::GET, path).send().map_err(|e| format!("{path}: {e}"))?;
    match answer.status() {
        StatusCode::OK => answer.json().map_err(|e| format!("{path}: {e}")),
        status => Err(format!("{path}: {status}")),
    }
}
