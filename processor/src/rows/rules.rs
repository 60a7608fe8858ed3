//! The rules of a tenant as rows keep them.
use super::Row;
use serde::{Deserialize, Serialize};

/// A file of rules as it was applied, by tenant and id: kept, since scores were made by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RulesRow {
    pub(crate) text: String,
}

impl Row for RulesRow {
    const VERSION: u8 = 1;
}

/// Which of them holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InForceRow {
    pub(crate) version: u32,
    pub(crate) at: i64,
    pub(crate) id: u64,
}

impl Row for InForceRow {
    const VERSION: u8 = 1;
}

/// How far a tenant's customers are scored anew by its new rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RescoreRow {
    /// The hot row that was the last.
    pub(crate) after: Vec<u8>,
}

impl Row for RescoreRow {
    const VERSION: u8 = 1;
}
