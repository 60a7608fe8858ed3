//! Query parameters. An empty one is as good as none; one that makes no sense is a 400 that says what would.
use super::{ApiError, cursor};
use crate::read::alerts::Status;
use crate::read::customers::{After, Column, Filter, Sort};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;
const Q_CHARS_MAX: usize = 200;
const BANDS: [&str; 4] = ["green", "yellow", "red", "unknown"];
const LIFECYCLES: [&str; 5] = ["adoption", "stabilisation", "steady", "renewal", "churned"];

/// `limit` and `cursor`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    limit: String,
    cursor: String,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        limit(&self.limit)
    }

    pub(crate) fn after<T: DeserializeOwned>(&self) -> Result<Option<T>, ApiError> {
        given(&self.cursor).map(|text| cursor::decode(&text)).transpose()
    }
}

/// Of the list of alerts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AlertQuery {
    status: String,
    limit: String,
    cursor: String,
}

impl AlertQuery {
    pub(crate) fn status(&self) -> Result<Status, ApiError> {
        let Some(text) = given(&self.status) else { return Ok(Status::Open) };
        Status::parse(&text).ok_or_else(|| ApiError::bad_request("status is open, resolved, retracted or all"))
    }

    pub(crate) fn page(&self) -> PageQuery {
        PageQuery { limit: self.limit.clone(), cursor: self.cursor.clone() }
    }
}

/// Of who needs somebody today.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TodayQuery {
    owner: String,
    limit: String,
}

impl TodayQuery {
    pub(crate) fn owner(&self) -> Option<String> {
        given(&self.owner)
    }

    /// `usual` where it is not said.
    pub(crate) fn limit(&self, usual: usize) -> Result<usize, ApiError> {
        if given(&self.limit).is_none() { Ok(usual) } else { limit(&self.limit) }
    }
}

/// Of the list of customers; the page of the list takes the same ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    sort: String,
    band: String,
    owner: String,
    lifecycle: String,
    q: String,
    limit: String,
    cursor: String,
}

impl ListQuery {
    pub(crate) fn sort(&self) -> Result<Sort, ApiError> {
        let Some(text) = given(&self.sort) else { return Ok(Sort { column: Column::Name, descending: false }) };
        Sort::parse(&text).ok_or_else(|| {
            ApiError::bad_request("sort is name, score, mrr, last_seen_at or renews_at, with - in front for the other direction")
        })
    }

    pub(crate) fn filter(&self) -> Result<Filter, ApiError> {
        let q = given(&self.q);
        if q.as_ref().is_some_and(|q| q.chars().count() > Q_CHARS_MAX) {
            return Err(ApiError::bad_request(format!("q has at most {Q_CHARS_MAX} characters")));
        }
        Ok(Filter {
            band: one_of("band", &self.band, &BANDS)?,
            lifecycle: one_of("lifecycle", &self.lifecycle, &LIFECYCLES)?,
            owner: given(&self.owner),
            q,
        })
    }

    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        limit(&self.limit)
    }

    pub(crate) fn after(&self, sort: Sort) -> Result<Option<After>, ApiError> {
        let Some(text) = given(&self.cursor) else { return Ok(None) };
        let after: After = cursor::decode(&text)?;
        if after.sort != sort.text() {
            return Err(ApiError::bad_request("cursor is of another sort; start again without it"));
        }
        Ok(Some(after))
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(Into::into)
}

fn limit(text: &str) -> Result<usize, ApiError> {
    let Some(text) = given(text) else { return Ok(LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| ApiError::bad_request(format!("limit is a number from 1 to {LIMIT_MAX}")))
}

fn one_of(name: &str, text: &str, allowed: &[&str]) -> Result<Option<String>, ApiError> {
    match given(text) {
        Some(text) if !allowed.contains(&&*text) => Err(ApiError::bad_request(format!("{name} is one of {}", allowed.join(", ")))),
        text => Ok(text),
    }
}
