//! What a customer bought the product for, what it was promised and what came of it, as it was told; and the renewal plan that is open.
use super::Newest;
use serde::{Deserialize, Serialize};

/// A purpose of the purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) title: String,
    /// A fact of the view that it is measured by, see `view/goals.rs`.
    pub(crate) measure: Option<String>,
    /// In thousandths.
    pub(crate) target_milli: Option<i64>,
    /// Where nothing measures it: whether it was said to be met.
    pub(crate) met: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum PromiseStatus {
    #[default]
    Open,
    Kept,
    Broken,
}

impl PromiseStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::Broken => "broken",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) title: String,
    pub(crate) due_at: Option<i64>,
    pub(crate) status: PromiseStatus,
}

/// Something worth showing when a renewal comes: a training, an improvement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) at: i64,
}

/// Each by its id, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) goals: Vec<(String, Newest<Goal>)>,
    pub(crate) promises: Vec<(String, Newest<Promise>)>,
    pub(crate) results: Vec<(String, Newest<Shown>)>,
}

/// A renewal plan was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renewal {
    pub(crate) opened_at: i64,
    /// The end of the term that it is for.
    pub(crate) term_end: i64,
}
